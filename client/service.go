package client

import (
	"context"
	"fmt"
	"os"
	"time"

	"golang.org/x/crypto/ssh"

	"tssh/client/config"
	"tssh/client/control"
	"tssh/client/forward"
	"tssh/client/lend"
	"tssh/client/session"
	"tssh/client/terminfo"
)

// lastMoment is how long an agent or a display that does not answer can hold up
// the end of a run.
const lastMoment = time.Second

// service is a connection with what serves those who use it.
type service struct {
	connection
	forwards *forward.Set
	lender   *lend.Lender
}

func (v *invocation) newService(c connection) *service {
	return &service{
		connection: c,
		forwards:   forward.New(c.Client(), c.Asks(), v.host, c.Lent(), v.log),
		lender:     lend.New(c.Client(), lend.Config{Host: v.host, Lent: c.Lent(), Log: v.log, Bind: c.Bind()}),
	}
}

// end ends the connection and what serves it.
func (s *service) end() {
	s.forwards.Close()
	s.Close()
	rest := make(chan struct{})
	go func() {
		defer close(rest)
		s.forwards.Rest()
		s.lender.Rest()
	}()
	select {
	case <-rest:
	case <-time.After(lastMoment):
	}
}

// describe sees to it that the far side knows the terminal of a session.
func (v *invocation) describe(s *service, ch ssh.Channel, term string) {
	if !v.host.TerminfoInstall {
		return
	}
	if e, ok := terminfo.Of(term); ok {
		s.Describe(ch, e, v.log)
	}
}

// lendWords gives a session of another process's what it needs of the connection.
func (s *service) lendWords(o *session.Options) {
	o.Chaff = s.Chaff()
	if r, ok := s.connection.(roaming); ok {
		o.Name, o.Word = r.Name(), r.Word
	}
}

// about describes the "connection" or its "channels", as ssh does by ~I and -O.
func (s *service) about(what string) []string {
	switch what {
	case "channels":
		return append([]string{"The following connections are open:"}, indented(s.forwards.Lines())...)
	case "connection":
		name, _ := os.Hostname()
		return append([]string{fmt.Sprintf("Connection information for %s pid %d", name, os.Getpid())}, indented(s.Info())...)
	}
	return nil
}

func indented(lines []string) []string {
	out := make([]string, len(lines))
	for i, l := range lines {
		out[i] = "  " + l
	}
	return out
}

// masterForwards lets a master's clients change the forwardings.
type masterForwards struct{ *forward.Set }

// Add opens one more.
func (m masterForwards) Add(ctx context.Context, k control.Kind, f config.Forward) (int, error) {
	return m.Set.Add(ctx, forward.Kind(k), f)
}

// Has tells whether one stands already.
func (m masterForwards) Has(k control.Kind, f config.Forward) (int, bool) {
	return m.Set.Has(forward.Kind(k), f)
}

// Cancel closes one.
func (m masterForwards) Cancel(k control.Kind, f config.Forward) error {
	return m.Set.Cancel(forward.Kind(k), f)
}
