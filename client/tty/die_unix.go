//go:build unix

package tty

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// Die ends the process by a signal, so that its parent sees which it was.
func Die(s syscall.Signal) {
	byDefault(s)
	<-time.After(time.Second) // it may come on another thread
	os.Exit(128 + int(s))
}

// Stop stops this process by one of the signals that do, and waits until it is
// continued. The signal is dropped where nobody could continue it (an orphaned
// process group), hence the limit; a stopped process does not reach it.
func Stop(by syscall.Signal) (continued bool, err error) {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGCONT)
	defer signal.Stop(c)
	undo, err := byDefault(by)
	defer undo()
	if err != nil {
		return false, fmt.Errorf("suspend: %w", err)
	}
	limit := time.NewTimer(time.Second)
	defer limit.Stop()
	select {
	case <-c:
		return true, nil
	case <-limit.C:
		return false, nil
	}
}
