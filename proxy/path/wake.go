package path

import (
	"context"
	"time"
)

const (
	wakeTick = 5 * time.Second // between looks at the wall clock: each costs the battery
	wakeJump = 3 * time.Second // by which it ran ahead when the machine slept
)

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

// tickWakes tells news when the machine slept, by looking at its clocks: for
// systems that do not tell.
func tickWakes(ctx context.Context, news chan<- struct{}) {
	go func() {
		tick := time.NewTicker(wakeTick)
		defer tick.Stop()
		clock := newWallClock(time.Now())
		for {
			select {
			case <-ctx.Done():
				return
			case now := <-tick.C:
				if clock.jumped(now) {
					tell(news)
				}
			}
		}
	}()
}

// tell puts a token into news.
func tell(news chan<- struct{}) {
	select {
	case news <- struct{}{}:
	default:
	}
}
