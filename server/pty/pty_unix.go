//go:build unix

package pty

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

// Terminal is the master's side of a pseudo-terminal.
type Terminal struct {
	master device
	name   string
	exited atomic.Bool

	mu    sync.Mutex // guards slave
	slave *os.File   // until a program has it

	recording sync.Mutex // guards what follows
	recorder  string     // the program that shows the terminal to who(1); empty: none does
	closed    bool
}

// device is the master's descriptor, as *os.File has it.
type device interface {
	io.ReadWriteCloser
	SetReadDeadline(time.Time) error
	SyscallConn() (syscall.RawConn, error)
}

// Open makes a terminal of the given size and modes (RFC 4254 section 8).
func Open(size Size, modes []byte) (*Terminal, error) {
	if runtime.GOOS == "darwin" {
		return open(size, modes, newSelected)
	}
	return open(size, modes, newPolled)
}

func open(size Size, modes []byte, wait func(*os.File, int) (device, error)) (*Terminal, error) {
	master, slave, err := pty.Open()
	if err != nil {
		return nil, fmt.Errorf("open a pseudo-terminal: %w", err)
	}
	defer master.Close()
	t := &Terminal{slave: slave, name: slave.Name()}
	if t.master, err = unblocked(master, wait); err != nil {
		slave.Close()
		return nil, fmt.Errorf("open a pseudo-terminal: %w", err)
	}
	if err = t.Resize(size); err == nil {
		err = setModes(int(slave.Fd()), parseModes(modes))
	}
	if err != nil {
		t.Close()
		return nil, fmt.Errorf("set up %s: %w", t.name, err)
	}
	return t, nil
}

// unblocked returns a descriptor of f that does not block. The library's own does,
// and on it Close would wait for a Read that may never end.
func unblocked(f *os.File, wait func(*os.File, int) (device, error)) (device, error) {
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return nil, err
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		unix.Close(fd)
		return nil, err
	}
	return wait(f, fd)
}

// newPolled lets the runtime's poller wait for fd.
func newPolled(f *os.File, fd int) (device, error) { return os.NewFile(uintptr(fd), f.Name()), nil }

// Name is the path of the terminal, for SSH_TTY.
func (t *Terminal) Name() string { return t.name }

// TTY is the program's side of the terminal until a program has it; nil afterwards and on Windows.
// What is written to it appears as if a program had written it.
func (t *Terminal) TTY() *os.File {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.slave
}

// Start starts cmd on the terminal, as the leader of a new session.
func (t *Terminal) Start(cmd *exec.Cmd) error {
	HeedSignals()
	err := t.hold(func(tty *os.File) error {
		cmd.Stdin, cmd.Stdout, cmd.Stderr = tty, tty, tty
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
		return cmd.Start()
	})
	if err == nil {
		t.LetGo()
	}
	return err
}

// Show starts cmd with what it writes on the terminal, which is not its own.
func (t *Terminal) Show(cmd *exec.Cmd) error {
	return t.hold(func(tty *os.File) error {
		cmd.Stdout, cmd.Stderr = tty, tty
		return cmd.Start()
	})
}

// hold calls f with the program's side, which stays open meanwhile. A client may
// hang up at any moment, and a descriptor that is closed while a program starts
// is by then another file's, to which the program would be connected.
func (t *Terminal) hold(f func(tty *os.File) error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.slave == nil {
		return os.ErrClosed
	}
	return f(t.slave)
}

// LetGo closes the program's side: only programs may hold it, as their last
// close is what ends our reading. A successful Start does it.
func (t *Terminal) LetGo() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.slave != nil {
		t.slave.Close()
		t.slave = nil
	}
}

// Exited says that the program has gone. Read then gives what is there and
// ends, as sshd does: programs in the background may have the terminal open for ever.
func (t *Terminal) Exited() {
	t.exited.Store(true)
	t.master.SetReadDeadline(time.Unix(1, 0))
}

// Read reads what programs wrote. It returns io.EOF when everything was read and nobody
// has the terminal open any more, or Exited was called.
func (t *Terminal) Read(p []byte) (int, error) {
	n, err := t.master.Read(p)
	if errors.Is(err, syscall.EIO) || errors.Is(err, os.ErrDeadlineExceeded) && t.exited.Load() {
		// Linux looks for output first and for who has the terminal open afterwards: EIO
		// may come although a program wrote in between. Only a second one is the end.
		n, err = t.readRest(p)
	}
	if errors.Is(err, syscall.EIO) || errors.Is(err, syscall.EAGAIN) { // EIO is how Linux says it
		err = io.EOF
	}
	return n, err
}

// readRest reads without waiting.
func (t *Terminal) readRest(p []byte) (n int, err error) {
	err = t.control(func(fd int) error {
		var err error
		if n, err = unix.Read(fd, p); n <= 0 && err == nil {
			err = io.EOF
		}
		return err
	})
	return max(n, 0), err
}

// Write types p.
func (t *Terminal) Write(p []byte) (int, error) { return t.master.Write(p) }

// Resize changes the size; the foreground gets SIGWINCH.
func (t *Terminal) Resize(size Size) error {
	return t.control(func(fd int) error {
		return unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{
			Row: clamp(size.Rows), Col: clamp(size.Cols),
			Xpixel: clamp(size.Width), Ypixel: clamp(size.Height),
		})
	})
}

// clamp fits a number from the network into what the kernel keeps. sshd cuts
// the upper bits off; a terminal of 65536 columns would then have none.
func clamp(n uint32) uint16 {
	return uint16(min(n, 0xffff))
}

// Break sends a break, which a pseudo-terminal has no line to show on.
func (t *Terminal) Break() error {
	return t.control(sendBreak)
}

// control runs f on the master's descriptor, without making it blocking as Fd would.
func (t *Terminal) control(f func(fd int) error) error {
	raw, err := t.master.SyscallConn()
	if err != nil {
		return err
	}
	var done error
	if err := raw.Control(func(fd uintptr) { done = f(int(fd)) }); err != nil {
		return err
	}
	return done
}

// Close hangs up.
func (t *Terminal) Close() error {
	t.Forget()
	t.LetGo()
	return t.master.Close()
}
