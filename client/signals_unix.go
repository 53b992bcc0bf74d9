//go:build unix

package client

import (
	"os"
	"os/signal"
	"syscall"

	"tssh/client/tty"
)

// endBySignals lets the signals end the program that end any other, but that Go
// drops: SIGALRM is the time limit of who has no timeout(1). What they find of the
// terminal is put in order first, whoever changed it. They are heard until stop is
// called.
func endBySignals() (stop func()) {
	c := make(chan os.Signal, 1)
	for _, s := range []os.Signal{syscall.SIGALRM, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGVTALRM, syscall.SIGXCPU} {
		if !signal.Ignored(s) {
			signal.Notify(c, s)
		}
	}
	restore := tty.Remember()
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		select {
		case s := <-c:
			restore()
			tty.Die(s.(syscall.Signal))
		case <-done:
		}
	}()
	return func() {
		signal.Stop(c)
		close(done)
		<-ended
	}
}
