//go:build unix

package pty

import (
	"os"
	"os/signal"
	"syscall"
)

// HeedSignals lets the programs that are started from now on be told by the
// signals that end them, as sshd's are. Who started us may have had some ignored
// (nohup, a shell's &), which programs inherit: a shell would outlive its
// terminal. For ourselves nothing changes, since what comes is dropped.
func HeedSignals() {
	// Go's runtime leaves no others ignored but those of job control.
	for _, s := range []os.Signal{syscall.SIGHUP, syscall.SIGINT} {
		if signal.Ignored(s) {
			signal.Notify(make(chan os.Signal, 1), s) // handlers do not outlive an exec
		}
	}
}
