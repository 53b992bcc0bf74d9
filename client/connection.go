package client

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"tssh/client/bootstrap"
	"tssh/client/config"
	"tssh/client/forward"
	"tssh/client/login"
	"tssh/client/roam"
	"tssh/client/servers"
	"tssh/client/session"
	"tssh/client/terminfo"
	"tssh/client/tty"
	"tssh/client/voice"
	"tssh/proxy/roster"
	compiled "tssh/proxy/terminfo"
	"tssh/proxy/terms"
)

// connection is what everything else stands on, whatever carries it.
type connection interface {
	Client() *ssh.Client
	Conn() ssh.Conn // the Client's, whose end is told in ssh's words
	// Asks returns what sends a global request without waiting for the answer,
	// before all that is sent after; nil where nothing can.
	Asks() forward.Ask
	// Close ends the connection and what carried it.
	Close() error

	Info() []string          // ~I
	Said() []byte            // by ~/.ssh/rc, which ran before our command; not by a session's own
	SetInteractive(tty bool) // what the own session is
	// Chaff returns what sends a packet that looks like a key; nil: not needed.
	Chaff() func() error
	Lent() config.Lent // what the far side gets to use
	// Bind returns what tells an agent to whom it is lent; nil where another
	// connection of ours does.
	Bind() func(agent.ExtendedAgent) error
	// Describe brings the description of a session's terminal there.
	Describe(session ssh.Channel, e compiled.Entry, log voice.Log)
	// Equip gives a session what it shows and can ask of the connection.
	Equip(*session.Options)
}

// direct is ssh's own connection.
type direct struct {
	*login.Login
	through *roam.Session // of the last host on the way, which the login goes through; nil: none
}

func (d direct) Client() *ssh.Client                   { return d.Login.Client }
func (d direct) Conn() ssh.Conn                        { return d.Login.Client }
func (d direct) Asks() forward.Ask                     { return d.Login.Ask }
func (d direct) Close() error                          { return d.Disconnect() }
func (d direct) Said() []byte                          { return nil }
func (d direct) Bind() func(agent.ExtendedAgent) error { return d.BindAgent }

func (d direct) Describe(session ssh.Channel, e compiled.Entry, log voice.Log) {
	s := terminfo.Server{Client: d.Login.Client, Key: d.HostKey(), Forced: d.Forced, Log: log}
	if s.IsOurs() {
		terminfo.Send(session, e, log)
		return
	}
	s.Bring(context.Background(), e)
}

func (d direct) Equip(o *session.Options) {
	if d.through != nil {
		observe(d.through, o)
	}
	o.Rekey = d.Rekey
	o.Chaff = d.Chaff()
}

// roaming is a session that moved onto the proxies, where keys leave as they are
// typed.
type roaming struct {
	*roam.Session
	login *login.Login  // that it moved from
	cut   func() string // of the demo: cuts the network, or restores it; nil: no
}

func (r roaming) Asks() forward.Ask                     { return nil }
func (r roaming) Info() []string                        { return r.Status() }
func (r roaming) Lent() config.Lent                     { return r.login.Lent() }
func (r roaming) SetInteractive(bool)                   {}
func (r roaming) Chaff() func() error                   { return nil }
func (r roaming) Bind() func(agent.ExtendedAgent) error { return r.login.BindAgent }

func (r roaming) Describe(session ssh.Channel, e compiled.Entry, log voice.Log) {
	terminfo.Send(session, e, log)
}

func (r roaming) Equip(o *session.Options) {
	observe(r.Session, o)
	o.Cut = r.cut
	o.Attach, o.Name, o.Word = r.Terminal(), r.Name(), r.Word
}

// proxied is a connection of its own inside of another master's.
type proxied struct {
	c    *ssh.Client
	lent config.Lent
}

func (r proxied) Client() *ssh.Client                   { return r.c }
func (r proxied) Conn() ssh.Conn                        { return r.c.Conn }
func (r proxied) Asks() forward.Ask                     { return nil }
func (r proxied) Close() error                          { return r.c.Close() }
func (r proxied) Info() []string                        { return []string{"through another master"} }
func (r proxied) Said() []byte                          { return nil }
func (r proxied) Lent() config.Lent                     { return r.lent }
func (r proxied) SetInteractive(bool)                   {}
func (r proxied) Chaff() func() error                   { return nil }
func (r proxied) Bind() func(agent.ExtendedAgent) error { return nil }
func (r proxied) Equip(*session.Options)                {}

// Describe leaves it to the master's own sessions.
func (r proxied) Describe(ssh.Channel, compiled.Entry, voice.Log) {}

// observe shows a session how the way to the server is.
func observe(r *roam.Session, o *session.Options) {
	o.Status = r.Status
	o.Contact = &session.Contact{
		Changed: r.Watch(),
		State: func() session.ContactState {
			s := r.State()
			return session.ContactState{Online: s.Online, Lost: s.Lost, Heard: s.Heard, Trying: s.Trying}
		},
	}
}

