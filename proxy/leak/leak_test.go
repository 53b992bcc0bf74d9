package leak

import (
	"strings"
	"testing"
	"time"
)

func TestMain(m *testing.M) { Main(m) }

func TestWhatStaysIsNamed(t *testing.T) {
	before, stay := running(), make(chan struct{})
	go straggler(stay)
	left := remaining(before, 50*time.Millisecond)
	if len(left) != 1 || !strings.Contains(left[0], "leak.straggler") {
		t.Errorf("found %q", left)
	}
	close(stay)
	if left := remaining(before, patience); len(left) > 0 {
		t.Errorf("still there: %q", left)
	}
}

func straggler(stay chan struct{}) { <-stay }

func TestWhatRanBeforeIsNoLeak(t *testing.T) {
	stay := make(chan struct{})
	defer close(stay)
	go straggler(stay)
	if left := remaining(running(), 0); len(left) > 0 {
		t.Errorf("found %q", left)
	}
}
