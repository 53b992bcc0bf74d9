package sshconn

import "time"

const (
	leastFlight = 64 << 10
	// flightMemory is for how long the best rate and round trip count. After
	// it both are measured anew: the path may be another.
	flightMemory = 5 * time.Second
)

// flight says how much of an interactive channel may be under way: what the
// path holds and little more, so that nothing queues and a later interrupt
// does not wait behind it. It knows the path by two measures, both of what the
// far user has read: the highest rate, and the shortest time from writing a
// byte to hearing that it was read. Their product is what the path holds. While
// the limit is below that, each round trip raises it by a quarter.
//
// The queue that the extra quarter makes would become part of the measured
// time, and so let the limit creep up. So at the end of each memory one round
// trip runs with half the limit, in which the queue is gone.
//
//	filling --flightMemory--> draining --one round trip--> filling
type flight struct {
	sent, heard uint64 // bytes written, bytes read by the far user
	limit       int

	marks []mark // of what is under way, oldest first

	now, before measure   // of this memory and of the one before
	turn        time.Time // when this memory ends
	drainTo     uint64    // draining until heard is past it; 0 is filling
}

// mark remembers a write.
type mark struct {
	end   uint64 // sent, after it
	at    time.Time
	heard uint64 // then
}

// measure is the best of some time; zero is none.
type measure struct {
	trip time.Duration
	rate float64 // bytes a second
}

func newFlight() *flight { return &flight{limit: leastFlight} }

// room is how many more bytes may leave now.
func (f *flight) room() int {
	limit := f.limit
	if f.drainTo > 0 {
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
	if trip := now.Sub(last.at); last.end > 0 && trip > 0 {
		f.measure(trip, float64(f.heard-last.heard)/trip.Seconds())
	}
	f.age(now)
	trip, rate := f.best()
	f.limit = min(max(leastFlight, int(1.25*rate*trip.Seconds())), maxWindow)
}

func (f *flight) measure(trip time.Duration, rate float64) {
	if f.now.trip == 0 || trip < f.now.trip {
		f.now.trip = trip
	}
	f.now.rate = max(f.now.rate, rate)
}

// age forgets what is too old, and turns to draining and back.
func (f *flight) age(now time.Time) {
	if f.turn.IsZero() {
		f.turn = now.Add(flightMemory)
	}
	if f.drainTo > 0 && f.heard >= f.drainTo {
		f.drainTo = 0
	}
	if now.After(f.turn) {
		f.before, f.now = f.now, measure{}
		f.turn = now.Add(flightMemory)
		// What is under way now has queued; the next limit/2 has not.
		f.drainTo = f.sent + uint64(f.limit/2)
	}
}

func (f *flight) best() (trip time.Duration, rate float64) {
	trip = f.now.trip
	if trip == 0 || f.before.trip > 0 && f.before.trip < trip {
		trip = f.before.trip
	}
	return trip, max(f.now.rate, f.before.rate)
}
