package client

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/crypto/ssh"

	"tssh/client/control"
	"tssh/client/session"
	"tssh/client/voice"
)

// controlPath is where a master listens, or is to; "" is nowhere.
func (v *invocation) controlPath() string {
	if v.host.ControlPath == "none" {
		return ""
	}
	return v.host.ControlPath
}

// isMaster tells whether this run is to share its connection.
func (v *invocation) isMaster() bool {
	return !v.unshared && v.host.ControlMaster != "no" && v.controlPath() != ""
}

// share makes this connection one that others may join. The error is only that
// nobody can; the connection is as good as before.
func (v *invocation) share(ctx context.Context, s *service) (*control.Master, error) {
	cfg := control.Config{
		Conn: s.Conn(),
		Session: func(ctx context.Context, guest *control.Session) (int, error) {
			return v.runGuest(ctx, s, guest)
		},
		PermitEnv: func(name string) bool { return session.Permits(v.host, name) },
		Info:      func(about string) []string { return v.askedOf(s, about) },
		Host:      v.host.Original,
		Logf:      v.log.Debug2f,
	}
	cfg.Forwards = masterForwards{s.forwards}
	if m := v.host.ControlMaster; m == "ask" || m == "autoask" {
		cfg.Confirm = func(question string) bool {
			answer, err := voice.Ask(question, voice.Confirm)
			return err == nil && (answer == "" || answer == "yes")
		}
	}
	m, err := control.Listen(v.controlPath(), cfg)
	if err != nil {
		return nil, err
	}
	go m.Serve(ctx)
	return m, nil
}

// runGuest runs the session of another run of ssh on our connection.
func (v *invocation) runGuest(ctx context.Context, s *service, guest *control.Session) (int, error) {
	o := session.Options{
		Command: guest.Command,
		TTY:     guest.TTY,
		Way:     v.cmd.Way(),
		Guest:   &session.Guest{Subsystem: guest.Subsystem, Term: guest.Term, Env: guest.Env, Escape: guest.Escape},
		Stdin:   guest.Stdin,
		Stdout:  guest.Stdout,
		Stderr:  guest.Stderr,
		// The guest tells of the end; what went wrong only we know.
		Log: func(l voice.Level, text string) {
			if l <= voice.Error {
				fmt.Fprintf(guest.Stderr, "%s\r\n", text)
			}
		},
		Prepare: func(ch ssh.Channel) {
			if guest.X11 {
				s.lender.AskDisplay(context.Background(), ch)
			}
			if guest.Agent {
				s.lender.AskAgent(ch)
			}
			if guest.TTY {
				v.describe(s, ch, guest.Term)
			}
			guest.Started()
		},
	}
	s.lendWords(&o)
	if guest.TTY {
		t, err := guest.Terminal()
		if err != nil {
			return -1, err
		}
		defer t.Close()
		o.Terminal = t
	}
	return session.Run(ctx, s.Conn(), v.host, o)
}

// linger is how long a master without clients stays: ControlPersist.
func (v *invocation) linger() time.Duration {
	switch {
	case !v.host.ControlPersist:
		return 0
	case v.host.ControlPersistTimeout == 0:
		return -1
	}
	return v.host.ControlPersistTimeout
}
