//go:build unix

package control

import (
	"errors"
	"io"
	"os"

	"tssh/client/tty"
)

// Terminal is a client's. It is the client that makes it raw, when told so.
type Terminal struct {
	io.Reader
	io.Writer
	session *Session
	files   [2]*os.File
	tty     *tty.Terminal
	modes   []byte // before it was raw
}

// Terminal is the one behind Stdin and Stdout. It is to be closed.
func (s *Session) Terminal() (*Terminal, error) {
	t := &Terminal{Reader: s.Stdin, Writer: s.Stdout, session: s}
	for i, f := range []*Stdio{s.Stdin, s.Stdout} {
		fd, err := f.dup()
		if err != nil {
			t.Close()
			return nil, err
		}
		t.files[i] = os.NewFile(uintptr(fd), "client's terminal")
	}
	t.tty = tty.New(t.files[0], t.files[1])
	t.modes = t.tty.Modes()
	return t, nil
}

// Close lets go of it.
func (t *Terminal) Close() {
	for _, f := range t.files {
		if f != nil {
			f.Close()
		}
	}
}

// Raw, Guard and Suspend are for the client to do, and a panic of ours leaves its
// terminal to it.
func (t *Terminal) Raw() error     { return nil }
func (t *Terminal) Guard()         {}
func (t *Terminal) Suspend() error { return errors.ErrUnsupported }

// Restore tells the client that there is no use for a raw terminal any more.
func (t *Terminal) Restore() error { t.session.NoTerminal(); return nil }

// Size, Modes and Resized tell of the terminal as it is, and of its modes as they
// were before it was raw.
func (t *Terminal) Size() tty.Size                      { return t.tty.Size() }
func (t *Terminal) Modes() []byte                       { return t.modes }
func (t *Terminal) Resized() (<-chan os.Signal, func()) { return t.tty.Resized() }