// logIn logs in. through is the last host on the way where that roams; nil: it doesn't.
func (v *invocation) logIn(ctx context.Context, moves bool) (l *login.Login, through *roam.Session, err error) {
	var last atomic.Pointer[roam.Session]
	l, err = login.Dial(ctx, v.host, login.Options{
		Log: v.log, Resolve: v.resolve, Moves: moves,
		Move: func(ctx context.Context, l *login.Login, via *config.Host) (login.Through, error) {
			r, l, err := roam.Move(ctx, l, v.moving(via))
			if r == nil {
				return l, err
			}
			last.Store(r)
			return r, nil
		},
	})
	return l, last.Load(), err
}

// dial logs in, and moves the connection to the proxies when asked to.
func (v *invocation) dial(ctx context.Context) (connection, error) {
	var c roam.Config
	moves := v.host.UdpMode != "" || v.cmd.Attach
	if moves {
		c = v.wanting(v.moving(v.host))
		go c.Binary.Prepare() // while the login waits for the network
	}
	l, through, err := v.logIn(ctx, moves)
	if err != nil {
		return nil, err
	}
	if moves {
		r, current, err := roam.Move(ctx, l, c)
		for err != nil {
			if c.Name, err = v.choose(err); err == nil {
				c.Ask = terms.Attach
				r, current, err = roam.Move(ctx, current, c)
				continue
			}
			current.Close()
			return nil, err
		}
		if r != nil {
			v.tellWaiting(r.Waiting())
			return roaming{Session: r, login: current}, nil
		}
		l = current
		l.Stay()
	}
	// The connection stays ssh's own, and will not be made again.
	l.Forget()
	l.LimitIdle()
	return direct{l, through}, nil
}

// wanting says which session a login is for.
func (v *invocation) wanting(c roam.Config) roam.Config {
	if c.Transport == "" {
		c.Transport = "quic" // --attach says enough
	}
	shell := v.command() == "" && v.host.SessionType == "default" && v.cmd.StdioForward == nil && tty.IsTerminal(os.Stdin)
	c.Name = v.host.UdpSessionName
	switch {
	case v.cmd.Attach:
		c.Ask, c.Name, c.Fallback = terms.Attach, v.cmd.AttachName, false
	case v.host.UdpSessionAttach && shell && v.host.RequestTTY != "no":
		c.Ask = terms.Join
	default:
		c.Tell = shell && tty.IsTerminal(os.Stderr) && v.sink.Step(0) >= voice.Info
	}
	return c
}

// choose asks which session is meant, where several are and somebody can say so.
// Any other error is as it was.
func (v *invocation) choose(err error) (name string, _ error) {
	var no *roam.NotGiven
	if !errors.As(err, &no) {
		return "", err
	}
	if !no.Choose || v.host.BatchMode || !tty.IsTerminal(os.Stdin) || !tty.IsTerminal(os.Stderr) {
		return "", fmt.Errorf("tssh: %s: %w", v.host.HostName, err)
	}
	roster.Numbered(os.Stderr, time.Now(), no.Sessions)
	answer, err := voice.Ask(fmt.Sprintf("Which one (1-%d)? ", len(no.Sessions)), voice.Plain)
	if err != nil {
		return "", err
	}
	if n, bad := strconv.Atoi(strings.TrimSpace(answer)); bad == nil && n >= 1 && n <= len(no.Sessions) {
		return strconv.Itoa(no.Sessions[n-1].PID), nil
	}
	for _, s := range no.Sessions {
		if s.Name == strings.TrimSpace(answer) {
			return strconv.Itoa(s.PID), nil
		}
	}
	return "", fmt.Errorf("tssh: %s: no session %q", v.host.HostName, answer)
}

// tellWaiting says that there is something to come back to.
func (v *invocation) tellWaiting(names []string) {
	if len(names) == 0 {
		return
	}
	what := "session " + names[0] + " waits"
	if len(names) > 1 {
		what = fmt.Sprintf("%d sessions wait", len(names))
	}
	v.log.Infof("tssh: %s: %s there; to come back: tssh --attach %s", v.host.HostName, what, v.cmd.Way())
}

// moving is how a login to h moves.
func (v *invocation) moving(h *config.Host) roam.Config {
	c := roam.For(h)
	c.Binary, c.Log = v.binary(), v.log
	c.Progress = tty.IsTerminal(os.Stderr) && v.sink.Step(0) > voice.Quiet
	return c
}

// binary is what may be sent to servers; where our own program can't be found,
// that is no reason not to look for one there.
func (v *invocation) binary() *bootstrap.Binary {
	b, err := bootstrap.Released(servers.Release())
	if err != nil {
		v.log.Debugf("%v", err)
	}
	return b
}
