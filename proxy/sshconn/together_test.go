package sshconn

import (
	"bytes"
	"context"
	"crypto/sha256"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"tssh/proxy"
	"tssh/proxy/leak"
	"tssh/proxy/mux"
	"tssh/proxy/simnet"
	"tssh/proxy/wire"
)

func TestMain(m *testing.M) {
	log.SetOutput(io.Discard) // quic-go has a word about the buffers of sockets
	leak.Main(m)
}

// roaming is a connection through the proxies.
type roaming struct {
	ends
	kind   wire.Mode // of its path
	client *proxy.Client
	server *proxy.Server
	dials  *dials
}

// roam runs f in fake time over each transport and kind of path.
func roam(t *testing.T, link simnet.Link, f func(t *testing.T, r roaming)) {
	t.Helper()
	roamBy(t, []wire.Mode{wire.OnlyUDP, wire.OnlyTCP, wire.OnlySSH}, link, f)
}

func roamBy(t *testing.T, kinds []wire.Mode, link simnet.Link, f func(t *testing.T, r roaming)) {
	t.Helper()
	for _, transport := range []wire.Transport{wire.QUIC, wire.KCP} {
		for _, kind := range kinds {
			t.Run(string(transport)+" over "+string(kind), func(t *testing.T) {
				simnet.Bubble(t, func(t *testing.T) { f(t, proxied(t, transport, kind, false, link)) })
			})
		}
	}
	if kinds[0] == wire.OnlyUDP || kinds[0] == wire.Auto {
		t.Run("quic with bulk apart, over "+string(kinds[0]), func(t *testing.T) {
			link.Loss = max(link.Loss, 0.02)
			simnet.Bubble(t, func(t *testing.T) { f(t, proxied(t, wire.QUIC, kinds[0], true, link)) })
		})
	}
}

func proxied(t *testing.T, transport wire.Transport, kind wire.Mode, bulk bool, link simnet.Link) (r roaming) {
	t.Helper()
	phone, home := simnet.Pair(t, link)
	r.link, r.kind, r.dials = phone, kind, &dials{Host: phone}
	ctx, cancel := context.WithCancel(context.Background())
	secret := [32]byte{1}
	var muxes [2]atomic.Pointer[mux.Conn]
	returned := func(i int) func() {
		return func() {
			if m := muxes[i].Load(); m != nil {
				(*m).Returned()
			}
		}
	}
	sc := proxy.ServerConfig{Secret: secret, Transport: transport, Mode: kind, Network: home, Ports: []int{61001}, Returned: returned(1)}
	cc := proxy.ClientConfig{Secret: secret, Transport: transport, Mode: kind, Network: r.dials, Returned: returned(0)}
	sc.Bulk, cc.Bulk, sc.Halves, cc.Halves = bulk, bulk, bulk, bulk
	for _, ip := range []string{"192.0.2.1", "2001:db8::1"} {
		cc.Servers = append(cc.Servers, netip.AddrPortFrom(netip.MustParseAddr(ip), 61001))
	}
	cc.Carrier = func(ctx context.Context, _ bool) (io.ReadWriteCloser, error) {
		return r.dials.DialTCP(ctx, home.Addr(22))
	}
	var err error
	if r.server, err = proxy.Listen(ctx, sc); err != nil {
		t.Fatal(err)
	}
	logins, err := home.ListenTCP(22)
	if err != nil {
		t.Fatal(err)
	}
	go relay(logins, r.server)
	if r.client, err = proxy.Dial(ctx, cc); err != nil {
		t.Fatal(err)
	}
	a, b := identity(t), identity(t)
	served := make(chan Server, 1)
	go func() {
		defer close(served)
		config := mux.Config{Identity: b, PeerPin: a.Pin(), Secret: secret}
		if bulk {
			config.BulkPeer = r.server.BulkPeer()
		}
		m, err := mux.Serve(ctx, transport, r.server, config)
		if err != nil {
			t.Error(err)
			return
		}
		muxes[1].Store(&m)
		served <- Serve(m)
	}()
	config := mux.Config{Identity: a, PeerPin: b.Pin(), Secret: secret}
	if bulk {
		config.BulkPeer = r.client.BulkPeer()
	}
	m, err := mux.Dial(ctx, transport, r.client, r.client.Peer(), config)
	if err != nil {
		t.Fatal(err)
	}
	muxes[0].Store(&m)
	r.Client = ssh.NewClient(Client(m, Meta{User: "me"}))
	if r.ends.server = <-served; r.ends.server == nil {
		t.FailNow()
	}
	t.Cleanup(func() {
		r.Close()
		r.ends.server.Close()
		r.client.Close()
		r.server.Close()
		logins.Close()
		cancel()
		time.Sleep(time.Minute)
	})
	return r
}

