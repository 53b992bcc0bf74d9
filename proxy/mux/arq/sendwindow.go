package arq

import (
	"encoding/binary"
	"time"

	"github.com/xtaci/kcp-go/v5"

	"tssh/proxy/mux/gauge"
)

// sendWindow says how many segments may be under way: half as much again as the path holds. KCP
// alone would send a fixed number a round trip, too many for most paths and too
// few for the rest. Loss does not count: on the paths that KCP is for it says
// nothing of how full they are.
type sendWindow struct {
	size int // bytes of a segment

	flying map[uint32]segment
	next   uint32 // the sequence that was not sent yet
	una    uint32 // all below were acknowledged

	sent, delivered uint64 // bytes of segments
	segments        int
	clock           uint32    // KCP's, in milliseconds,
	clockAt         time.Time // when it showed that
	gauge           gauge.Gauge
}

// segment is one under way.
type segment struct {
	at        time.Time
	delivered uint64 // then
	again     bool   // sent twice: whose acknowledgement comes is not known
}

func (p *sendWindow) init(size int) {
	p.size = size
	p.flying = make(map[uint32]segment)
	p.segments = leastSegments
}

// open is how many segments KCP may count from the first that was not acknowledged.
// Those above that were are not under way any more: else the window would close, a
// round trip long, behind each one that is lost.
func (p *sendWindow) open() int {
	n := p.segments
	if p.gauge.Draining() {
		n = max(p.segments/2, leastSegments)
	}
	return min(n+int(p.next-p.una)-len(p.flying), mostSegments)
}

// walk calls f for each segment of a body of KCP's.
func walk(body []byte, f func(cmd byte, ts, sn, una uint32)) {
	for len(body) >= kcp.IKCP_OVERHEAD {
		n := binary.LittleEndian.Uint32(body[20:])
		f(body[4], binary.LittleEndian.Uint32(body[8:]), binary.LittleEndian.Uint32(body[12:]), binary.LittleEndian.Uint32(body[16:]))
		body = body[kcp.IKCP_OVERHEAD:]
		if uint64(n) > uint64(len(body)) {
			return
		}
		body = body[n:]
	}
}

// left notes what leaves.
func (p *sendWindow) left(body []byte, now time.Time) {
	walk(body, func(cmd byte, ts, sn, _ uint32) {
		if cmd != kcp.IKCP_CMD_PUSH {
			return
		}
		p.clock, p.clockAt = ts, now
		switch s, again := p.flying[sn]; {
		case sn == p.next: // KCP counts on by one
			p.next++
			p.sent += uint64(p.size)
			p.flying[sn] = segment{at: now, delivered: p.delivered}
		case again:
			s.again = true
			p.flying[sn] = s
		}
	})
}

// heard notes what comes. It reports whether that acknowledges what was sent before an
// outage, which ended at resumed.
func (p *sendWindow) heard(body []byte, now, resumed time.Time) (old bool) {
	walk(body, func(cmd byte, ts, sn, una uint32) {
		if int32(una-p.next) > 0 {
			return // of nothing that we sent
		}
		for ; int32(una-p.una) > 0; p.una++ {
			p.landed(p.una, now)
		}
		if cmd == kcp.IKCP_CMD_ACK {
			p.landed(sn, now)
			left := p.clockAt.Add(time.Duration(int32(ts-p.clock)) * time.Millisecond)
			old = old || left.Before(resumed) && now.Sub(left) >= stalled
		}
	})
	p.gauge.Age(now, p.sent, p.delivered, p.segments*p.size)
	if holds := p.gauge.Holds(); holds > 0 {
		p.segments = min(max(leastSegments, 3*holds/2/p.size), mostSegments)
	}
	return old
}

func (p *sendWindow) landed(sn uint32, now time.Time) {
	s, ok := p.flying[sn]
	if !ok {
		return
	}
	delete(p.flying, sn)
	p.delivered += uint64(p.size)
	if !s.again {
		p.gauge.Sample(now.Sub(s.at), s.delivered, p.delivered)
	}
}

// queues is how long a segment may wait for those that are under way, at most. A few
// don't count: what waits for the timer is then a key that was lost, not a queue.
func (p *sendWindow) queues() time.Duration {
	n, rate := len(p.flying)-leastSegments, p.gauge.Rate()
	if n <= 0 || rate == 0 {
		return 0
	}
	return time.Duration(float64(n*p.size) / rate * float64(time.Second))
}
