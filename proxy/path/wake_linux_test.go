package path

import (
	"testing"

	"golang.org/x/sys/unix"
)

// TestKernelTellsOfWaking lets the time of day jump, as it does when the
// machine wakes, by a nanosecond.
func TestKernelTellsOfWaking(t *testing.T) {
	news := make(chan struct{}, 1)
	watchWakes(t.Context(), news)
	for range 3 {
		select {
		case <-news:
			t.Fatal("told before anything happened")
		default:
		}
		jump := unix.Timex{Modes: unix.ADJ_SETOFFSET | unix.ADJ_NANO}
		jump.Time.Usec = 1 // a nanosecond, by ADJ_NANO
		if _, err := unix.Adjtimex(&jump); err != nil {
			t.Skipf("SKIPPED, not tested at all: the clock may not be set here: %v", err)
		}
		<-news
	}
}
