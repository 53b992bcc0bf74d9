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
// terminal is put in order first, whoever changed it.
func endBySignals() {
	c := make(chan os.Signal, 1)
	for _, s := range []os.Signal{syscall.SIGALRM, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGVTALRM, syscall.SIGXCPU} {
		if !signal.Ignored(s) {
			signal.Notify(c, s)
		}
	}
	restore := tty.Remember()
	go func() {
		s := <-c
		restore()
		tty.Die(s.(syscall.Signal))
	}()
}
