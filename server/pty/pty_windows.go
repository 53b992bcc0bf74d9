package pty

import (
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"sync"
	"syscall"

	"github.com/charmbracelet/x/conpty"
	"golang.org/x/sys/windows"
)

// Terminal is a pseudo-console.
type Terminal struct {
	console *conpty.ConPty
	in, out *os.File
	theirs  [2]uintptr // the console's ends of the pipes, of which it has copies
	free    sync.Once  // closes theirs
	shut    sync.Once  // closes the console
}

// Open makes a terminal of the given size. Windows has no terminal modes.
func Open(size Size, modes []byte) (*Terminal, error) {
	inRead, inWrite, outRead, outWrite, err := conpty.CreatePipes()
	if err != nil {
		return nil, fmt.Errorf("open a pseudo-console: %w", err)
	}
	t := &Terminal{in: os.NewFile(inWrite, "|0"), out: os.NewFile(outRead, "|1"), theirs: [2]uintptr{inRead, outWrite}}
	t.console, err = conpty.NewWithPipes(inRead, inWrite, outRead, outWrite, fit(size.Cols), fit(size.Rows), 0)
	if err != nil {
		t.letTheirsGo()
		t.in.Close()
		t.out.Close()
		return nil, fmt.Errorf("open a pseudo-console: %w", err)
	}
	return t, nil
}

// letTheirsGo closes our copies of the console's ends, which would keep the output
// from ending. CreatePseudoConsole wants them until a program was started.
func (t *Terminal) letTheirsGo() {
	t.free.Do(func() {
		for _, h := range t.theirs {
			windows.CloseHandle(windows.Handle(h))
		}
	})
}

// fit fits a number from the network into a COORD, whose numbers have a sign.
func fit(n uint32) int { return int(min(n, math.MaxInt16)) }

// Name is a fixed word: a pseudo-console has no path.
func (t *Terminal) Name() string { return "windows-pty" }

// TTY is the program's side of the terminal, which Windows doesn't show.
func (t *Terminal) TTY() *os.File { return nil }

// Record does nothing: Windows has no who(1).
func (t *Terminal) Record(host string) {}

// Forget does nothing, too.
func (t *Terminal) Forget() {}

// Start starts cmd on the terminal.
func (t *Terminal) Start(cmd *exec.Cmd) error {
	defer t.letTheirsGo()
	pid, handle, err := t.console.Spawn(cmd.Path, cmd.Args, &syscall.ProcAttr{Dir: cmd.Dir, Env: cmd.Env, Sys: cmd.SysProcAttr})
	if err != nil {
		return err
	}
	defer windows.CloseHandle(windows.Handle(handle))
	cmd.Process, err = os.FindProcess(pid)
	return err
}

// Show starts nothing: see TTY.
func (t *Terminal) Show(*exec.Cmd) error { return errors.ErrUnsupported }

// LetGo ends the console, as no program has it.
func (t *Terminal) LetGo() { t.Exited() }

// Exited says that the program has gone: the console then gives out what it
// still holds and ends, which it never does by itself.
func (t *Terminal) Exited() {
	t.letTheirsGo()
	t.shut.Do(func() { windows.ClosePseudoConsole(windows.Handle(t.console.Fd())) })
}

// Read reads what programs wrote. It returns io.EOF when the console has ended
// and everything was read.
func (t *Terminal) Read(p []byte) (int, error) { return t.out.Read(p) }

// Write types p.
func (t *Terminal) Write(p []byte) (int, error) { return t.in.Write(p) }

// Resize changes the size. A console can't have none, as a terminal of Unix can.
func (t *Terminal) Resize(size Size) error {
	if size.Cols == 0 || size.Rows == 0 {
		return nil
	}
	return t.console.Resize(fit(size.Cols), fit(size.Rows))
}

// Break does nothing: a console has no line to show a break on.
func (t *Terminal) Break() error { return nil }

// Close hangs up.
func (t *Terminal) Close() error {
	// Closing the console waits until its output was read, so the pipe goes first.
	t.out.Close()
	t.Exited()
	return t.in.Close()
}
