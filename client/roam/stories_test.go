package roam

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"tssh/client/login"
	"tssh/client/status"
	"tssh/proxy/terms"
	"tssh/proxy/wire"
)

// TestLoginMoves: what a user asked for is offered, commands run over every kind
// of path, and others of the user's terminals see how the session is.
func TestLoginMoves(t *testing.T) {
	for _, c := range []struct {
		transport wire.Transport
		mode      wire.Mode
		path      string
		early     bool // the server answers first words
	}{
		{wire.QUIC, wire.OnlyUDP, "UDP", false}, {wire.KCP, wire.OnlyTCP, "TCP", false}, {wire.QUIC, wire.OnlySSH, "SSH", false},
		{wire.QUIC, wire.OnlyUDP, "UDP", true}, {wire.QUIC, wire.OnlyTCP, "TCP", true}, {wire.QUIC, wire.OnlySSH, "SSH", true},
		{wire.QUIC, wire.Auto, "UDP", true}, {wire.KCP, wire.Auto, "UDP", true},
	} {
		t.Run(fmt.Sprint(c.transport, " ", c.mode, " ", c.early), func(t *testing.T) {
			u := newUser(t)
			u.b.callItselfOpenSSH(c.early)
			cfg := u.config(c.transport, c.mode)
			cfg.Name, cfg.Tell = "work", true
			s := u.move(cfg)
			runs(t, s, "date")
			if err := s.Confirmed(t.Context()); err != nil {
				t.Error(err)
			}
			if early := len(u.b.hello) > 0; early != (c.early && c.transport == wire.QUIC) {
				t.Errorf("first words went with the offer: %v", early)
			}
			o := u.b.offers[0]
			if o.Transport != c.transport || o.Proxy != c.mode || o.Name != "work" || !o.Tell || o.Alive != time.Minute {
				t.Errorf("offered %v", o)
			}
			if s.Name() != "work" || len(s.Waiting()) != 1 || s.Terminal() != 0 || s.Server().Path != "/opt/tsshd" {
				t.Errorf("session %q, others %q, terminal %d, by %s", s.Name(), s.Waiting(), s.Terminal(), s.Server().Path)
			}
			if string(s.Said()) != "Welcome to the box\n" {
				t.Errorf("~/.ssh/rc said %q", s.Said())
			}
			if k := s.State().Kind; !strings.EqualFold(k, c.path) {
				t.Errorf("over %s, want %s", k, c.path)
			}
			if lines := strings.Join(s.Status(), "\n"); !strings.Contains(strings.ToLower(lines), strings.ToLower(c.path)) {
				t.Errorf("~s tells %q", lines)
			}
			if all, err := status.Read(status.Dir()); err != nil || len(all) != 1 || all[0].Host != "box" || !all[0].Online {
				t.Errorf("--status: %v, %v", all, err)
			}
			if err := s.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
			if err := s.Close(); err != nil {
				t.Errorf("close again: %v", err)
			}
			if all, err := status.Read(status.Dir()); err != nil || len(all) != 0 {
				t.Errorf("--status afterwards: %v, %v", all, err)
			}
			u.wasTold()
		})
	}
}

// TestFirstWordsAloneAreNoSession: QUIC's handshake is over, and no path works. Where
// ssh's is not allowed the user is to get ssh itself.
func TestFirstWordsAloneAreNoSession(t *testing.T) {
	u := newUser(t)
	u.b.callItselfOpenSSH(true)
	start := func(o terms.Offer) terms.Greeting {
		g := u.b.serve(o)
		g.Port = closedPort(t)
		return g
	}
	for _, c := range []struct {
		transport wire.Transport // KCP is ready without a word of the server's
		mode      wire.Mode
	}{{wire.QUIC, wire.OnlyUDP}, {wire.QUIC, wire.OnlyTCP}, {wire.KCP, wire.OnlyUDP}, {wire.KCP, wire.OnlyTCP}} {
		ctx, cancel := context.WithCancel(t.Context())
		u.b.start = func(o terms.Offer) terms.Greeting {
			time.AfterFunc(time.Second, cancel) // what comes before may take as long as it does
			return start(o)
		}
		s, _, err := Open(ctx, u.logIn(), u.config(c.transport, c.mode))
		cancel()
		if s != nil || err == nil {
			t.Errorf("%v: %v, %v", c, s, err)
		}
		if early := len(u.b.hello) > 0; early != (c.transport == wire.QUIC) {
			t.Errorf("%v: there were first words: %v", c, early)
		}
	}
	u.b.start = start
	s := u.move(u.config(wire.QUIC, wire.Auto)) // ssh's path works
	runs(t, s, "date")
	if k := s.State().Kind; k != "SSH" {
		t.Errorf("over %s", k)
	}
}

