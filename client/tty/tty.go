// Package tty is the user's terminal: raw mode as ssh sets it, the size, the
// modes that travel to the server, and the way back to order whatever happens.
package tty

import (
	"os"
	"sync"

	"golang.org/x/term"
)

// IsTerminal tells whether f is a terminal.
func IsTerminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }

// Size is the size of a terminal in characters and in pixels (0: unknown).
type Size struct {
	Cols, Rows, Width, Height int
}

// Terminal is the terminal that keys come from and that shows the screen. Its
// input is what is set to raw mode; the output may be another file.
type Terminal struct {
	in, out *os.File
	input   input // what Read needs beside in

	mu    sync.Mutex // guards what follows
	saved *state     // before raw mode; nil while in order
}

// New makes a Terminal of in and out. Neither is touched yet.
func New(in, out *os.File) *Terminal { return &Terminal{in: in, out: out} }

// Raw sets raw mode: no echo, no signals, every byte at once. It does nothing
// when the terminal is in raw mode already.
func (t *Terminal) Raw() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.saved != nil {
		return nil
	}
	s, err := makeRaw(t.in, t.out)
	if err != nil {
		return err
	}
	t.saved = s
	return nil
}

// Restore puts the terminal back as it was before Raw. It may be called twice
// and from anywhere.
func (t *Terminal) Restore() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.saved == nil {
		return nil
	}
	err := restore(t.in, t.out, t.saved)
	t.saved = nil
	return err
}

// Guard is deferred by every goroutine that runs while the terminal is raw: a
// panic that left it so would be unreadable, and the shell after it unusable.
func (t *Terminal) Guard() {
	if r := recover(); r != nil {
		t.Restore()
		panic(r)
	}
}

// Modes are the terminal modes in the encoding of RFC 4254, section 8, as they
// were before Raw: what the far side's terminal is set to.
func (t *Terminal) Modes() []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	return modes(t.in, t.saved)
}

// Size is how large the terminal is now; the zero Size when it can't be told.
func (t *Terminal) Size() Size { return size(t.in, t.out) }

// Read reads what was typed.
func (t *Terminal) Read(p []byte) (int, error) { return t.input.read(t.in, p) }

// Write writes to the screen.
func (t *Terminal) Write(p []byte) (int, error) { return t.out.Write(p) }

// Suspend stops the process as ^Z does, with the terminal in order meanwhile,
// and returns when it is continued.
func (t *Terminal) Suspend() error {
	raw := t.isRaw()
	if err := t.Restore(); err != nil {
		return err
	}
	if err := stop(); err != nil {
		return err
	}
	if !raw {
		return nil
	}
	return t.Raw()
}

func (t *Terminal) isRaw() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.saved != nil
}
