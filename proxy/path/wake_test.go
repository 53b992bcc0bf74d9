package path

import (
	"testing"
	"time"
)

func TestSleepIsNoticed(t *testing.T) {
	now := time.Now()
	for _, c := range []struct {
		slept time.Duration
		want  bool
	}{{0, false}, {time.Second, false}, {time.Minute, true}, {-time.Hour, false}} {
		// Five seconds of running, and a wall clock that went on in the sleep.
		w := wallClock{wall: now.Round(0).Add(-5*time.Second - c.slept), running: now.Add(-5 * time.Second)}
		if got := w.jumped(now); got != c.want {
			t.Errorf("asleep for %s: %v", c.slept, got)
		}
	}
}