// closedPort is one where nobody listens.
func closedPort(t *testing.T) int {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// TestSessionOutlivesItsLogin: where only ssh gets through, the session goes on over
// a new login when the one below it dies.
func TestSessionOutlivesItsLogin(t *testing.T) {
	u := newUser(t)
	s := u.move(u.config(wire.QUIC, wire.OnlySSH))
	runs(t, s, "before")
	first := s.carrier.current()
	u.b.hangUp()
	runs(t, s, "after")
	if now := s.carrier.current(); now == first || u.b.logins() == 0 {
		t.Error("there was no new login")
	}
	if first.Stands() {
		t.Error("the dead login was kept")
	}
}

// TestServerThatIsGoneIsToldAsSSHDoes: a server that was restarted knows nothing of
// the session. Nobody waits for it to come back.
func TestServerThatIsGoneIsToldAsSSHDoes(t *testing.T) {
	u := newUser(t)
	s := u.move(u.config(wire.QUIC, wire.OnlySSH))
	runs(t, s, "before")
	u.b.mu.Lock()
	u.b.gone = true
	u.b.mu.Unlock()
	u.b.hangUp()
	endsWith(t, s, "Connection to box closed by remote host.")
}

// TestServerThatEndsAtOnceLeavesSSH: tsshd was killed when it had said its greeting.
func TestServerThatEndsAtOnceLeavesSSH(t *testing.T) {
	u := newUser(t)
	u.b.gone = true
	u.b.start = func(o terms.Offer) terms.Greeting {
		g := u.b.serve(o)
		g.Port = closedPort(t)
		return g
	}
	c := u.config(wire.QUIC, wire.Auto)
	c.Fallback = true
	l := u.logIn()
	start := time.Now()
	s, same, err := Move(t.Context(), l, c)
	if s != nil || err != nil || same != l || !l.Stands() {
		t.Errorf("session %v, %v, another login %v, stands %v", s, err, same != l, l.Stands())
	}
	if took := time.Since(start); took >= moveTimeout {
		t.Errorf("it was waited for all the same, for %v", took)
	}
	u.wasTold("tssh: box: tsshd ended before it could be reached; going on without UDP")
}

// TestSilenceIsToldAsSSHDoes: after UdpAliveTimeout without a word the session is over.
func TestSilenceIsToldAsSSHDoes(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED with -short: nothing ends before ten seconds of silence")
	}
	u := newUser(t)
	c := u.config(wire.QUIC, wire.OnlyUDP)
	c.Alive = time.Second
	s := u.move(c)
	s.Cut(true)
	endsWith(t, s, "Timeout, server box not responding.")
}

func endsWith(t *testing.T, s *Session, words string) {
	t.Helper()
	err := s.Conn().Wait()
	var e *login.Error
	if !errors.As(err, &e) || e.Unsaid() != words {
		t.Errorf("ended with %v, want %s", err, words)
	}
}

// TestCutIsSurvived: the network goes, comes back, and nothing has happened.
func TestCutIsSurvived(t *testing.T) {
	u := newUser(t)
	s := u.move(u.config(wire.KCP, wire.OnlyUDP))
	runs(t, s, "before")
	s.Cut(true)
	for s.State().Online {
		<-s.Watch()
	}
	s.Cut(false)
	runs(t, s, "after")
	for !s.State().Online {
		<-s.Watch()
	}
}

// TestLastWordIsKept: the server says why it ends the session.
func TestLastWordIsKept(t *testing.T) {
	u := newUser(t)
	s := u.move(u.config(wire.QUIC, wire.OnlyUDP))
	runs(t, s, "before")
	if w := s.Word(); w != "" {
		t.Errorf("said %q before its end", w)
	}
	payload := ssh.Marshal(struct{ Text string }{"taken over by another client"})
	u.b.mu.Lock()
	mux, served := u.b.mux, u.b.served
	u.b.mu.Unlock()
	if _, _, err := served.SendRequest(terms.LastWordRequest, true, payload); err != nil {
		t.Fatal(err)
	}
	mux.Close()
	s.Conn().Wait()
	if w := s.Word(); w != "taken over by another client" {
		t.Errorf("said %q", w)
	}
}

// TestLostLoginIsMadeAgain: people roam while they log in.
func TestLostLoginIsMadeAgain(t *testing.T) {
	u := newUser(t)
	u.b.drops = 1
	s := u.move(u.config(wire.QUIC, wire.OnlyUDP))
	runs(t, s, "date")
	u.wasTold()
}

// TestLoginThatIsLostEachTime ends in ssh's words, or goes on without UDP where the
// last login stands.
func TestLoginThatIsLostEachTime(t *testing.T) {
	u := newUser(t)
	u.b.drops = 100
	s, l, err := Move(t.Context(), u.logIn(), u.config(wire.QUIC, wire.OnlyUDP))
	if s != nil || err == nil || !strings.Contains(err.Error(), "the connection was lost") {
		t.Errorf("session %v, %v", s, err)
	}
	l.Close()
}

