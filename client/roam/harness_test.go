package roam

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"tssh/client/login"
	"tssh/client/sshconfig"
	"tssh/client/voice"
	"tssh/proxy"
	"tssh/proxy/mux"
	"tssh/proxy/sshconn"
	"tssh/proxy/terms"
	"tssh/proxy/wire"
)

// box is a server in this process, and what it does for its user: an sshd that
// plays tsshd when the bootstrap's command comes, with real paths over loopback.
type box struct {
	t      *testing.T
	l      net.Listener
	signer ssh.Signer
	ctx    context.Context
	work   sync.WaitGroup

	// start answers an offer with what tsshd would write. Nil: serve.
	start func(terms.Offer) terms.Greeting
	// drops is how many connections end when they ask for a tsshd.
	drops int
	// refuses says that no command is run, as git's hosts do.
	refuses bool
	// openSSH says that it is, so that it is sent first words, which it answers.
	openSSH bool

	hello []byte // of the client that asks

	mu     sync.Mutex // guards what follows
	gone   bool       // the session's tsshd has ended
	conns  []net.Conn // of logins
	offers []terms.Offer
	proxy  *proxy.Server
	served sshconn.Server
	mux    mux.Conn
}

func newBox(t *testing.T) *box {
	t.Helper()
	t.Setenv("SSH_AUTH_SOCK", "")
	runtime, err := os.MkdirTemp("", "roam") // sockets are there, whose names must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(runtime) })
	t.Setenv("XDG_RUNTIME_DIR", runtime)
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithCancel(context.Background())
	b := &box{t: t, l: l, signer: signer, ctx: ctx}
	b.work.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			b.mu.Lock()
			b.conns = append(b.conns, conn)
			b.mu.Unlock()
			b.work.Go(func() { b.sshd(conn) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		end()
		b.hangUp()
		b.work.Wait()
	})
	return b
}

// callItselfOpenSSH says whether it does in the logins that come.
func (b *box) callItselfOpenSSH(yes bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.openSSH = yes
}

// hangUp ends the connections of all logins, as a router that forgot them does.
func (b *box) hangUp() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range b.conns {
		c.Close()
	}
	b.conns = nil
}

// logins is how many there were since the last hangUp.
func (b *box) logins() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.conns)
}

func (b *box) sshd(conn net.Conn) {
	defer conn.Close()
	c := &ssh.ServerConfig{NoClientAuth: true}
	c.AddHostKey(b.signer)
	if b.openSSH {
		c.ServerVersion = "SSH-2.0-OpenSSH_9.9"
	}
	_, chans, reqs, err := ssh.NewServerConn(conn, c)
	if err != nil {
		return
	}
	go ssh.DiscardRequests(reqs)
	for n := range chans {
		ch, reqs, err := n.Accept()
		if err != nil {
			return
		}
		b.work.Go(func() {
			defer ch.Close()
			for r := range reqs {
				if r.Type != "exec" || b.refuses {
					r.Reply(false, nil)
					continue
				}
				r.Reply(true, nil)
				var e struct{ Line string }
				ssh.Unmarshal(r.Payload, &e)
				go ssh.DiscardRequests(reqs)
				status := b.exec(conn, ch, e.Line)
				ch.SendRequest("exit-status", false, ssh.Marshal(struct{ Status uint32 }{status}))
				return
			}
		})
	}
}

var (
	offered = regexp.MustCompile(`1/transport:[^ ']*`)
	hello   = regexp.MustCompile(`[ A-Za-z0-9_-]*;:$`) // behind TsshdPath and the places
)

// exec runs what a login asks for: the bootstrap, or the path through ssh.
func (b *box) exec(conn net.Conn, ch ssh.Channel, line string) uint32 {
	if strings.HasPrefix(line, "/opt/tsshd "+terms.CommandRelay+" ") {
		b.mu.Lock()
		p, gone := b.proxy, b.gone
		b.mu.Unlock()
		if gone {
			return terms.ExitGone
		}
		p.Attach(ch)
		return terms.ExitFailure
	}
	b.mu.Lock()
	drop := b.drops > 0
	b.drops--
	b.mu.Unlock()
	if drop {
		conn.Close()
		return 1
	}
	offer, err := terms.ParseOffer(offered.FindString(line))
	if err != nil {
		b.t.Errorf("%v in %q", err, line)
		return terms.ExitUsage
	}
	b.mu.Lock()
	b.offers = append(b.offers, offer)
	b.mu.Unlock()
	b.hello, err = terms.ParseHello(strings.NewReplacer(" ", "", ";:", "").Replace(hello.FindString(line)))
	if err != nil {
		b.t.Errorf("%v in %q", err, line)
	}
	start := b.start
	if start == nil {
		start = b.serve
	}
	fmt.Fprintf(ch, "Welcome to the box\n{tssh:hello}\n{tssh:run /opt/tsshd}\n%s", start(offer).Line())
	return 0
}

