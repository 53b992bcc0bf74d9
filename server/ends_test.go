package server

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"io"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"tssh/proxy"
	"tssh/proxy/mux"
	"tssh/proxy/sshconn"
	"tssh/proxy/terms"
	"tssh/proxy/wire"
	"tssh/server/policy"
	"tssh/server/session"
)

// A carrier connects a client to a service.
type carrier struct {
	name string
	open func(*testing.T, service) *ssh.Client
}

// carriers are plain SSH and UDP mode: the same must be seen over both.
var carriers = []carrier{
	{"ssh", overSSH},
	{"quic", func(t *testing.T, s service) *ssh.Client { return overUDP(t, s, "quic", wire.Auto) }},
	{"kcp", func(t *testing.T, s service) *ssh.Client { return overUDP(t, s, "kcp", wire.Auto) }},
	{"quic by relay", func(t *testing.T, s service) *ssh.Client { return overUDP(t, s, "quic", wire.OnlySSH) }},
}

// each runs a test over every carrier.
func each(t *testing.T, f func(t *testing.T, open func(service) *ssh.Client)) {
	for _, c := range carriers {
		t.Run(c.name, func(t *testing.T) {
			f(t, func(s service) *ssh.Client { return c.open(t, s) })
		})
	}
}

// testService serves a user with a home of their own, and permits everything.
func testService(t *testing.T) service {
	home := t.TempDir()
	p := policy.Careful()
	p.PAM, p.X11, p.XAuth = false, true, ""
	p.MaxSessions = 1000
	p.AcceptEnv = append(p.AcceptEnv, "TEST_*")
	return service{
		login: session.Login{User: "somebody", UID: -1, Home: home, Shell: "/bin/sh",
			Env: []string{"HOME=" + home, "PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin", "LANG=C", "SSH_CONNECTION=192.0.2.1 5 192.0.2.2 22"}},
		policy: p,
		logf:   t.Logf,
	}
}

func overSSH(t *testing.T, s service) *ssh.Client {
	t.Helper()
	e := &embedded{service: s, config: &ssh.ServerConfig{NoClientAuth: true}}
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	e.config.AddHostKey(signer)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		e.run(ctx, l)
	}()
	c, err := ssh.Dial("tcp", l.Addr().String(), &ssh.ClientConfig{User: s.login.User, HostKeyCallback: ssh.FixedHostKey(signer.PublicKey())})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Close()
		stop()
		<-done
	})
	return c
}

// testPorts are outside of those from which the forwards of other tests come,
// each of which is in use for a minute after.
const testPorts = "21001-30999"

// overUDP is a whole tsshd in this process, and the client's half of UDP mode.
func overUDP(t *testing.T, s service, transport wire.Transport, mode wire.Mode) *ssh.Client {
	t.Helper()
	identity := newIdentity(t)
	h, err := newHub(terms.Offer{Transport: transport, Ports: testPorts, ClientPin: identity.Pin(), Proxy: mode}, s.logf)
	if err != nil {
		t.Fatal(err)
	}
	h.first.service = s
	done := make(chan error, 1)
	go func() { done <- h.run(context.Background()) }()
	t.Cleanup(func() {
		if err := <-done; err != nil {
			t.Error(err)
		}
		h.close()
	})
	return dialGreeting(t, h.first.greeting, identity, transport, mode).Client
}

func newIdentity(t *testing.T) *mux.Identity {
	t.Helper()
	identity, err := mux.NewIdentity()
	if err != nil {
		t.Fatal(err)
	}
	return identity
}

// udpClient is the client's half of UDP mode.
type udpClient struct {
	*ssh.Client
	proxy *proxy.Client
	mux   mux.Conn
}

// dialGreeting goes where a greeting says.
func dialGreeting(t *testing.T, g terms.Greeting, identity *mux.Identity, transport wire.Transport, mode wire.Mode) udpClient {
	t.Helper()
	config := proxy.ClientConfig{Secret: g.Secret, Transport: transport, Mode: mode,
		Servers: []netip.AddrPort{netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(g.Port))}}
	if g.Relay != "" {
		config.Carrier = func(context.Context, bool) (io.ReadWriteCloser, error) { return net.Dial("unix", g.Relay) }
	}
	pc, err := proxy.Dial(context.Background(), config)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	m, err := mux.Dial(ctx, transport, pc, pc.Peer(), mux.Config{Identity: identity, PeerPin: g.ServerPin, Secret: g.Secret})
	if err != nil {
		t.Fatal(err)
	}
	conn, channels, requests := sshconn.Client(m, sshconn.Meta{User: "somebody"})
	c := ssh.NewClient(conn, channels, requests)
	t.Cleanup(func() {
		c.Close()
		m.Close()
		pc.Close()
	})
	return udpClient{c, pc, m}
}

// result is what a command did.
type result struct {
	out, err string
	exit     error
}

func command(t *testing.T, c *ssh.Client, line string) result {
	t.Helper()
	s, err := c.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var out, errs bytes.Buffer
	s.Stdout, s.Stderr = &out, &errs
	exit := s.Run(line)
	return result{out.String(), errs.String(), exit}
}

func (r result) status() int {
	if r.exit == nil {
		return 0
	}
	if e, ok := r.exit.(*ssh.ExitError); ok && e.Signal() == "" {
		return e.ExitStatus()
	}
	return -1
}

// within fails the test when f takes longer than anybody would wait.
func within(t *testing.T, what string, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	select {
	case <-done:
	case <-time.After(time.Minute):
		t.Fatalf("%s goes on for ever", what)
	}
}

// eventually waits until done, and fails the test when it waits longer than anybody would.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	again := time.NewTicker(time.Millisecond)
	defer again.Stop()
	for end := time.Now().Add(time.Minute); !done(); <-again.C {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}

func has(env []string, v string) bool { return slices.Contains(env, v) }

func lines(s string) []string {
	return strings.Split(strings.TrimSuffix(strings.ReplaceAll(s, "\r", ""), "\n"), "\n")
}

func inHome(s service, name string) string { return filepath.Join(s.login.Home, name) }
