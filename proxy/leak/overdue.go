package leak

import (
	"fmt"
	"os"
	"strings"
	"time"
)

// Of one test. A test that waits for what never comes ends then, by its name and
// its stack, and not with all others of its package when go test's own patience
// ends. It is long enough for a loaded machine under the race detector.
const (
	deadline = 5 * time.Minute
	look     = 10 * time.Second
)

// watch ends the process when a test has run for too long. It returns what stops
// it.
func watch() (stop func()) {
	over, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(look)
		defer tick.Stop()
		since := make(tests)
		for {
			select {
			case <-over:
				return
			case now := <-tick.C:
				if late := since.overdue(running(), now); late != "" {
					fmt.Fprintf(os.Stderr, "leak: a test has run for more than %v, and is here:\n\n%s\n", deadline, late)
					os.Exit(1)
				}
			}
		}
	}()
	return func() { close(over); <-done }
}

// tests are the goroutines of tests that run, and when each was first seen.
type tests map[string]time.Time

// overdue takes the stacks of all goroutines and returns that of a test that has
// run for too long.
func (t tests) overdue(stacks map[string]string, now time.Time) (late string) {
	for id := range t {
		if !runs(stacks[id]) {
			delete(t, id)
		}
	}
	for id, stack := range stacks {
		if !runs(stack) {
			continue
		}
		if _, known := t[id]; !known {
			t[id] = now
		}
		if now.Sub(t[id]) > deadline {
			late = stack
		}
	}
	return late
}

// runs tells whether a goroutine is of a test that does something itself: it does
// not wait for its turn, nor for its parts.
func runs(stack string) bool {
	if !strings.Contains(stack, "\ntesting.tRunner(") {
		return false
	}
	if strings.Contains(stack, "\ntesting.(*common).runCleanup(") {
		return true
	}
	for _, waits := range []string{"\ntesting.(*T).Parallel(", "\ntesting.(*T).Run(", "\ntesting.tRunner.func"} {
		if strings.Contains(stack, waits) {
			return false
		}
	}
	return true
}
