package arq

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"tssh/proxy/simnet"
)

// pair gives both ends of a stream, and the client's host to break the network at.
func pair(t *testing.T, link simnet.Link) (client, server *Conn, host *simnet.Host) {
	t.Helper()
	near, far := simnet.Pair(t, link)
	a, err := near.Listen(0)
	if err != nil {
		t.Fatal(err)
	}
	b, err := far.Listen(61001)
	if err != nil {
		t.Fatal(err)
	}
	client, err = New(a, net.UDPAddrFromAddrPort(far.Addr(61001)), Config{Secret: [32]byte{1}, Client: true, Logf: t.Logf})
	if err != nil {
		t.Fatal(err)
	}
	server, err = New(b, nil, Config{Secret: [32]byte{1}, Logf: t.Logf})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		client.Close()
		server.Close()
		a.Close()
		b.Close()
		time.Sleep(time.Minute) // timers and what is on its way end within the bubble
	})
	return client, server, near
}

// renew carries the messages of renewals, as the mux does over the stream.
func renew(client, server *Conn) {
	client.Renew(nil, func(half []byte) {
		server.Renew(half, func(answer []byte) { client.Renew(answer, nil) })
	})
}

func echo(c *Conn) {
	b := make([]byte, 4096)
	for {
		n, err := c.Read(b)
		if err != nil {
			return
		}
		c.Write(b[:n])
	}
}

// say writes what and waits for it to come back.
func say(t *testing.T, c *Conn, what string) time.Duration {
	t.Helper()
	began := time.Now()
	if _, err := c.Write([]byte(what)); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len(what))
	if _, err := io.ReadFull(c, got); err != nil || string(got) != what {
		t.Fatalf("%q came back as %q, %v", what, got, err)
	}
	return time.Since(began)
}

func noise(n int) []byte {
	b := make([]byte, n)
	r := rand.New(rand.NewPCG(1, uint64(n)))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func TestEveryByteArrivesOnABadNetwork(t *testing.T) {
	for _, link := range []simnet.Link{
		{Delay: 20 * time.Millisecond},
		{Delay: 20 * time.Millisecond, Loss: 0.2},
		{Delay: 20 * time.Millisecond, Jitter: 30 * time.Millisecond, Duplicate: 0.1, Loss: 0.02},
		{Delay: time.Millisecond, Rate: 200_000},
	} {
		synctest.Test(t, func(t *testing.T) {
			client, server, _ := pair(t, link)
			renew(client, server)
			want := noise(1_000_000)
			go client.Write(want)
			got := make([]byte, len(want))
			began := time.Now()
			if _, err := io.ReadFull(server, got); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%+v: %v", link, err)
			}
			t.Logf("%+v: %v", link, time.Since(began))
		})
	}
}

func TestRecoversAtOnceWhenContactReturns(t *testing.T) {
	const rtt = 100 * time.Millisecond
	for _, outage := range []time.Duration{time.Second, time.Minute, 10 * time.Hour} {
		for _, bulk := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				client, server, host := pair(t, simnet.Link{Delay: rtt / 2, Rate: 2_000_000})
				go echo(server)
				for range 20 {
					say(t, client, "x")
				}
				host.Change(func(l *simnet.Link) { l.Down = true })
				size := 1
				if bulk {
					size = 1 << 20
				}
				sum := make(chan [32]byte)
				want := noise(size)
				go client.Write(want)
				var first time.Time
				go func() {
					got := make([]byte, size)
					io.ReadFull(client, got[:1])
					first = time.Now()
					io.ReadFull(client, got[1:])
					sum <- sha256.Sum256(got)
				}()
				time.Sleep(outage)
				host.Change(func(l *simnet.Link) { l.Down = false })
				back := time.Now()
				client.Returned()
				server.Returned()
				if <-sum != sha256.Sum256(want) {
					t.Error("bytes were changed")
				}
				took := first.Sub(back)
				t.Logf("outage %v, bulk %v: first byte %v, all %v", outage, bulk, took, time.Since(back))
				if took > rtt+200*time.Millisecond {
					t.Errorf("first byte %v after an outage of %v", took, outage)
				}
				if took := say(t, client, "next"); took > 2*rtt {
					t.Errorf("the next echo took %v", took)
				}
			})
		}
	}
}

