// Package gauge estimates how much a path holds: the highest rate at which it
// delivered, times its shortest round trip. It knows no clock and no packet.
package gauge

import "time"

// Memory is for how long the best rate and round trip count. After it both are
// measured anew: the path may be another.
const Memory = 5 * time.Second

// Gauge is one estimate. The zero value knows nothing.
//
// A sender of a little more than the path holds makes a queue, which becomes part of
// each measured round trip and would raise the estimate for ever. At the end of
// each Memory the sender is asked to run at half for a round trip, so that the queue
// drains.
//
//	filling --Memory--> draining --one round trip--> filling
type Gauge struct {
	now, before best      // of this memory and of the one before
	turn        time.Time // when this memory ends
	drainTo     uint64    // draining until so much was delivered; 0 is filling
}

// best is what was measured in some time; zero is nothing.
type best struct {
	trip time.Duration
	rate float64 // bytes a second
}

// Sample notes that of what was sent trip ago, when so many bytes of all were
// delivered, it is now heard that it was delivered, too.
func (g *Gauge) Sample(trip time.Duration, then, delivered uint64) {
	if trip <= 0 || delivered < then {
		return
	}
	if g.now.trip == 0 || trip < g.now.trip {
		g.now.trip = trip
	}
	g.now.rate = max(g.now.rate, float64(delivered-then)/trip.Seconds())
}

// Age forgets what is too old, and turns to draining and back. sent and
// delivered count bytes, under way may be limit.
func (g *Gauge) Age(now time.Time, sent, delivered uint64, limit int) {
	if g.turn.IsZero() {
		g.turn = now.Add(Memory)
	}
	if g.drainTo > 0 && delivered >= g.drainTo {
		g.drainTo = 0
	}
	if now.After(g.turn) {
		g.before, g.now = g.now, best{}
		g.turn = now.Add(Memory)
		// The bytes under way have queued; the next half limit will not.
		g.drainTo = sent + uint64(limit/2)
	}
}

// Draining reports whether to run at half.
func (g *Gauge) Draining() bool { return g.drainTo > 0 }

// Holds is how many bytes the path holds; 0 is not known.
func (g *Gauge) Holds() int {
	trip := g.now.trip
	if trip == 0 || g.before.trip > 0 && g.before.trip < trip {
		trip = g.before.trip
	}
	return int(g.Rate() * trip.Seconds())
}

// Rate is how many bytes a second the path delivers; 0 is not known.
func (g *Gauge) Rate() float64 { return max(g.now.rate, g.before.rate) }
