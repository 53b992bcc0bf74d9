package control

import (
	"context"
	"fmt"
	"os"

	"golang.org/x/crypto/ssh"
)

// GuestSession is a session that a master runs for us, on our own descriptors.
type GuestSession struct {
	TTY       bool // ask for a terminal, with the modes that Stdin has now
	X11       bool
	Agent     bool
	Subsystem bool     // Command is the name of one
	Command   string   // "": the login shell
	Term      string   // TERM
	Env       []string // NAME=VALUE; the master passes on those that it may send itself
	Escape    int      // the escape character; -1: none

	Stdin, Stdout, Stderr *os.File

	// Started is called when the session is open: it may make the terminal raw,
	// whose modes the master has read by then. What it returns, if not nil, is
	// called when the terminal is to be as before: at the end, or when the server
	// gives no terminal.
	Started func() (restore func())
}

// Session has the master run p and returns its exit status: 255 when there was
// none, be it that ctx ended, a signal ended the command, or the master went
// away. An error means that no session was begun, so that the caller may
// connect for itself.
func (c *Client) Session(ctx context.Context, p GuestSession) (status int, err error) {
	pid, err := c.Check()
	if err != nil {
		return 0, fmt.Errorf("master alive request: %w", err)
	}
	w := newSession{
		TTY:       flag(p.TTY),
		X11:       flag(p.X11),
		Agent:     flag(p.Agent),
		Subsystem: flag(p.Subsystem),
		Escape:    noEscape,
		Term:      p.Term,
		Command:   p.Command,
	}
	if p.Escape >= 0 {
		w.Escape = uint32(p.Escape)
	}
	for _, e := range p.Env {
		w.Env = append(w.Env, ssh.Marshal(reason{e})...)
	}
	var session number
	if err := c.want(cNewSession, sOpened, w, &session, p.Stdin, p.Stdout, p.Stderr); err != nil {
		return 0, said("session", err)
	}
	stop := context.AfterFunc(ctx, func() { c.conn.Close() })
	defer stop()
	// The terminal is ours, so its changes are told to us, and the protocol has
	// no word for them: the master looks when it gets the signal itself.
	defer relayResizes(pid)()
	restore := func() {}
	if p.Started != nil {
		if r := p.Started(); r != nil {
			restore = r
		}
	}
	defer func() { restore() }()
	return c.waitExit(session.N, func() { restore(); restore = func() {} })
}

// waitExit waits for the end of a session. The master closes the connection when
// the last output is written; the status may come long before.
func (c *Client) waitExit(session uint32, noTTY func()) (int, error) {
	status := 255
	for {
		b, err := readMessage(c.conn)
		if err != nil {
			return status, nil
		}
		var m request
		if parse(b, &m) != nil || m.ID != session {
			return 255, nil
		}
		switch m.Type {
		case sNoTTY:
			noTTY()
		case sExit:
			var n number
			if parse(m.Rest, &n) != nil {
				return 255, nil
			}
			// 8 bits are what a process can exit with anyway.
			status = int(n.N & 0xff)
		default:
			return 255, nil
		}
	}
}

func flag(b bool) uint32 {
	if b {
		return 1
	}
	return 0
}