// relay makes each connection to the port of ssh a path of the session.
func relay(l net.Listener, s *proxy.Server) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			io.WriteString(c, "Welcome to your account!\n")
			s.Attach(c)
		}()
	}
}

// dials is a host that remembers its connections.
type dials struct {
	*simnet.Host
	mu   sync.Mutex // guards what follows
	list []net.Conn
}

func (d *dials) DialTCP(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
	c, err := d.Host.DialTCP(ctx, to)
	if err == nil {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.list = append(d.list, c)
	}
	return c, err
}

// kill ends all connections, as when the process that holds them dies.
func (d *dials) kill() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, c := range d.list {
		c.Close()
	}
	d.list = nil
}

// transfer is a stream that runs to the server and back.
type transfer struct {
	back atomic.Int64
	more chan struct{} // token: something came back
}

// transfer runs a stream there and back while during does, and compares every
// byte that was sent.
func (r roaming) transfer(t *testing.T, during func(x *transfer)) {
	t.Helper()
	r.serve(t, func(n NewChannel) {
		c := accept(t, n)
		io.Copy(c, c)
		exit(c, 0)
	})
	c := r.open(t)
	x := &transfer{more: make(chan struct{}, 1)}
	stop, sent := make(chan struct{}), make(chan int64)
	there, back := sha256.New(), sha256.New()
	go func() {
		source := rand.NewChaCha8([32]byte{7})
		b := make([]byte, 50_000)
		for n := int64(0); ; n += int64(len(b)) {
			select {
			case <-stop:
				c.CloseWrite()
				sent <- n
				return
			default:
			}
			source.Read(b)
			there.Write(b)
			if _, err := c.Write(b); err != nil {
				t.Error(err)
			}
		}
	}()
	ended := make(chan error)
	go func() { _, err := io.Copy(io.MultiWriter(back, x), c); ended <- err }()
	during(x)
	close(stop)
	n, err := <-sent, <-ended
	if got := x.back.Load(); err != nil || got != n || !bytes.Equal(there.Sum(nil), back.Sum(nil)) {
		t.Errorf("%d of %d bytes came back, equal: %v, %v", got, n, bytes.Equal(there.Sum(nil), back.Sum(nil)), err)
	}
	t.Logf("%d bytes there and back", n)
	c.Close()
}

func (x *transfer) Write(b []byte) (int, error) {
	x.back.Add(int64(len(b)))
	select {
	case x.more <- struct{}{}:
	default:
	}
	return len(b), nil
}

// some is how many bytes tell that a transfer goes on.
const some = 60_000

// goesOn waits until some more came back, which must not take longer than most.
func (x *transfer) goesOn(t *testing.T, what string, most time.Duration) {
	t.Helper()
	start := time.Now()
	for goal := x.back.Load() + some; x.back.Load() < goal; {
		select {
		case <-x.more:
		case <-time.After(24 * time.Hour):
			t.Errorf("%s: stuck at %d bytes", what, x.back.Load())
			return
		}
	}
	took := time.Since(start)
	t.Logf("%s: goes on in %s", what, took)
	if took > most {
		t.Errorf("%s: %s until the transfer goes on, at most %s is good", what, took, most)
	}
}
