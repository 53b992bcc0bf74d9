package mux

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quic-go/quic-go"

	"tssh/proxy/simnet"
	"tssh/proxy/wire"
)

func TestPathThatSlowsQUICDown(t *testing.T) {
	type round struct {
		sent, lost uint64
		rtt        int // ms, of which the first is the shortest
	}
	const window = 600e3 // in 96 ms that is 50 Mbit/s
	for _, c := range []struct {
		name   string
		rounds []round
		slows  bool
	}{
		{"clean", []round{{50, 0, 30}, {900, 0, 60}, {900, 0, 80}, {900, 0, 30}}, false},
		{"slow start into a queue", []round{{50, 0, 30}, {900, 0, 60}, {1500, 700, 80}, {600, 50, 78}, {300, 0, 50}}, false},
		{"one of many", []round{{50, 0, 30}, {900, 1, 30}, {900, 0, 30}}, false},
		{"two of many", []round{{50, 0, 30}, {900, 1, 30}, {900, 0, 30}, {900, 1, 30}}, true},
		{"one of some", []round{{50, 0, 30}, {36, 1, 30}, {36, 0, 30}}, false},
		{"one of few", []round{{10, 1, 30}, {10, 0, 30}}, false},
		{"an outage", []round{{50, 0, 30}, {900, 100, 30}}, true},
		{"longer ones", []round{{50, 0, 160}, {50, 0, 175}, {50, 0, 176}, {50, 0, 175}}, true},
		{"a hair longer", []round{{50, 0, 160}, {50, 0, 173}, {50, 0, 174}, {50, 0, 173}, {50, 0, 173}}, false},
		{"two longer ones", []round{{50, 0, 160}, {50, 0, 175}, {50, 0, 175}, {50, 0, 160}, {50, 0, 175}}, false},
		{"longer ones on a fast path", []round{{900, 0, 30}, {900, 0, 80}, {900, 0, 80}, {900, 0, 80}, {900, 0, 80}}, false},
		{"next door", []round{{50, 0, 1}, {900, 100, 1}, {900, 100, 1}}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			var g pathGauge
			now := time.Unix(1e9, 0)
			s := quic.ConnectionStats{MinRTT: time.Duration(c.rounds[0].rtt) * time.Millisecond, CongestionWindow: window}
			slows := false
			for _, r := range c.rounds {
				s.PacketsSent += r.sent
				s.PacketsLost += r.lost
				s.SmoothedRTT = time.Duration(r.rtt) * time.Millisecond
				slows = g.sees(now, s)
				if g.sees(now, s) != slows {
					t.Error("asked twice, another answer")
				}
				now = now.Add(s.SmoothedRTT)
			}
			if slows != c.slows {
				t.Errorf("slows: %v", slows)
			}
		})
	}
	g, now := pathGauge{}, time.Unix(1e9, 0)
	for range 10 { // what counted as lost and came after all makes the count smaller
		for _, lost := range []uint64{5, 0} {
			now = now.Add(time.Hour)
			if g.sees(now, quic.ConnectionStats{PacketsSent: 1000, PacketsLost: lost, MinRTT: nearTrip, SmoothedRTT: nearTrip}) {
				t.Fatal("slowed down, by a loss an hour")
			}
		}
	}
}

// twin is an end with two addresses at its far side.
type twin struct {
	*end
	usual, bulk *net.UDPAddr
	lost        atomic.Pointer[func() bool] // tells of what is written to bulk's address; nil: nothing is
	usualLost   atomic.Pointer[func() bool] // and to the usual one
	bare        atomic.Bool                 // nobody mends what is lost
}

func newTwin(e *end) *twin {
	return &twin{end: e, usual: &net.UDPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 1}, bulk: &net.UDPAddr{IP: net.IPv4(192, 0, 2, 2), Port: 1}}
}

func (w *twin) Mended() bool { return !w.bare.Load() }

// These as package memconn has them.
func (*twin) SetReadBuffer(int) error  { return nil }
func (*twin) SetWriteBuffer(int) error { return nil }

func (w *twin) WriteTo(p []byte, to net.Addr) (int, error) {
	mark, lost := byte(0), w.usualLost.Load()
	if sameHost(to, w.bulk) {
		mark, lost = 1, w.lost.Load()
	}
	if lost != nil && (*lost)() {
		return len(p), nil
	}
	w.end.WriteTo(append([]byte{mark}, p...), nil)
	return len(p), nil
}

func (w *twin) ReadFrom(p []byte) (int, net.Addr, error) {
	b := make([]byte, len(p)+1)
	n, _, err := w.end.ReadFrom(b)
	if err != nil || n == 0 {
		return 0, w.usual, err
	}
	copy(p, b[1:n])
	if b[0] == 1 {
		return n - 1, w.bulk, nil
	}
	return n - 1, w.usual, nil
}

// twins gives both ends of a connection that may have one for bulk beside it.
func twins(t *testing.T, l *link) (client, server *conn, ce *twin) {
	t.Helper()
	c, s := newLink(t, l)
	ce, se := newTwin(c), newTwin(s)
	client, server = together(t, ce, se, func(Conn) {})
	return client, server, ce
}

