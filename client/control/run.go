//go:build unix

package control

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/crypto/ssh"

	"tssh/client/config"
	"tssh/client/session"
	"tssh/client/tty"
	"tssh/client/voice"
)

// Runner runs the sessions of clients as package session does ours, over conn,
// which h describes: it is a Config's Session. equip gives each what belongs to the
// connection. prepare, when not nil, is called with each new channel and asks for what
// belongs in front: agent and X11.
func Runner(conn ssh.Conn, h *config.Host, equip func(*session.Options), prepare func(*Session, ssh.Channel)) func(context.Context, *Session) (int, error) {
	return func(ctx context.Context, s *Session) (int, error) {
		o := session.Options{
			Command: s.Command,
			TTY:     s.TTY,
			Guest:   &session.Guest{Subsystem: s.Subsystem, Term: s.Term, Env: s.Env, Escape: s.Escape},
			Stdin:   s.Stdin,
			Stdout:  s.Stdout,
			Stderr:  s.Stderr,
			// The client tells of the end; what went wrong only we know.
			Log: func(l voice.Level, text string) {
				if l <= voice.Error {
					fmt.Fprintf(s.Stderr, "%s\r\n", text)
				}
			},
			Prepare: func(ch ssh.Channel) {
				if prepare != nil {
					prepare(s, ch)
				}
				s.Started()
			},
		}
		if equip != nil {
			equip(&o)
		}
		if s.TTY {
			t, err := newTerminal(s)
			if err != nil {
				return -1, err
			}
			defer t.close()
			o.Terminal = t
		}
		return session.Run(ctx, conn, h, o)
	}
}

// terminal is a client's. It is the client that makes it raw, when told so.
type terminal struct {
	io.Reader
	io.Writer
	session *Session
	files   [2]*os.File
	tty     *tty.Terminal
	modes   []byte // before it was raw
}

func newTerminal(s *Session) (*terminal, error) {
	t := &terminal{Reader: s.Stdin, Writer: s.Stdout, session: s}
	for i, f := range []*Stdio{s.Stdin, s.Stdout} {
		fd, err := f.dup()
		if err != nil {
			t.close()
			return nil, err
		}
		t.files[i] = os.NewFile(uintptr(fd), "client's terminal")
	}
	t.tty = tty.New(t.files[0], t.files[1])
	t.modes = t.tty.Modes()
	return t, nil
}

func (t *terminal) close() {
	for _, f := range t.files {
		if f != nil {
			f.Close()
		}
	}
}

func (t *terminal) Raw() error { return nil }

// Restore tells the client that there is no use for a raw terminal any more.
func (t *terminal) Restore() error { t.session.NoTerminal(); return nil }

func (t *terminal) Guard()                              { /* a panic of ours leaves the client's terminal to it */ }
func (t *terminal) Suspend() error                      { return errors.ErrUnsupported }
func (t *terminal) Size() tty.Size                      { return t.tty.Size() }
func (t *terminal) Modes() []byte                       { return t.modes }
func (t *terminal) Resized() (<-chan os.Signal, func()) { return t.tty.Resized() }
