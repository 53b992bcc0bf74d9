package channel

import (
	"time"

	"tssh/proxy/mux/gauge"
)

const (
	leastFlight = 64 << 10
	mostFlight  = 4 << 20
)

// flight says how much of a terminal's output may be under way, where the sender
// of it measures, as meter does where the reader must: what the path holds and
// little more, so that nothing queues and a later interrupt does not wait behind
// it. Delivered is what the far user has read. While the rate still grows each round
// trip raises the limit by a quarter; then one in eight does, to see whether there is
// more, and the others keep to what the path holds and an eighth.
type flight struct {
	sent, heard uint64 // bytes written, bytes read by the far user
	limit       int
	marks       []mark // of what is under way, oldest first
	gauge       gauge.Gauge
	round       uint64  // sent, when this round trip began
	rounds      int     // round trips since the rate grew last
	rate        float64 // the best, then
}

// mark remembers a write.
type mark struct {
	end   uint64 // sent, after it
	at    time.Time
	heard uint64 // then
}

func newFlight() *flight { return &flight{limit: leastFlight} }

// room is how many more bytes may leave now.
func (f *flight) room() int {
	limit := f.limit
	if f.gauge.Draining() {
		limit = max(limit/2, leastFlight)
	}
	return max(0, limit-int(f.sent-f.heard))
}

// left notes that n bytes were written.
func (f *flight) left(n int, now time.Time) {
	f.sent += uint64(n)
	// A mark a KiB is enough, whatever the size of the writes.
	if k := len(f.marks); k > 0 && f.sent-f.since(k-1) < 1<<10 {
		f.marks = f.marks[:k-1]
	}
	f.marks = append(f.marks, mark{f.sent, now, f.heard})
}

// since is where the bytes of mark k begin.
func (f *flight) since(k int) uint64 {
	if k == 0 {
		return f.heard
	}
	return f.marks[k-1].end
}

// landed notes that the far user has read n more bytes.
func (f *flight) landed(n int, now time.Time) {
	f.heard = min(f.heard+uint64(n), f.sent)
	var last mark
	for len(f.marks) > 0 && f.marks[0].end <= f.heard {
		last = f.marks[0]
		f.marks = f.marks[1:]
	}
	if last.end > 0 {
		f.gauge.Sample(now.Sub(last.at), last.heard, f.heard)
	}
	f.gauge.Age(now, f.sent, f.heard, f.limit)
	if f.heard >= f.round {
		f.round = f.sent
		f.rounds++
		if rate := f.gauge.Rate(); rate > f.rate*17/16 || rate < f.rate/2 {
			f.rate, f.rounds = rate, 0
		}
	}
	more := 8
	if f.rounds <= 3 || f.rounds%8 == 0 {
		more = 4
	}
	holds := f.gauge.Holds()
	f.limit = min(max(leastFlight, holds+holds/more), mostFlight)
}
