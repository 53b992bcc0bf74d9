package background

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"tssh/client/tty"
	"tssh/proxy/memory"
)

// ledEnv tells a run that its parent waits for the shell in its place, and by
// which descriptor the two are joined.
const ledEnv = "TSSH_LED"

// What a led run says to its parent, a byte each. Between stops and goesOn its stop
// is the answer to the parent's, and no other.
const (
	leaves = 1 + iota
	stops
	goesOn
)

// Led is a run that a parent waits for in its place: see Lead. The zero value has
// none.
type Led struct {
	leader *os.File // its other end closes with the parent
	left   chan struct{}
}

// LedFromEnv reads and forgets what the parent said. Who kills the parent means
// this run, which is killed too: it has no last words then, so that a session in
// UDP mode lives on as it does after any client that was killed.
func LedFromEnv() Led {
	value, ok := os.LookupEnv(ledEnv)
	os.Unsetenv(ledEnv)
	fd, err := strconv.Atoi(value)
	if !ok || err != nil {
		return Led{}
	}
	unix.CloseOnExec(fd)
	l := Led{leader: os.NewFile(uintptr(fd), "leader"), left: make(chan struct{})}
	go func() {
		l.leader.Read(make([]byte, 1))
		select {
		case <-l.left:
		default:
			unix.Kill(os.Getpid(), unix.SIGKILL)
		}
	}()
	return l
}

// lookAgain is how old the last look at the parent's state may be.
const lookAgain = 200 * time.Millisecond

// follower writes for a run that stops with its parent.
type follower struct {
	io.Writer
	led    Led
	parent int

	mu     sync.Mutex // guards looked
	looked time.Time
}

// Output writes to w while the parent is not stopped: who stops the process that
// the shell started means this run. SIGTSTP tells both, but SIGSTOP is told to
// nobody; so it is looked for when there is something to write, and costs nothing
// while there is not. The server then finds a client that is away.
func (l Led) Output(w io.Writer) io.Writer {
	if !l.Any() {
		return w
	}
	return &follower{Writer: w, led: l, parent: os.Getppid()}
}

// Write writes once the parent runs.
func (f *follower) Write(b []byte) (int, error) {
	f.mu.Lock()
	look := time.Since(f.looked) > lookAgain
	if look {
		f.looked = time.Now()
	}
	f.mu.Unlock()
	if look && os.Getppid() == f.parent && isStopped(f.parent) {
		f.led.leader.Write([]byte{stops})
		unix.Kill(os.Getpid(), unix.SIGSTOP) // until the parent continues us
		f.led.leader.Write([]byte{goesOn})
	}
	return f.Writer.Write(b)
}

// isStopped reads the state of a process from proc_pid_stat(5).
func isStopped(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, state, ok := bytes.Cut(stat[bytes.LastIndexByte(stat, ')')+1:], []byte(" "))
	return ok && len(state) > 0 && state[0] == 'T'
}

// Any tells whether there is a parent to leave.
func (l Led) Any() bool { return l.leader != nil }

// Leave lets the parent end as if all were done, and the shell go on without a job
// of ours, while this run goes on too. It is called once, with the terminal in order.
func (l Led) Leave() error {
	close(l.left)
	if _, err := l.leader.Write([]byte{leaves}); err != nil {
		return err
	}
	return unix.Kill(os.Getppid(), unix.SIGCHLD) // to look
}

// Lead starts a run like ours that does everything, and waits for it, so that
// ~& can let the shell go: a Go program can't fork once it runs. It passes on the
// signals that it gets, and stops, goes on and ends as the other does. Without one, ok is
// false, and this run is to go on alone.
//
// The files that the shell had open are open there under the same numbers.
func Lead() (code int, ok bool) {
	exe, err := os.Executable()
	if err != nil {
		return 0, false
	}
	ends, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, false
	}
	defer unix.Close(ends[0])
	if _, err := unix.FcntlInt(uintptr(ends[1]), unix.F_SETFD, 0); err != nil {
		unix.Close(ends[1])
		return 0, false
	}
	pid, err := syscall.ForkExec(exe, os.Args, &syscall.ProcAttr{
		Env:   append(os.Environ(), fmt.Sprintf("%s=%d", ledEnv, ends[1])),
		Files: []uintptr{0, 1, 2},
	})
	unix.Close(ends[1])
	if err != nil {
		return 0, false
	}
	return follow(pid, ends[0]), true
}

// passed are the signals that a led run gets through its parent. The keyboard's
// reach both; to end twice is to end.
var passed = []os.Signal{
	unix.SIGHUP, unix.SIGINT, unix.SIGQUIT, unix.SIGTERM, unix.SIGALRM, unix.SIGUSR1, unix.SIGUSR2, unix.SIGVTALRM, unix.SIGXCPU,
}

// follow does what pid does, and returns its exit status, or 0 once it has left us.
// What it says comes by the socket.
func follow(pid, socket int) int {
	signals := make(chan os.Signal, 16)
	for _, s := range passed {
		if !signal.Ignored(s) {
			signal.Notify(signals, s)
		}
	}
	// The other one has the terminal to put in order before we may stop.
	stopped := make(chan os.Signal, 1)
	signal.Notify(stopped, unix.SIGTSTP)
	changed := make(chan os.Signal, 1)
	signal.Notify(changed, unix.SIGCHLD)
	continued := make(chan os.Signal, 1)
	signal.Notify(continued, unix.SIGCONT)
	memory.Trim()
	answers := false // its stop answers ours
	for {
		var ws unix.WaitStatus
		done, err := unix.Wait4(pid, &ws, unix.WUNTRACED|unix.WNOHANG, nil)
		for _, word := range heard(socket) { // what was said before it stopped
			if word == leaves {
				return 0
			}
			answers = word == stops
		}
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			return exitKilled
		case done == pid && ws.Exited():
			return ws.ExitStatus()
		case done == pid && ws.Signaled():
			tty.Die(ws.Signal())
		case done == pid && ws.Stopped():
			if ws.StopSignal() != unix.SIGSTOP || !answers && !wasContinued(continued) {
				tty.Stop(ws.StopSignal())
			} // else we were continued, as we run
			unix.Kill(pid, unix.SIGCONT)
			continue
		}
		select {
		case s := <-signals:
			unix.Kill(pid, s.(syscall.Signal))
		case <-changed:
		case <-continued:
			unix.Kill(pid, unix.SIGCONT)
		}
	}
}

// wasContinued reports whether we were continued a moment ago, as by who stopped and
// continued both; the signals come in no order.
func wasContinued(continued <-chan os.Signal) bool {
	select {
	case <-continued:
		return true
	case <-time.After(lookAgain):
		return false
	}
}

// heard returns what a led run has said, and waits for nothing.
func heard(socket int) []byte {
	b := make([]byte, 64)
	n, _, err := unix.Recvfrom(socket, b, unix.MSG_DONTWAIT)
	if err != nil {
		return nil
	}
	return b[:n]
}
