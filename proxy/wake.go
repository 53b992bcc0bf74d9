package proxy

import "time"

// wallClock notices that the machine slept: the monotonic clock, and all
// timers with it, stood still meanwhile, and the wall clock ran on.
type wallClock struct{ wall, running time.Time }

func newWallClock(now time.Time) *wallClock { return &wallClock{now.Round(0), now} }

// jumped reports whether the machine slept since the last call.
func (w *wallClock) jumped(now time.Time) bool {
	wall := now.Round(0) // without the monotonic clock
	slept := wall.Sub(w.wall)-now.Sub(w.running) > wakeJump
	w.wall, w.running = wall, now
	return slept
}