// TestServerThatRunsNothing: a login that ssh would make does not fail for want of
// UDP, unless that was asked for.
func TestServerThatRunsNothing(t *testing.T) {
	for _, fallback := range []bool{true, false} {
		u := newUser(t)
		u.b.refuses = true
		c := u.config(wire.QUIC, wire.OnlyUDP)
		c.Fallback = fallback
		l := u.logIn()
		s, same, err := Move(t.Context(), l, c)
		if s != nil || same != l || !l.Stands() {
			t.Errorf("fallback %v: session %v, another login %v, stands %v", fallback, s, same != l, l.Stands())
		}
		if fallback {
			u.wasTold("tssh: box: the server did not run our command: it refuses to run any; going on without UDP")
			if err != nil {
				t.Error(err)
			}
		} else if err == nil || !strings.HasPrefix(err.Error(), "tssh: box: the server did not run our command") {
			t.Errorf("got %v", err)
		}
	}
}

// TestGivingUpEndsTheMove: ^C while tsshd is waited for.
func TestGivingUpEndsTheMove(t *testing.T) {
	u := newUser(t)
	ctx, cancel := context.WithCancel(t.Context())
	u.b.start = func(terms.Offer) terms.Greeting { // nobody serves there
		cancel()
		return terms.Greeting{Port: 9, PID: 1}
	}
	s, _, err := Move(ctx, u.logIn(), u.config(wire.QUIC, wire.OnlyUDP))
	if s != nil || !errors.Is(err, context.Canceled) {
		t.Errorf("session %v, %v", s, err)
	}
}

// TestWarningsOfTheServerAreShown, each with the host that has it, and notes are not.
func TestWarningsOfTheServerAreShown(t *testing.T) {
	u := newUser(t)
	u.b.start = func(o terms.Offer) terms.Greeting {
		g := u.b.serve(o)
		g.Warnings, g.Notes = []string{"logging out ends it"}, []string{"nothing to do"}
		return g
	}
	u.move(u.config(wire.QUIC, wire.OnlyUDP))
	u.wasTold("tssh: box: logging out ends it")
}

// TestSessionThatIsNotGiven is an error whatever UdpFallback says: a plain login is
// not what was asked for.
func TestSessionThatIsNotGiven(t *testing.T) {
	u := newUser(t)
	c := u.config(wire.QUIC, wire.OnlyUDP)
	c.Ask, c.Name, c.Fallback = terms.Attach, "work", true
	for _, answer := range []struct {
		start func(terms.Offer) terms.Greeting
		want  string
	}{
		{func(terms.Offer) terms.Greeting {
			return terms.Greeting{Answer: &terms.Answer{Refusal: "no session is called work"}}
		}, "no session is called work"},
		{func(terms.Offer) terms.Greeting { return terms.Greeting{Release: "0.0.1", Port: 9} },
			"tsshd there is of release 0.0.1, which can't attach sessions"},
	} {
		u.b.start = answer.start
		s, l, err := Move(t.Context(), u.logIn(), c)
		var no *NotGiven
		if s != nil || !errors.As(err, &no) || err.Error() != answer.want {
			t.Errorf("session %v, %v, want %s", s, err, answer.want)
		}
		if !l.Stands() {
			t.Error("the login ended with it")
		}
	}
	u.wasTold()
}

// TestSessionsThereAreListed, and what can't be had is said in the server's words.
func TestSessionsThereAreListed(t *testing.T) {
	u := newUser(t)
	c := u.config(wire.QUIC, wire.OnlyUDP)
	ask := func(g terms.Greeting) (*terms.Answer, error) {
		u.b.start = func(terms.Offer) terms.Greeting { return g }
		l := u.logIn()
		return Ask(t.Context(), l.Client, l, c, terms.List, "work")
	}
	a, err := ask(terms.Greeting{Answer: &terms.Answer{Sessions: []terms.Session{{Name: "work"}}}})
	if err != nil || len(a.Sessions) != 1 || a.Sessions[0].Name != "work" {
		t.Errorf("got %v, %v", a, err)
	}
	if o := u.b.offers[0]; o.Ask != terms.List || o.Name != "work" {
		t.Errorf("asked %v", o)
	}
	if _, err := ask(terms.Greeting{Answer: &terms.Answer{Refusal: "no session is called work"}}); err == nil || err.Error() != "no session is called work" {
		t.Errorf("got %v", err)
	}
	want := "tsshd at /opt/tsshd is of release 0.0.1, which knows of no other sessions"
	if _, err := ask(terms.Greeting{Release: "0.0.1", Port: 9}); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
