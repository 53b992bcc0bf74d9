package session

import (
	"os"
	"os/exec"
	"os/signal"
)

// catchSignals yields the signals that end ssh.
func catchSignals() (<-chan os.Signal, func()) {
	c := make(chan os.Signal, 4)
	signal.Notify(c, os.Interrupt)
	return c, func() { signal.Stop(c) }
}

func isTerminate(os.Signal) bool { return false }

func signalNumber(os.Signal) int { return 2 }

// localCommand runs a command of ~C.
func (r *run) localCommand(line string) string {
	return runLocal(exec.Command("cmd", "/c", line))
}

// background is ~&, which needs job control.
func (r *run) background() bool {
	r.print(r.escapeName() + "& [not possible on this system]\r\n")
	return true
}
