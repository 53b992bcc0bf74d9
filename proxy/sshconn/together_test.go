package sshconn

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"log"
	"net/netip"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"tssh/proxy"
	"tssh/proxy/mux"
	"tssh/proxy/simnet"
)

func TestMain(m *testing.M) {
	log.SetOutput(io.Discard) // quic-go has a word about the buffers of sockets
	os.Exit(m.Run())
}

// roaming is a connection through the proxies.
type roaming struct {
	ends
	client *proxy.Client
	server *proxy.Server
}

// roam runs f in fake time over each transport and kind of path.
func roam(t *testing.T, link simnet.Link, f func(t *testing.T, r roaming)) {
	t.Helper()
	for _, transport := range []string{"quic", "kcp"} {
		for _, mode := range []string{"udp", "tcp"} {
			t.Run(transport+" over "+mode, func(t *testing.T) {
				bubble(t, func(t *testing.T) { f(t, proxied(t, transport, mode, link)) })
			})
		}
	}
}

func proxied(t *testing.T, transport, mode string, link simnet.Link) (r roaming) {
	t.Helper()
	phone, home := simnet.Pair(t, link)
	r.link = phone
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
	sc := proxy.ServerConfig{Secret: secret, Transport: transport, Mode: mode, Network: home, Ports: []int{61001}, Returned: returned(1)}
	cc := proxy.ClientConfig{Secret: secret, Transport: transport, Mode: mode, Network: phone, Returned: returned(0)}
	for _, ip := range []string{"192.0.2.1", "2001:db8::1"} {
		cc.Servers = append(cc.Servers, netip.AddrPortFrom(netip.MustParseAddr(ip), 61001))
	}
	var err error
	if r.server, err = proxy.Listen(ctx, sc); err != nil {
		t.Fatal(err)
	}
	if r.client, err = proxy.Dial(ctx, cc); err != nil {
		t.Fatal(err)
	}
	a, b := identity(t), identity(t)
	served := make(chan Server, 1)
	go func() {
		defer close(served)
		m, err := mux.Serve(ctx, transport, r.server, mux.Config{Identity: b, PeerPin: a.Pin(), Secret: secret})
		if err != nil {
			t.Error(err)
			return
		}
		muxes[1].Store(&m)
		served <- Serve(m)
	}()
	m, err := mux.Dial(ctx, transport, r.client, r.client.Peer(), mux.Config{Identity: a, PeerPin: b.Pin(), Secret: secret})
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
		cancel()
		time.Sleep(time.Minute)
	})
	return r
}

// transfer sends n bytes to a channel that sends them back, while during runs.
func (r roaming) transfer(t *testing.T, n int, during func(done <-chan struct{})) {
	t.Helper()
	r.serve(t, func(n NewChannel) {
		c := accept(t, n)
		io.Copy(c, c)
		exit(c, 0)
	})
	c := r.open(t)
	want := noise(n)
	go func() {
		for b := want; len(b) > 0; {
			m := min(len(b), 50_000)
			if _, err := c.Write(b[:m]); err != nil {
				t.Error(err)
				return
			}
			b = b[m:]
		}
		c.CloseWrite()
	}()
	done := make(chan struct{})
	stopped := make(chan struct{})
	go func() { during(done); close(stopped) }()
	got := sha256.New()
	count, err := io.Copy(got, c)
	if err != nil || count != int64(n) || !bytes.Equal(got.Sum(nil), sum(want)) {
		t.Errorf("%d of %d bytes came back, equal: %v, %v", count, n, bytes.Equal(got.Sum(nil), sum(want)), err)
	}
	close(done)
	<-stopped
	c.Close()
}

func sum(b []byte) []byte {
	s := sha256.Sum256(b)
	return s[:]
}

// every calls f again and again until done, with the number of the call.
func every(d time.Duration, done <-chan struct{}, f func(i int)) {
	tick := time.NewTicker(d)
	defer tick.Stop()
	for i := 0; ; i++ {
		select {
		case <-tick.C:
			f(i)
		case <-done:
			return
		}
	}
}

func TestTransferOutlivesRoams(t *testing.T) {
	roam(t, simnet.Link{Delay: 15 * time.Millisecond, Rate: 4_000_000}, func(t *testing.T, r roaming) {
		r.transfer(t, 8<<20, func(done <-chan struct{}) {
			every(300*time.Millisecond, done, func(i int) {
				r.link.Move(fmt.Sprintf("10.1.%d.%d", i/200, i%200+1), fmt.Sprintf("fd00::%x", i+0x10))
			})
		})
	})
}

func TestTransferOutlivesBlackouts(t *testing.T) {
	roam(t, simnet.Link{Delay: 15 * time.Millisecond, Rate: 4_000_000}, func(t *testing.T, r roaming) {
		r.transfer(t, 8<<20, func(done <-chan struct{}) {
			every(2*time.Second, done, func(i int) {
				r.link.Change(func(l *simnet.Link) { l.Down = true })
				time.Sleep(time.Duration(i*i*i) * 10 * time.Second)
				r.link.Change(func(l *simnet.Link) { l.Down = false })
			})
		})
	})
}

func TestTransferOverABadNetwork(t *testing.T) {
	roam(t, simnet.Link{Delay: 15 * time.Millisecond, Jitter: 20 * time.Millisecond, Loss: 0.05, Duplicate: 0.02}, func(t *testing.T, r roaming) {
		r.transfer(t, 4<<20, func(done <-chan struct{}) { <-done })
	})
}

func TestKeyTypedInAnOutageComesAtOnceAfterIt(t *testing.T) {
	const delay = 50 * time.Millisecond
	roam(t, simnet.Link{Delay: delay}, func(t *testing.T, r roaming) {
		r.serve(t, func(n NewChannel) {
			c := accept(t, n)
			c.Interactive()
			io.Copy(c, c)
			c.Close()
		})
		c := r.open(t)
		for range 10 {
			c.Write([]byte("x"))
			readFull(t, c, 1)
		}
		for _, outage := range []time.Duration{30 * time.Second, 10 * time.Hour} {
			r.link.Change(func(l *simnet.Link) { l.Down = true })
			for range 20 {
				time.Sleep(outage / 20)
				c.Write([]byte("k"))
			}
			r.link.Change(func(l *simnet.Link) { l.Down = false })
			r.link.Wake()
			back := time.Now()
			if got := string(readFull(t, c, 20)); got != "kkkkkkkkkkkkkkkkkkkk" {
				t.Errorf("%q", got)
			}
			t.Logf("echo %v after an outage of %v", time.Since(back), outage)
			if took := time.Since(back); took > 2*time.Second {
				t.Errorf("echo %v after an outage of %v", took, outage)
			}
		}
	})
}

// Every byte and the status of a command arrive, a hundred times in a row.
func TestTailOfOutputOnALossyPath(t *testing.T) {
	roam(t, simnet.Link{Delay: 10 * time.Millisecond, Loss: 0.03}, func(t *testing.T, r roaming) {
		want := noise(200_000)
		r.serve(t, func(n NewChannel) {
			c, err := n.Accept()
			if err != nil {
				t.Error(err)
				return
			}
			(<-c.Requests()).Reply(true, nil) // exec
			go grant(c)
			c.Write(want)
			exit(c, 3)
		})
		for i := range 100 {
			s, err := r.NewSession()
			if err != nil {
				t.Fatal(err)
			}
			got, err := s.Output("cat file")
			if status, ok := err.(*ssh.ExitError); !ok || status.ExitStatus() != 3 || !bytes.Equal(got, want) {
				t.Fatalf("run %d: %d bytes, %v", i, len(got), err)
			}
		}
	})
}
