//go:build unix

package session

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"syscall"

	"tssh/client/shell"
)

// catchSignals yields the signals that end ssh, except those that the parent
// had ignored (nohup). A write to a closed pipe is to be an error, not the end,
// hence SIGPIPE is caught and nobody listens; an ignored one would be inherited
// by commands that we start.
func catchSignals() (<-chan os.Signal, func()) {
	c := make(chan os.Signal, 4)
	for _, s := range []os.Signal{syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM} {
		if !signal.Ignored(s) {
			signal.Notify(c, s)
		}
	}
	pipe := make(chan os.Signal, 1)
	signal.Notify(pipe, syscall.SIGPIPE)
	return c, func() { signal.Stop(c) }
}

// isHangup tells of the signals that no user sends to end a session: the window was
// closed, or the machine goes down.
func isHangup(s os.Signal) bool { return s == syscall.SIGHUP || s == syscall.SIGTERM }

func isTerminate(s os.Signal) bool { return s == syscall.SIGTERM }

func signalNumber(s os.Signal) int {
	if n, ok := s.(syscall.Signal); ok {
		return int(n)
	}
	return 0
}

// localCommand runs a command of ~C in the user's shell.
func (r *run) localCommand(line string) string {
	if line == "" {
		return runLocal(shell.Interactive())
	}
	return runLocal(shell.Command(line))
}

// background is ~&; it returns whether the session goes on reading the
// terminal. As in ssh no new connections are taken, the far shell is sent ^D,
// and what is left goes on without the shell that waits for us.
func (r *run) background() bool {
	r.print(r.escapeName() + "& [backgrounded]\r\n")
	r.screen.close() // it is the shell's from now on
	r.restore()
	signal.Ignore(syscall.SIGTTOU, syscall.SIGTTIN)
	leave := r.Leave
	if leave == nil {
		leave = r.pause
	}
	if err := leave(); err != nil {
		r.print(fmt.Sprintf("background: %v\r\n", err))
		return true
	}
	if r.Forwards != nil {
		r.Forwards.StopListening()
	}
	r.keys.put([]byte{4}) // ^D: the shell is left
	return false
}

// pause makes the shell that waits for us see what it sees after ^Z and bg, where nobody
// waits in our place: we stop, and a helper outside the shell's job continues us
// a moment later, in the background.
func (r *run) pause() error {
	if r.Terminal == nil {
		return nil
	}
	wake := exec.Command("/bin/sh", "-c", "sleep 1; kill -CONT $0", strconv.Itoa(os.Getpid()))
	wake.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := wake.Start(); err != nil {
		return err
	}
	go wake.Wait()
	return r.Terminal.Suspend()
}
