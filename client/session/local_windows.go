package session

import (
	"os"
	"os/signal"
	"syscall"

	"tssh/client/shell"
)

// catchSignals yields the signals that end ssh. SIGTERM is Go's word for a console
// that is closed, a user who logs off, and a system that goes down.
func catchSignals() (<-chan os.Signal, func()) {
	c := make(chan os.Signal, 4)
	signal.Notify(c, os.Interrupt, syscall.SIGTERM)
	return c, func() { signal.Stop(c) }
}

// isHangup tells of the signals that no user sends to end a session: the window was
// closed, or the machine goes down.
func isHangup(s os.Signal) bool { return s == syscall.SIGTERM }

func isTerminate(s os.Signal) bool { return s == syscall.SIGTERM }

func signalNumber(s os.Signal) int {
	if n, ok := s.(syscall.Signal); ok {
		return int(n)
	}
	return 0
}

// localCommand runs a command of ~C.
func (r *run) localCommand(line string) string {
	return runLocal(shell.Command(line))
}

// background is ~&, which needs job control.
func (r *run) background() bool {
	r.print(r.escapeName() + "& [not possible on this system]\r\n")
	return true
}
