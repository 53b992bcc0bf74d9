package leak

import (
	"strings"
	"testing"
	"time"
)

// TestDeadlineOfATest: each test has its own, whatever others of its package do.
func TestDeadlineOfATest(t *testing.T) {
	const own = "goroutine 7 [chan receive]:\ntssh/x.TestWaits(0xc0)\n\t/x_test.go:1\ntesting.tRunner(0xc0, 0x1)\n\t/testing.go:1\ncreated by testing.(*T).Run in goroutine 1"
	start := time.Unix(0, 0)
	since := make(tests)
	at := func(d time.Duration, stacks map[string]string) string { return since.overdue(stacks, start.Add(d)) }
	if late := at(0, map[string]string{"7": own, "8": own}); late != "" {
		t.Errorf("at its beginning: %s", late)
	}
	if late := at(deadline-time.Second, map[string]string{"7": own, "9": own}); late != "" {
		t.Errorf("before its deadline: %s", late)
	}
	if late := at(deadline+time.Second, map[string]string{"8": own, "9": own}); late != "" {
		t.Errorf("two that began later: %s", late)
	}
	if late := at(2*deadline, map[string]string{"9": own}); late != own {
		t.Errorf("past its deadline: %q", late)
	}
}

func TestWhoRunsATest(t *testing.T) {
	here := running()
	found := false
	for _, stack := range here {
		found = found || runs(stack)
	}
	if found {
		t.Error("a test is found, and there is none but the caller")
	}
	waits := make(chan struct{})
	t.Run("inner", func(t *testing.T) {
		go func() {
			defer close(waits)
			n := 0
			for _, stack := range running() {
				if runs(stack) {
					if n++; !strings.Contains(stack, "TestWhoRunsATest.func") {
						t.Errorf("another is found: %s", stack)
					}
				}
			}
			if n != 1 {
				t.Errorf("%d tests are found, and one runs", n)
			}
		}()
		<-waits
	})
}
