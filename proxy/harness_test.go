package proxy

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quic-go/quic-go"

	"tssh/proxy/leak"
	"tssh/proxy/simnet"
)

func TestMain(m *testing.M) {
	log.SetOutput(io.Discard) // quic-go's word about socket buffers, which are not its business here
	leak.Main(m)
}

var secret = [32]byte{1, 2, 3, 4}

// session is a client and a server, and QUIC between them: what is written to
// it comes back.
type session struct {
	t          testing.TB
	phone, far *simnet.Host
	client     *Client
	server     *Server
	quic       *quic.Conn
	side       *quic.Conn // for bulk; nil: there is none
	stream     *quic.Stream
	ctx        context.Context
	got        chan []byte
	logins     []net.Conn    // to port 22, by overSSH
	opening    time.Duration // until the first echo
	poured     atomic.Int64  // bytes of bulk that arrived
	accepted   *quic.Conn    // the server's end
	discovers  bool          // QUIC looks for the largest size that passes
}

// tweak changes the configuration of a session.
type tweak func(*session, *ClientConfig, *ServerConfig)

// story runs f on a session in fake time, over a link between two hosts.
func story(t *testing.T, link simnet.Link, f func(*session), tweaks ...tweak) {
	t.Helper()
	simnet.Bubble(t, func(t *testing.T) {
		phone, far := simnet.Pair(t, link)
		s := &session{t: t, phone: phone, far: far, got: make(chan []byte, 1024)}
		s.open(tweaks...)
		f(s)
		s.close()
	})
}

// open starts both ends and waits for the first echo.
func (s *session) open(tweaks ...tweak) {
	t, phone, far := s.t, s.phone, s.far
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	s.ctx = ctx
	t.Cleanup(cancel)
	sc := ServerConfig{Secret: secret, Transport: "quic", Network: far, Ports: []int{61001}}
	cc := ClientConfig{Secret: secret, Transport: "quic", Network: phone}
	for _, ip := range []string{"192.0.2.1", "2001:db8::1"} {
		cc.Servers = append(cc.Servers, netip.AddrPortFrom(netip.MustParseAddr(ip), 61001))
	}
	if testing.Verbose() {
		start := time.Now()
		logf := func(who string) func(string, ...any) {
			return func(f string, a ...any) {
				fmt.Printf("%12s %s: %s\n", time.Since(start).Round(time.Millisecond), who, fmt.Sprintf(f, a...))
			}
		}
		sc.Logf, cc.Logf = logf("server"), logf("client")
	}
	for _, w := range tweaks {
		w(s, &cc, &sc)
	}
	var err error
	if s.server, err = Listen(ctx, sc); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if s.client, err = Dial(ctx, cc); err != nil {
		t.Fatal(err)
	}
	go s.serve()
	tr := &quic.Transport{Conn: s.client}
	t.Cleanup(func() { tr.Close() })
	if s.quic, err = tr.Dial(ctx, s.client.Peer(), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"test"}}, s.quicConfig()); err != nil {
		t.Fatal(err)
	}
	if s.stream, err = s.quic.OpenStreamSync(ctx); err != nil {
		t.Fatal(err)
	}
	go func() {
		b := make([]byte, 64<<10)
		for {
			n, err := s.stream.Read(b)
			if err != nil {
				return
			}
			s.got <- append([]byte(nil), b[:n]...)
		}
	}()
	s.echo("hello", time.Minute)
	s.opening = time.Since(began)
	if cc.Bulk {
		if s.side, err = tr.Dial(ctx, s.client.BulkPeer(), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"test"}}, s.quicConfig()); err != nil {
			t.Fatal(err)
		}
		x, err := s.side.OpenStreamSync(ctx)
		if err != nil {
			t.Fatal(err)
		}
		x.Write([]byte("x"))
		if _, err := io.ReadFull(x, make([]byte, 1)); err != nil { // the other end has it
			t.Fatal(err)
		}
		x.Close()
	}
}

// bulky is the connection for bulk, where there is one.
func (s *session) bulky() *quic.Conn {
	if s.side != nil {
		return s.side
	}
	return s.quic
}

func (s *session) quicConfig() *quic.Config {
	return &quic.Config{
		InitialPacketSize: 1200, DisablePathMTUDiscovery: !s.discovers, // passes everywhere, also after a roam
		MaxIdleTimeout: 30 * 24 * time.Hour, HandshakeIdleTimeout: time.Minute,
		InitialStreamReceiveWindow: 4 << 20, MaxStreamReceiveWindow: 8 << 20,
		InitialConnectionReceiveWindow: 8 << 20, MaxConnectionReceiveWindow: 16 << 20,
	}
}

// serve accepts the connection and echoes each stream. A stream that starts
// with '<' is sent bulk instead, and one that starts with '>' is only read.
func (s *session) serve() {
	tr := &quic.Transport{Conn: s.server}
	s.t.Cleanup(func() { tr.Close() })
	l, err := tr.Listen(&tls.Config{Certificates: []tls.Certificate{certificate(s.t)}, NextProtos: []string{"test"}}, s.quicConfig())
	if err != nil {
		s.t.Error(err)
		return
	}
	for {
		c, err := l.Accept(s.ctx)
		if err != nil {
			return
		}
		s.accepted = c
		go func() {
			for {
				x, err := c.AcceptStream(s.ctx)
				if err != nil {
					return
				}
				go s.answer(x)
			}
		}()
	}
}

func (s *session) answer(x *quic.Stream) {
	defer x.Close()
	first := make([]byte, 1)
	if _, err := io.ReadFull(x, first); err != nil {
		return
	}
	switch first[0] {
	case '<':
		pour(x, time.Hour)
	case '>':
		s.drain(x)
	default:
		x.Write(first)
		io.Copy(x, x)
	}
}

// echo writes text and waits until it came back. It returns how long it took.
func (s *session) echo(text string, most time.Duration) time.Duration {
	s.t.Helper()
	start := time.Now()
	s.write(text)
	return s.hear(text, start, most)
}

func (s *session) write(text string) {
	s.t.Helper()
	if _, err := io.WriteString(s.stream, text); err != nil {
		s.t.Fatalf("write: %v", err)
	}
}

// hear waits for exactly text and returns the time since start.
func (s *session) hear(text string, start time.Time, most time.Duration) time.Duration {
	s.t.Helper()
	var got []byte
	timeout := time.After(most)
	for len(got) < len(text) {
		select {
		case b := <-s.got:
			got = append(got, b...)
		case <-timeout:
			s.t.Fatalf("after %s: got %q, want %q; client %+v", most, got, text, s.client.State())
		}
	}
	if string(got) != text {
		s.t.Fatalf("got %q, want %q", got, text)
	}
	return time.Since(start)
}

func (s *session) close() {
	if s.quic != nil {
		s.quic.CloseWithError(0, "")
	}
	s.client.Close()
	s.server.Close()
}

func certificate(t testing.TB) tls.Certificate {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	x := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(1e5 * time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, x, x, public, private)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: private}
}
