package repair

import (
	"time"

	"tssh/proxy/wire"
)

// What a sender learns of what it sent: by reports what landed, and by that, or by time,
// what was lost, and to what.

// heard takes a report. It reports whether anything landed, and whether bulk did. Old
// reports change nothing, nor do those of what was never sent: the seal was opened,
// but the other end may be anybody's program.
func (s *sender) heard(now time.Duration, r *wire.Report) (fresh, large bool) {
	if r.Number <= s.report || r.Last >= s.next || len(r.Spans) > 0 && r.Spans[0].Last >= s.next {
		return false, false
	}
	s.report = r.Number
	var newest *sent
	var newestN uint64
	count := 0.0
	for _, g := range r.Spans {
		if g.Last < s.base {
			break
		}
		for n := g.Last; n >= max(g.First, s.base); n-- {
			p := s.at(n)
			if p.state == landed {
				continue
			}
			s.land(now, p)
			count++
			large = large || p.size > largeFrom
			s.proven = s.proven || p.size > packet && n >= s.moved
			if newest == nil || newestN < n {
				newest, newestN = p, n
			}
		}
	}
	s.received, s.stamp = r.Bytes, r.Stamp
	if newest == nil {
		return false, false
	}
	s.progress, s.probes, s.asleep = now, 0, false
	if s.newest < newestN {
		s.newest, s.anyAck = newestN, true
	}
	s.ackedSent = max(s.ackedSent, newest.at)
	if newestN >= s.moved {
		s.learn(now, r, newest, newestN)
		s.model.limit.now(s.model.jitter).got += count
	}
	s.detect(now)
	s.forget(now)
	return true, large
}

// land notes that p came.
func (s *sender) land(now time.Duration, p *sent) {
	if p.state == flying {
		s.fell(p)
	} else if now > s.spurious+s.srtt && !p.guess {
		s.spurious = now
		s.reo = min(max(2*s.reo, s.leastReo()), s.srtt)
	}
	s.acked += uint64(p.size)
	s.model.count(p.phase, p.size, 0)
	p.state = landed
	p.it.landed, p.it.data = true, nil // the last ones are remembered for long
}

// learn takes from a report what it says of the path.
func (s *sender) learn(now time.Duration, r *wire.Report, newest *sent, newestN uint64) {
	rtt := max(now-newest.at-r.Delay, 50*time.Microsecond)
	if newestN == r.Last {
		s.measure(rtt)
	}
	took := max(newest.at-newest.ackedSent, r.Stamp-newest.stamp)
	if newest.received > 0 && r.Bytes > newest.received && took > 0 && took >= s.model.minRTT/2 {
		s.model.sample(float64(r.Bytes-newest.received)/took.Seconds(), newest.app)
	}
	s.model.landed(now, landing{
		acked: s.acked, ackedWhenSent: newest.acked, flew: s.flew, rtt: rtt, app: newest.app, phase: newest.phase,
	})
}

// full reports whether there is no room to remember another transmission.
func (s *sender) full() bool { return s.next-s.base >= maxFlight }

// forget drops transmissions of which nothing more can be learnt, and any that do not
// fly where there is no room.
func (s *sender) forget(now time.Duration) {
	for s.base != s.scan && s.next-s.base > remembered && (s.full() || s.at(s.base).state == landed || now-s.at(s.base).at > 4*s.srtt+time.Second) {
		s.at(s.base).it = nil
		s.base++
	}
}

func (s *sender) measure(rtt time.Duration) {
	if s.srtt == 0 {
		s.srtt, s.rttvar = rtt, rtt/2
		return
	}
	s.rttvar += (max(s.srtt-rtt, rtt-s.srtt) - s.rttvar) / 4
	s.srtt += (rtt - s.srtt) / 8
}

func (s *sender) leastReo() time.Duration {
	return max(2*time.Millisecond, min(s.model.minRTT/16, 10*time.Millisecond))
}

// detect finds what was lost: what was sent some time before something that landed.
func (s *sender) detect(now time.Duration) {
	s.lossAt = 0
	s.skip()
	if !s.anyAck {
		return
	}
	reo := max(s.reo, s.leastReo())
	edge := time.Duration(0)
	if s.newest >= s.base {
		edge = s.at(s.newest).at - reo
	}
	if s.gap.count > 0 && s.scan > s.gap.last+1 {
		s.blame(now)
	}
	for n := s.scan; n < s.next && n < s.newest; n++ {
		p := s.at(n)
		switch {
		case p.state == flying:
			if late := p.at + s.srtt + reo + s.rttvar; p.at > edge && late > now {
				s.lossAt = late
				s.skip()
				return // if it comes to be lost, the gap goes on
			}
			s.lose(p, true)
			s.gap.grow(n, p)
		case p.state == landed:
			s.blame(now)
		}
	}
	s.blame(now)
	s.skip()
}

// gap is of transmissions that were lost one after the other.
type gap struct {
	count int
	last  uint64
	from  time.Duration // when the first was sent,
	to    time.Duration // and the last,
	flew  int           // with so much under way
}

func (g *gap) grow(n uint64, p *sent) {
	if g.count == 0 {
		g.from = p.at
	}
	g.count++
	g.last, g.to, g.flew = n, p.at, p.flew
}

// outage reports whether it is of an outage: a full queue lets through what it serves.
func (g *gap) outage() bool {
	return g.count >= outageRun && (g.to-g.from >= outageSpan || 2*g.count*packet >= g.flew)
}

// blame lets the model decide what the gap was lost to, and ends it: an outage, the path's
// own ways, or a queue that was full.
func (s *sender) blame(now time.Duration) {
	if g := &s.gap; g.count > 0 {
		full := !g.outage() && g.last >= s.model.limit.after && g.last >= s.moved
		s.model.missed(now, g.flew, s.next, full)
	}
	s.gap = gap{}
}

// skip moves scan over what flies no more.
func (s *sender) skip() {
	for s.scan != s.next && s.at(s.scan).state != flying {
		s.scan++
	}
}

// timeouts notes what is lost by now.
func (s *sender) timeouts(now time.Duration) {
	if s.lossAt > 0 && now >= s.lossAt {
		s.detect(now)
	}
	if s.flew > 0 && now >= max(s.quiet, s.progress)+s.pto() {
		s.probes++
		s.quiet = max(s.quiet, now-s.pto()/2) // the next one comes later
		for n, done := s.scan, 0; n != s.next && done < 2; n++ {
			if p := s.at(n); p.state == flying {
				s.lose(p, false)
				done++
			}
		}
		s.probing = 2
		s.sendAt = min(s.sendAt, now)
	}
	s.model.tick(now, s.flew)
}
