package path

import (
	"runtime"
	"testing"
	"time"
)

// TestClockThatIsSetIsNoSleep: a machine without a battery for its clock learns the
// time from the network, years after it had guessed it to be.
func TestClockThatIsSetIsNoSleep(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("SKIPPED: here only the wall clock tells of sleep")
	}
	now := time.Now()
	s := NewSleep(now)
	for _, set := range []time.Duration{0, 10 * 365 * 24 * time.Hour, -time.Hour} {
		if total := s.Total(now.Round(0).Add(set)); total.Abs() > time.Minute {
			t.Errorf("set by %v: slept for %v", set, total)
		}
	}
}