// serve begins a session, whose commands say what they were.
func (b *box) serve(o terms.Offer) terms.Greeting {
	g := terms.Greeting{Release: "0.0.9", PID: 4711, Session: "work", Relay: "/run/relay", RC: true, Waiting: []string{"other"}}
	rand.Read(g.Secret[:])
	identity, err := mux.NewIdentity()
	if err != nil {
		b.t.Error(err)
	}
	g.ServerPin = identity.Pin()
	config := mux.Config{Identity: identity, PeerPin: o.ClientPin, Secret: g.Secret}
	var early *proxy.Early
	var listening *mux.Listening
	if len(b.hello) > 0 {
		early = proxy.NewEarly()
		if listening, err = mux.Listen(early, config); err != nil {
			b.t.Error(err)
		}
		early.Hear(b.hello)
		g.Hello = early.Said()
	}
	p, err := proxy.Listen(b.ctx, proxy.ServerConfig{Secret: g.Secret, Transport: o.Transport, Mode: o.Proxy, Alive: o.Alive, Early: early})
	if err != nil {
		b.t.Error(err)
		return g
	}
	g.Port = p.Port()
	b.mu.Lock()
	b.proxy = p
	b.mu.Unlock()
	b.work.Go(func() {
		defer p.Close()
		var m mux.Conn
		var err error
		if listening != nil {
			m, err = listening.Accept(b.ctx)
		} else {
			m, err = mux.Serve(b.ctx, o.Transport, p, config)
		}
		if err != nil {
			return // nobody came
		}
		stop := context.AfterFunc(b.ctx, func() { m.Close() })
		defer stop()
		defer m.Close()
		s := sshconn.Serve(m)
		b.mu.Lock()
		b.mux, b.served = m, s
		b.mu.Unlock()
		b.work.Go(func() {
			for r := range s.Requests() {
				r.Reply(false, nil)
			}
		})
		for n := range s.Channels() {
			ch, err := n.Accept()
			if err != nil {
				return
			}
			b.work.Go(func() {
				defer ch.Close()
				for r := range ch.Requests() {
					var e struct{ Line string }
					ssh.Unmarshal(r.Payload, &e)
					r.Reply(r.Type == "exec", nil)
					if r.Type == "exec" {
						io.WriteString(ch, "ran "+e.Line)
						ch.SendRequest("exit-status", false, []byte{0, 0, 0, 0})
						return
					}
				}
			})
		}
	})
	return g
}

// user is whoever logs in to the box, and what was said to them.
type user struct {
	t *testing.T
	b *box

	mu   sync.Mutex // guards said
	said []string
}

func newUser(t *testing.T) *user { return &user{t: t, b: newBox(t)} }

func (u *user) log(level voice.Level, text string) {
	if level > voice.Info {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.said = append(u.said, text)
}

func (u *user) wasTold(want ...string) {
	u.t.Helper()
	u.mu.Lock()
	defer u.mu.Unlock()
	if strings.Join(u.said, "\n") != strings.Join(want, "\n") {
		u.t.Errorf("told %q, want %q", u.said, want)
	}
}

// logIn logs in with ssh alone.
func (u *user) logIn() *login.Login {
	u.t.Helper()
	known := filepath.Join(u.t.TempDir(), "known_hosts")
	port := u.b.l.Addr().(*net.TCPAddr).Port
	if err := os.WriteFile(known, fmt.Appendf(nil, "[127.0.0.1]:%d %s", port, ssh.MarshalAuthorizedKey(u.b.signer.PublicKey())), 0o600); err != nil {
		u.t.Fatal(err)
	}
	var settings []sshconfig.Setting
	for _, line := range []string{"HostName 127.0.0.1", fmt.Sprintf("Port %d", port), "User me", "IdentityFile none",
		"UserKnownHostsFile " + known, "GlobalKnownHostsFile none", "StrictHostKeyChecking yes", "ConnectTimeout 20"} {
		key, value, _ := strings.Cut(line, " ")
		settings = append(settings, sshconfig.Set(key, value))
	}
	h, err := sshconfig.Resolve(sshconfig.Local(), sshconfig.Request{Host: "box", Settings: settings, File: "none"})
	if err != nil {
		u.t.Fatal(err)
	}
	l, err := login.Dial(u.t.Context(), h.Host, login.Options{Banner: io.Discard, Moves: true})
	if err != nil {
		u.t.Fatal(err)
	}
	u.t.Cleanup(func() { l.Close() })
	return l
}

// config asks for a session over paths of a mode.
func (u *user) config(transport wire.Transport, mode wire.Mode) Config {
	return Config{Original: "box", HostName: "box", User: "me", Transport: transport, Mode: mode,
		Alive: time.Minute, Heartbeat: 200 * time.Millisecond, Keep: wire.UsualKeep, Log: u.log, patience: time.Minute}
}

// move logs in and moves.
func (u *user) move(c Config) *Session {
	u.t.Helper()
	s, l, err := Move(u.t.Context(), u.logIn(), c)
	if err != nil || s == nil {
		u.t.Fatalf("no session: %v", err)
	}
	u.t.Cleanup(func() { s.Close(); l.Close() })
	return s
}

// runs has the session run a command.
func runs(t *testing.T, s *Session, command string) {
	t.Helper()
	c, err := s.Client().NewSession()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if out, err := c.Output(command); err != nil || string(out) != "ran "+command {
		t.Fatalf("%s: %q, %v", command, out, err)
	}
}
