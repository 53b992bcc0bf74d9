package sshconn

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"io"
	"net"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"tssh/proxy/mux"
	"tssh/proxy/simnet"
	"tssh/proxy/wire"
)

// ends is a connection: x/crypto/ssh's client at one end, a Server at the other.
type ends struct {
	*ssh.Client
	server Server
	link   *simnet.Host // the client's
	muxes  [2]mux.Conn  // client's and server's, if there are
}

var carriers = []string{"ssh", "quic", "kcp"}

// story runs f in fake time over an ordinary SSH connection and over muxes, to
// which the same must hold.
func story(t *testing.T, link simnet.Link, f func(t *testing.T, e ends)) {
	t.Helper()
	for _, carrier := range carriers {
		t.Run(carrier, func(t *testing.T) {
			simnet.Bubble(t, func(t *testing.T) { f(t, connect(t, carrier, link)) })
		})
	}
}

func connect(t *testing.T, carrier string, link simnet.Link) ends {
	t.Helper()
	client, server := simnet.Pair(t, link)
	var e ends
	if carrier == "ssh" {
		e = overSSH(t)
	} else {
		e = overMux(t, wire.Transport(carrier), client, server)
	}
	e.link = client
	t.Cleanup(func() {
		e.Close()
		e.server.Close()
		e.server.Wait()
		time.Sleep(time.Minute) // what was on its way arrives within the bubble
	})
	return e
}

func overSSH(t *testing.T) (e ends) {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	near, far := newPipe()
	served := make(chan Server, 1)
	go func() {
		defer close(served)
		config := &ssh.ServerConfig{NoClientAuth: true}
		config.AddHostKey(signer)
		sc, chans, reqs, err := ssh.NewServerConn(far, config)
		if err != nil {
			t.Error(err)
			return
		}
		served <- FromSSH(sc, chans, reqs)
	}()
	conn, chans, reqs, err := ssh.NewClientConn(near, "server", &ssh.ClientConfig{User: "me", HostKeyCallback: ssh.InsecureIgnoreHostKey()})
	if err != nil {
		t.Fatal(err)
	}
	e.Client = ssh.NewClient(conn, chans, reqs)
	if e.server = <-served; e.server == nil {
		t.FailNow()
	}
	return e
}

func overMux(t *testing.T, transport wire.Transport, client, server *simnet.Host) (e ends) {
	t.Helper()
	m := muxes(t, transport, client, server)
	e.muxes = m
	e.server = Serve(m[1])
	e.Client = ssh.NewClient(Client(m[0], Meta{User: "me", Remote: net.UDPAddrFromAddrPort(server.Addr(61001))}))
	return e
}

// muxes gives both ends of a transport between two hosts.
func muxes(t *testing.T, transport wire.Transport, client, server *simnet.Host) (m [2]mux.Conn) {
	t.Helper()
	sock, err := client.Listen(0)
	if err != nil {
		t.Fatal(err)
	}
	home, err := server.Listen(61001)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { sock.Close(); home.Close() })
	a, b := identity(t), identity(t)
	accepted := make(chan mux.Conn, 1)
	go func() {
		defer close(accepted)
		m, err := mux.Serve(t.Context(), transport, home, mux.Config{Identity: b, PeerPin: a.Pin()})
		if err != nil {
			t.Error(err)
			return
		}
		accepted <- m
	}()
	m[0], err = mux.Dial(t.Context(), transport, sock, net.UDPAddrFromAddrPort(server.Addr(61001)), mux.Config{Identity: a, PeerPin: b.Pin()})
	if err != nil {
		t.Fatal(err)
	}
	if m[1] = <-accepted; m[1] == nil {
		t.FailNow()
	}
	t.Cleanup(func() { m[0].Close(); m[1].Close() })
	return m
}

func identity(t *testing.T) *mux.Identity {
	t.Helper()
	i, err := mux.NewIdentity()
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// serve runs f for each channel of the client's.
func (e ends) serve(t *testing.T, f func(n NewChannel)) {
	go func() {
		for n := range e.server.Channels() {
			go f(n)
		}
	}()
	go func() {
		for r := range e.server.Requests() {
			r.Reply(false, nil)
		}
	}()
}

// accept takes a channel whose requests are all granted.
func accept(t *testing.T, n NewChannel) Channel {
	c, err := n.Accept()
	if err != nil {
		t.Error(err)
		panic("no channel")
	}
	go grant(c)
	return c
}

func grant(c Channel) {
	for r := range c.Requests() {
		r.Reply(true, nil)
	}
}

// exit ends a session as a command does that returned.
func exit(c Channel, status byte) {
	c.SendRequest("exit-status", false, []byte{0, 0, 0, status})
	c.Close()
}

// open opens a channel of a kind that waits for the other end.
func (e ends) open(t *testing.T) ssh.Channel {
	t.Helper()
	c, reqs, err := e.OpenChannel("test", nil)
	if err != nil {
		t.Fatal(err)
	}
	go ssh.DiscardRequests(reqs)
	return c
}

func noise(n int) []byte {
	b := make([]byte, n)
	x := uint32(1)
	for i := range b {
		x = x*1664525 + 1013904223
		b[i] = byte(x >> 24)
	}
	return b
}

func readFull(t *testing.T, r io.Reader, n int) []byte {
	t.Helper()
	b := make([]byte, n)
	if _, err := io.ReadFull(r, b); err != nil {
		t.Fatalf("read %d bytes: %v", n, err)
	}
	return b
}

// within fails t if f is not done after d.
func within(t *testing.T, d time.Duration, f func()) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	go func() { defer cancel(); f() }()
	<-ctx.Done()
	if ctx.Err() == context.DeadlineExceeded {
		t.Errorf("not done after %v", d)
	}
}