// TestLateAnswersTeachNothing: what a stream had queued arrives when contact returns, a
// minute late. What is lost after that must not wait for as long.
func TestLateAnswersTeachNothing(t *testing.T) {
	const rtt = 100 * time.Millisecond
	synctest.Test(t, func(t *testing.T) {
		client, server, host := pair(t, simnet.Link{Delay: rtt / 2})
		go echo(server)
		for range 20 {
			say(t, client, "x")
		}
		host.Change(func(l *simnet.Link) { l.Delay = time.Minute })
		took := say(t, client, "late")
		if took < time.Minute {
			t.Fatalf("an answer took %s", took)
		}
		host.Change(func(l *simnet.Link) { l.Delay = rtt / 2 })
		client.Returned()
		server.Returned()
		time.Sleep(3 * time.Second)
		host.Change(func(l *simnet.Link) { l.Down = true })
		time.AfterFunc(50*time.Millisecond, func() { host.Change(func(l *simnet.Link) { l.Down = false }) })
		if took := say(t, client, "lost"); took > 2*time.Second {
			t.Errorf("a key that was lost after an outage took %s", took)
		}
	})
}

func TestIdleSendsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := simnet.Pair(t, simnet.Link{Delay: 10 * time.Millisecond})
		a, _ := near.Listen(0)
		b, _ := far.Listen(61001)
		defer a.Close()
		defer b.Close()
		count := &counter{PacketConn: a}
		client, err := New(count, net.UDPAddrFromAddrPort(far.Addr(61001)), Config{Secret: [32]byte{1}, Client: true})
		if err != nil {
			t.Fatal(err)
		}
		server, err := New(b, nil, Config{Secret: [32]byte{1}})
		if err != nil {
			t.Fatal(err)
		}
		defer server.Close()
		defer client.Close()
		renew(client, server)
		go echo(server)
		say(t, client, "hello")
		time.Sleep(time.Minute)
		before := count.total()
		time.Sleep(24 * 365 * time.Hour) // with a clock that ran it would not end
		if n := count.total() - before; n > 0 {
			t.Errorf("%d datagrams in a year of silence", n)
		}
		if took := say(t, client, "x"); took > 50*time.Millisecond {
			t.Errorf("a key after a year took %v", took)
		}
	})
}

type counter struct {
	net.PacketConn
	mu sync.Mutex
	n  int
}

func (c *counter) WriteTo(p []byte, to net.Addr) (int, error) {
	c.mu.Lock()
	c.n++
	c.mu.Unlock()
	return c.PacketConn.WriteTo(p, to)
}

func (c *counter) total() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n
}

func TestCloseTellsThePeer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server, _ := pair(t, simnet.Link{Delay: 10 * time.Millisecond, Loss: 0.1})
		go echo(server)
		say(t, client, "x")
		client.Close()
		<-server.Done()
		if !errors.Is(server.Err(), io.EOF) {
			t.Errorf("the server ended with %v", server.Err())
		}
		if _, err := client.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Write after Close: %v", err)
		}
		if _, err := client.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Read after Close: %v", err)
		}
	})
}

// A flood of garbage, of old and of changed packets changes nothing.
func TestAttackerOnThePath(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := simnet.Pair(t, simnet.Link{Delay: 10 * time.Millisecond})
		a, _ := near.Listen(0)
		b, _ := far.Listen(61001)
		defer a.Close()
		defer b.Close()
		var tape recorder
		client, err := New(&tapped{a, &tape}, net.UDPAddrFromAddrPort(far.Addr(61001)), Config{Secret: [32]byte{1}, Client: true})
		if err != nil {
			t.Fatal(err)
		}
		server, err := New(b, nil, Config{Secret: [32]byte{1}})
		if err != nil {
			t.Fatal(err)
		}
		defer server.Close()
		defer client.Close()
		renew(client, server)
		go echo(server)
		for range 50 {
			say(t, client, "password")
		}
		r := rand.New(rand.NewPCG(1, 2))
		for range 20 {
			for _, p := range tape.take() {
				if bytes.Contains(p, []byte("password")) {
					t.Fatal("what is typed can be read")
				}
				changed := bytes.Clone(p)
				changed[r.IntN(len(p))] ^= 1 << r.IntN(8)
				for _, forged := range [][]byte{p, changed, p[:r.IntN(len(p))], noise(r.IntN(1400))} {
					server.receive(bytes.Clone(forged), server.peer)
					client.receive(bytes.Clone(forged), client.peer) // also: its own, reflected
				}
			}
			say(t, client, "again")
		}
		if took := say(t, client, "still quick"); took > 50*time.Millisecond {
			t.Errorf("an echo takes %v", took)
		}
	})
}

