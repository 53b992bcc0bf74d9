// Package leak fails the tests of a package that leaves goroutines behind, and a
// test that waits for ever. Only tests import it.
//
//	func TestMain(m *testing.M) { leak.Main(m) }
package leak

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

// patience is how long goroutines may take to end after the last test: one that
// ends by itself is no leak, however loaded the machine is.
const patience = 10 * time.Second

// Main runs the tests and exits with their status, or with 1 where a goroutine
// that they started is still there.
func Main(m *testing.M) { os.Exit(Run(m)) }

// Run is Main for who has something left to do before the exit.
func Run(m *testing.M) int {
	before := running()
	stop := func() {}
	if !unwatched() {
		stop = watch()
	}
	status := m.Run()
	stop()
	if status != 0 || unwatched() {
		return status
	}
	left := remaining(before, patience)
	if len(left) == 0 {
		return 0
	}
	fmt.Fprintf(os.Stderr, "leak: %d goroutines outlived the tests:\n\n%s\n", len(left), strings.Join(left, "\n\n"))
	return 1
}

// unwatched reports whether this is a run that need not be watched: of a fuzzer,
// whose workers are killed.
func unwatched() bool {
	for _, name := range []string{"test.fuzz", "test.fuzzworker"} {
		if f := flag.Lookup(name); f != nil && f.Value.String() != "" && f.Value.String() != "false" {
			return true
		}
	}
	return false
}

// remaining waits until only the goroutines that ran before do, and returns the
// stacks of the others. It looks again and again: the runtime tells nobody that a
// goroutine has ended.
func remaining(before map[string]string, most time.Duration) []string {
	pause := time.Millisecond
	for began := time.Now(); ; pause = min(2*pause, 200*time.Millisecond) {
		var left []string
		for id, stack := range running() {
			if _, old := before[id]; !old && !borne(stack) {
				left = append(left, stack)
			}
		}
		if len(left) == 0 || time.Since(began) > most {
			return left
		}
		runtime.GC() // a finalizer may be all that a goroutine waits for
		time.Sleep(pause)
	}
}

// borne says which goroutines the standard library starts once a process, at
// their first use, and never ends.
func borne(stack string) bool {
	return strings.Contains(stack, "created by os/signal.") || strings.Contains(stack, "created by runtime/pprof.")
}

// running returns the stacks of all goroutines but the caller's, by their number.
func running() map[string]string {
	b := make([]byte, 64<<10)
	for {
		n := runtime.Stack(b, true)
		if n < len(b) {
			b = b[:n]
			break
		}
		b = make([]byte, 2*len(b))
	}
	all := map[string]string{}
	for i, stack := range strings.Split(strings.TrimSpace(string(b)), "\n\n") {
		if i == 0 {
			continue // the one that asks
		}
		id, _, _ := strings.Cut(strings.TrimPrefix(stack, "goroutine "), " ")
		all[id] = stack
	}
	return all
}