// together is twins of these ends. begun is called when the client's end of the handshake is
// over.
func together(t *testing.T, ce, se *twin, begun func(client Conn)) (client, server *conn) {
	t.Helper()
	cc, sc := configs(t)
	cc.BulkPeer, sc.BulkPeer = ce.bulk, se.bulk
	accepted := make(chan Conn, 1)
	go func() {
		c, err := Serve(t.Context(), wire.QUIC, se, sc)
		if err != nil {
			t.Error(err)
		}
		accepted <- c
	}()
	far, err := Dial(t.Context(), wire.QUIC, ce, ce.usual, cc)
	if err != nil {
		t.Fatal(err)
	}
	begun(far)
	client, server = far.(*conn), (<-accepted).(*conn)
	t.Cleanup(func() { client.Close(); server.Close() })
	return client, server
}

// bulkStream makes c believe that its path loses, and waits for a stream.
func bulkStream(t *testing.T, c *conn) (Sender, uint64) {
	t.Helper()
	c.bulk().gauge.slows = true
	for range 100 {
		if s, number := c.Bulk(); s != nil {
			return s, number
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatal("no connection for bulk")
	return nil, 0
}

// TestBulkStaysWhereNothingIsMended: over TCP nothing is lost, and a second connection
// begins slowly for nothing.
func TestBulkStaysWhereNothingIsMended(t *testing.T) {
	client, _, ce := twins(t, &link{})
	if s, _ := bulkStream(t, client); s == nil {
		t.Fatal("no stream over a path that is mended")
	}
	ce.bare.Store(true)
	if s, _ := client.Bulk(); s != nil {
		t.Error("a stream over a path that nobody mends")
	}
	ce.bare.Store(false)
	if s, _ := client.Bulk(); s == nil {
		t.Error("no stream over a path that is mended again")
	}
}

func TestEitherEndHasBulkMoved(t *testing.T) {
	for _, first := range []string{"client", "server"} {
		t.Run(first, func(t *testing.T) {
			simnet.Bubble(t, func(t *testing.T) {
				client, server, _ := twins(t, &link{delay: 20 * time.Millisecond})
				ends := []*conn{client, server}
				if first == "server" {
					ends = []*conn{server, client}
				}
				for i, near := range ends {
					s, number := bulkStream(t, near)
					r := make(chan []byte)
					go func() {
						x, err := ends[1-i].TakeBulk(t.Context(), number)
						if err != nil {
							t.Error(err)
						}
						b, _ := io.ReadAll(x)
						r <- b
					}()
					s.Write(noise(100_000))
					s.CloseWrite()
					if !bytes.Equal(<-r, noise(100_000)) {
						t.Error("other bytes came")
					}
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				if err := client.Shutdown(ctx); err != nil {
					t.Errorf("the end: %v", err)
				}
				time.Sleep(time.Minute)
			})
		})
	}
}

// TestBulksConnectionIsThereWhenALossIsSeen: a round trip or three after it, the window of
// the first one would be small, and what waits there long on its way.
func TestBulksConnectionIsThereWhenALossIsSeen(t *testing.T) {
	for _, c := range []struct {
		name   string
		delay  time.Duration
		server bool
		there  bool
	}{{"the client sends", 20 * time.Millisecond, false, true},
		{"the server sends", 20 * time.Millisecond, true, true},
		{"near", 500 * time.Microsecond, false, false}} {
		t.Run(c.name, func(t *testing.T) {
			simnet.Bubble(t, func(t *testing.T) {
				from, server, _ := twins(t, &link{delay: c.delay})
				if c.server {
					from = server
				}
				for range 2 {
					if s, _ := from.Bulk(); s != nil {
						t.Error("bulk moves on a path that loses nothing")
					}
					time.Sleep(time.Second)
				}
				from.bulk().gauge.slows = true
				s, _ := from.Bulk()
				if there := s != nil; there != c.there {
					t.Errorf("when a loss is seen there is a connection: %v", there)
				}
			})
		})
	}
}

// TestFirstConnectionIsTheFirst, though the end of its handshake is on its way for longer
// than all that of bulk's.
func TestFirstConnectionIsTheFirst(t *testing.T) {
	simnet.Bubble(t, func(t *testing.T) {
		c, s := newLink(t, &link{delay: 20 * time.Millisecond})
		ce := newTwin(c)
		start, sent := time.Now(), atomic.Int32{}
		lost := func() bool { return sent.Add(1) > 2 && time.Since(start) < time.Second } // the hello has two datagrams
		ce.usualLost.Store(&lost)
		client, server := together(t, ce, newTwin(s), func(c Conn) { c.Bulk() })
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		stream, err := client.Open(ctx)
		if err != nil {
			t.Fatal(err)
		}
		stream.Write([]byte("x"))
		if _, err := server.Accept(ctx); err != nil {
			t.Fatal(err)
		}
		bulkStream(t, client)
	})
}

// TestBulksConnectionIsOfTheSession: it has the session's keys, there is one, and
// neither end outlives it, as what was under way there is gone.
func TestBulksConnectionIsOfTheSession(t *testing.T) {
	simnet.Bubble(t, func(t *testing.T) {
		client, server, ce := twins(t, &link{delay: 20 * time.Millisecond})
		transport := client.bulk().main.transport
		stranger, _ := configs(t)
		stranger.PeerPin = client.cfg.PeerPin
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if c, err := transport.Dial(ctx, ce.bulk, stranger.tlsConfig(), stranger.bulkConfig()); err == nil {
			<-c.Context().Done() // refused by the server's last word
		}
		if server.bulk().conn != nil {
			t.Error("a stranger's connection is the one for bulk")
		}
		s, _ := bulkStream(t, client)
		s.Write([]byte("x"))
		for _, to := range []net.Addr{ce.usual, ce.bulk} {
			c, err := transport.Dial(t.Context(), to, client.cfg.tlsConfig(), client.cfg.bulkConfig())
			if err == nil {
				<-c.Context().Done()
			}
		}
		if client.ended() || server.ended() {
			t.Fatal("connections too many ended the session")
		}
		server.bulk().conn.CloseWithError(1, "")
		<-client.Done()
		<-server.Done()
		if why := fmt.Sprint(client.Err(), server.Err()); !strings.Contains(why, "bulk") { // who says so first
			t.Errorf("the ends ended with %v", why)
		}
		time.Sleep(time.Minute)
	})
}

func TestBulkIsAgreedOrNotThere(t *testing.T) {
	story(t, func(t *testing.T, transport wire.Transport) {
		client, _ := connect(t, transport, &link{delay: 20 * time.Millisecond})
		if s, _ := client.Bulk(); s != nil {
			t.Error("there is a stream")
		}
		if _, err := client.TakeBulk(t.Context(), 3); err == nil {
			t.Error("a stream came")
		}
	})
}

// TestOutageAsBulksConnectionBegins: the server waits a minute for the client's last
// words of a handshake, and then forgets it. What the client moved there would be lost.
func TestOutageAsBulksConnectionBegins(t *testing.T) {
	simnet.Bubble(t, func(t *testing.T) {
		client, server, ce := twins(t, &link{delay: 20 * time.Millisecond})
		var began time.Time
		lost := func() bool {
			if began.IsZero() {
				began = time.Now()
			}
			past := time.Since(began)
			return past > 30*time.Millisecond && past < 3*time.Minute
		}
		ce.lost.Store(&lost)
		client.bulk().gauge.slows = true
		for range 600 {
			time.Sleep(time.Second)
			s, number := client.Bulk()
			if s == nil {
				continue
			}
			s.Write([]byte("x"))
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			defer cancel()
			if _, err := server.TakeBulk(ctx, number); err != nil {
				t.Errorf("what moved is lost: %v", err)
			}
			return
		}
	})
}

// TestStrangersBeginFewConnections: packets that begin one cost a stranger on the path
// nothing, and the server much.
func TestStrangersBeginFewConnections(t *testing.T) {
	simnet.Bubble(t, func(t *testing.T) {
		client, server, ce := twins(t, &link{delay: 20 * time.Millisecond})
		transport := client.bulk().main.transport
		begin := func(to net.Addr, n int) int {
			before := runtime.NumGoroutine()
			for range n {
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond) // the answer finds nobody
				transport.Dial(ctx, to, client.cfg.tlsConfig(), client.cfg.bulkConfig())
				cancel()
			}
			time.Sleep(time.Second)
			return runtime.NumGoroutine() - before
		}
		for name, to := range map[string]net.Addr{"usual": ce.usual, "bulk": ce.bulk} {
			if n := begin(to, 100); n > 5*maxBeside {
				t.Errorf("a hundred packets to the %s address left %d goroutines", name, n)
			}
		}
		time.Sleep(5 * time.Minute) // they are forgotten
		s, number := bulkStream(t, client)
		s.Write([]byte("x"))
		if _, err := server.TakeBulk(t.Context(), number); err != nil {
			t.Error(err)
		}
	})
}

// TestAskedOftenDialsSeldom: a server may ask for the connection for bulk, and refuse it.
func TestAskedOftenDialsSeldom(t *testing.T) {
	simnet.Bubble(t, func(t *testing.T) {
		client, server, _ := twins(t, &link{delay: 20 * time.Millisecond})
		var dials atomic.Int32
		client.bulk().dial = func(context.Context) (*quic.Conn, error) {
			dials.Add(1)
			return nil, io.EOF
		}
		if err := server.waitReady(t.Context()); err != nil {
			t.Fatal(err)
		}
		for range 200 {
			server.say(msgLarge, nil)
			time.Sleep(100 * time.Millisecond)
		}
		if n := dials.Load(); n < 1 || n > 3 {
			t.Errorf("dialled %d times in 20 seconds", n)
		}
	})
}