type recorder struct {
	mu      sync.Mutex
	packets [][]byte
}

func (r *recorder) take() [][]byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([][]byte(nil), r.packets...)
}

type tapped struct {
	net.PacketConn
	tape *recorder
}

func (p *tapped) WriteTo(b []byte, to net.Addr) (int, error) {
	p.tape.mu.Lock()
	p.tape.packets = append(p.tape.packets, bytes.Clone(b))
	p.tape.mu.Unlock()
	return p.PacketConn.WriteTo(b, to)
}

// TestKeysNeverWaitForTheClock: what is typed leaves at once, however much is
// under way, and so does its echo.
func TestKeysNeverWaitForTheClock(t *testing.T) {
	for _, delay := range []time.Duration{500 * time.Microsecond, 15 * time.Millisecond, 150 * time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			client, server, _ := pair(t, simnet.Link{Delay: delay})
			go echo(server)
			say(t, client, "x")
			time.Sleep(time.Second)
			var typed [300]time.Time
			var worst time.Duration
			done := make(chan struct{})
			go func() {
				defer close(done)
				b := make([]byte, 1)
				for i := range typed {
					if _, err := io.ReadFull(client, b); err != nil {
						return
					}
					worst = max(worst, time.Since(typed[i]))
				}
			}()
			r := rand.New(rand.NewPCG(1, 2))
			for i := range typed {
				time.Sleep(time.Duration(r.ExpFloat64() * float64(50*time.Millisecond)))
				typed[i] = time.Now()
				client.Write([]byte("k"))
			}
			<-done
			if worst > 2*delay+time.Millisecond {
				t.Errorf("a key over %s came back after %s", delay, worst)
			}
		})
	}
}

// TestNothingIsSentTwiceWhereNothingIsLost: a window that grows makes a queue, and
// what waits in it is not lost.
func TestNothingIsSentTwiceWhereNothingIsLost(t *testing.T) {
	const long = 12 * time.Second
	for _, link := range []simnet.Link{
		{Delay: 50 * time.Millisecond, Rate: 10e6 / 8},
		{Delay: 100 * time.Millisecond, Rate: 20e6 / 8},
	} {
		synctest.Test(t, func(t *testing.T) {
			client, server, host := pair(t, link)
			var wire atomic.Int64
			host.Tap(func(p simnet.Packet) {
				if p.To.Port() == 61001 {
					wire.Add(int64(len(p.Data)))
				}
			})
			bytes := bulk(t, client, server, long)
			if more := float64(wire.Load()) / float64(bytes); more > 1.15 {
				t.Errorf("%.2f bytes were sent for each that arrived", more)
			}
			if used := float64(bytes) / long.Seconds() / float64(link.Rate); used < 0.75 {
				t.Errorf("%.2f of %d bytes a second were used", used, link.Rate)
			}
		})
	}
}

// TestOneLossInFiftyLeavesThePathFull, as of a radio: what was acknowledged behind a
// lost segment does not keep the next from leaving.
func TestOneLossInFiftyLeavesThePathFull(t *testing.T) {
	link := simnet.Link{
		Delay: 20 * time.Millisecond, Jitter: 5 * time.Millisecond, InOrder: true,
		Rate: 50e6 / 8, Loss: 0.02, Late: true, Queue: 100 * time.Millisecond,
	}
	const long = 6 * time.Second
	synctest.Test(t, func(t *testing.T) {
		client, server, _ := pair(t, link)
		if used := float64(bulk(t, client, server, long)) / long.Seconds() / float64(link.Rate); used < 0.75 {
			t.Errorf("%.2f of 50 Mbit/s were used", used)
		}
	})
}

// bulk sends for d, and returns how many bytes arrived.
func bulk(t *testing.T, from, to *Conn, d time.Duration) (n int) {
	t.Helper()
	go func() {
		for b := make([]byte, 16<<10); ; {
			if _, err := from.Write(b); err != nil {
				return
			}
		}
	}()
	b := make([]byte, 32<<10)
	for began := time.Now(); time.Since(began) < d; {
		m, err := to.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		n += m
	}
	return n
}
