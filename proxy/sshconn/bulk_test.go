package sshconn

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"tssh/proxy/mux"
	"tssh/proxy/simnet"
	"tssh/proxy/wire"
)

// radio loses one packet of fifty, with nothing in its queue.
var radio = simnet.Link{
	Delay: 20 * time.Millisecond, Jitter: 5 * time.Millisecond, InOrder: true,
	Rate: 50e6 / 8, Loss: 0.02, Late: true, Queue: 100 * time.Millisecond,
}

// terminal opens a session on a terminal that echoes what is typed.
func (r roaming) terminal(t *testing.T) func(key string) time.Duration {
	t.Helper()
	c := r.open(t)
	if _, err := c.SendRequest("pty-req", true, nil); err != nil {
		t.Fatal(err)
	}
	return func(key string) time.Duration {
		start := time.Now()
		c.Write([]byte(key))
		if got := string(readFull(t, c, len(key))); got != key {
			t.Errorf("typed %q, and %q came back", key, got)
		}
		return time.Since(start)
	}
}

// serveBulk echoes on terminals. Other channels say first whether they are echoed, too, or
// to be filled, with so many bytes, or read to the end.
func (r roaming) serveBulk(t *testing.T, size int) (read chan []byte) {
	read = make(chan []byte, 1)
	r.serve(t, func(n NewChannel) {
		c, err := n.Accept()
		if err != nil {
			return
		}
		first := <-c.Requests()
		go grant(c)
		first.Reply(true, nil)
		switch first.Type {
		case "pty-req":
			c.Interactive()
			io.Copy(c, c)
		case "echo":
			io.Copy(c, c)
		case "fill":
			c.Write(noise(size))
			exit(c, 0)
			c.Close()
		case "drain":
			b, _ := io.ReadAll(c)
			read <- b
			c.Close()
		}
	})
	return read
}

// TestBulkAndKeysOnALossyPath: bulk fills what QUIC alone fills a twentieth of, either
// way, and the keys beside it do not wait for it. Every byte arrives.
func TestBulkAndKeysOnALossyPath(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED with -short: minutes under the race detector")
	}
	const size = 40 << 20
	for _, up := range []bool{false, true} {
		t.Run(fmt.Sprintf("up %v", up), func(t *testing.T) {
			simnet.Bubble(t, func(t *testing.T) {
				r := proxied(t, wire.QUIC, wire.OnlyUDP, true, radio)
				read := r.serveBulk(t, size)
				key := r.terminal(t)
				c := r.open(t)
				start, done := time.Now(), make(chan time.Duration)
				var got []byte
				go func() {
					if up {
						c.SendRequest("drain", true, nil)
						c.Write(noise(size))
						c.CloseWrite()
						got = <-read
					} else {
						c.SendRequest("fill", true, nil)
						got, _ = io.ReadAll(c)
					}
					done <- time.Since(start)
				}()
				var echoes []time.Duration
				for took := time.Duration(0); took == 0; {
					select {
					case took = <-done:
						if rate := float64(size*8) / 1e6 / took.Seconds(); rate < 35 {
							t.Errorf("%.1f of 50 Mbit/s", rate)
						} else {
							t.Logf("%.1f of 50 Mbit/s", rate)
						}
					case <-time.After(100 * time.Millisecond):
						echoes = append(echoes, key("x"))
					}
				}
				if !bytes.Equal(got, noise(size)) {
					t.Errorf("%d other bytes came, %d were sent", len(got), size)
				}
				slices.Sort(echoes)
				p50, p90 := echoes[len(echoes)/2], echoes[len(echoes)*9/10]
				t.Logf("echoes: %v, %v, at most %v", p50, p90, echoes[len(echoes)-1])
				if p50 > 90*time.Millisecond || p90 > 126*time.Millisecond {
					t.Errorf("half of the keys took %v, nine of ten %v, at a round trip of 40 ms", p50, p90)
				}
				c.Close()
			})
		})
	}
}

// TestBulkWhereRoundTripsVary: QUIC alone takes that for a queue, at once or by chance, and
// then fills half of a path or less, though nothing is lost. It does not over TCP, which
// hides the network, and where a second connection would begin anew.
func TestBulkWhereRoundTripsVary(t *testing.T) {
	link := func(mbit int, delay, jitter time.Duration) simnet.Link {
		return simnet.Link{Delay: delay, Jitter: jitter, InOrder: true, Rate: mbit * 1e6 / 8, Queue: 300 * time.Millisecond}
	}
	for _, c := range []struct {
		mbit          int
		delay, jitter time.Duration
		kind          wire.Mode
	}{
		{20, 60 * time.Millisecond, 15 * time.Millisecond, wire.OnlyUDP},
		{10, 40 * time.Millisecond, 10 * time.Millisecond, wire.OnlyUDP},
		{30, 80 * time.Millisecond, 20 * time.Millisecond, wire.OnlyUDP},
		{20, 60 * time.Millisecond, 15 * time.Millisecond, wire.OnlyTCP},
	} {
		t.Run(fmt.Sprintf("%d Mbit %v %v %s", c.mbit, c.delay, c.jitter, c.kind), func(t *testing.T) {
			simnet.Bubble(t, func(t *testing.T) {
				size := c.mbit * 1e6 / 8 * 15
				r := proxied(t, wire.QUIC, c.kind, true, link(c.mbit, c.delay, c.jitter))
				r.serveBulk(t, size)
				ch := r.open(t)
				start := time.Now()
				ch.SendRequest("fill", true, nil)
				got, _ := io.ReadAll(ch)
				if !bytes.Equal(got, noise(size)) {
					t.Fatalf("%d other bytes came, %d were sent", len(got), size)
				}
				rate := float64(size*8) / 1e6 / time.Since(start).Seconds()
				t.Logf("%.1f of %d Mbit/s", rate, c.mbit)
				if rate < 0.65*float64(c.mbit) {
					t.Errorf("%.1f of %d Mbit/s", rate, c.mbit)
				}
				ch.Close()
			})
		})
	}
}

// TestQuestionsAfterBulk: who has moved much asks small questions next, one after the
// other, as sftp, rsync and git do. An answer takes a round trip and little more.
func TestQuestionsAfterBulk(t *testing.T) {
	awful := radio
	awful.Delay, awful.Rate, awful.Loss = 150*time.Millisecond, 5e6/8, 0.2
	for _, c := range []struct {
		name  string
		link  simnet.Link
		trips float64
	}{{"of fifty one is lost", radio, 2.3}, {"of five one is lost", awful, 2.5}} {
		t.Run(c.name, func(t *testing.T) {
			simnet.Bubble(t, func(t *testing.T) {
				r := proxied(t, wire.QUIC, wire.OnlyUDP, true, c.link)
				r.serveBulk(t, 0)
				ch := r.open(t)
				ch.SendRequest("echo", true, nil)
				ask := func(b []byte) {
					go ch.Write(b)
					if !bytes.Equal(readFull(t, ch, len(b)), b) {
						t.Fatal("other bytes came back")
					}
				}
				for range 20 {
					ask(noise(64 << 10))
				}
				start := time.Now()
				const questions = 200
				for range questions {
					ask(noise(4000))
				}
				mean := time.Since(start) / questions
				t.Logf("4000 bytes there and back: %s", mean)
				if trip := 2 * c.link.Delay; mean > time.Duration(c.trips*float64(trip)) {
					t.Errorf("4000 bytes there and back: %s, at a round trip of %s", mean, trip)
				}
				ch.Close()
			})
		})
	}
}

// TestBulkDoesNotHoldUpTheEnd, neither when the network has just gone nor long after.
func TestBulkDoesNotHoldUpTheEnd(t *testing.T) {
	for _, dark := range []time.Duration{100 * time.Millisecond, time.Minute} {
		simnet.Bubble(t, func(t *testing.T) {
			r := proxied(t, wire.QUIC, wire.OnlyUDP, true, radio)
			r.serveBulk(t, 0)
			c := r.open(t)
			c.SendRequest("drain", true, nil)
			go c.Write(make([]byte, 400<<20))
			time.Sleep(5 * time.Second)
			r.link.Change(func(l *simnet.Link) { l.Down = true })
			time.Sleep(dark)
			start := time.Now()
			r.Close()
			if took := time.Since(start); took > closeWait+time.Second {
				t.Errorf("after %v: Close took %v", dark, took)
			}
			r.link.Change(func(l *simnet.Link) { l.Down = false })
		})
	}
}

// TestTerminalsStay: however much a terminal shows, its keys would wait behind it there.
func TestTerminalsStay(t *testing.T) {
	simnet.Bubble(t, func(t *testing.T) {
		r := proxied(t, wire.QUIC, wire.OnlyUDP, true, radio)
		apart := 0
		r.link.Tap(func(p simnet.Packet) {
			if wire.IsRepair(p.Data) {
				apart++
			}
		})
		r.serveBulk(t, 0)
		key := r.terminal(t)
		for range 100 {
			key(string(make([]byte, 4000)))
		}
		if apart > 0 {
			t.Errorf("%d packets of the connection for bulk", apart)
		}
	})
}

// TestGivenUpWhileItMoves: a peer that names a stream that never comes, and then
// nothing, is one silent channel, which can be closed.
func TestGivenUpWhileItMoves(t *testing.T) {
	simnet.Bubble(t, func(t *testing.T) {
		client, server := simnet.Pair(t, lan)
		m := muxes(t, "quic", client, server)
		h := &never{Conn: m[1]}
		s := Serve(h)
		gone := make(chan error, 1)
		ends{server: s}.serve(t, func(n NewChannel) {
			c, _ := n.Accept()
			time.Sleep(time.Second)
			c.(*serverChannel).f.abandon()
			_, err := c.Read(make([]byte, 1))
			gone <- err
		})
		raw, err := m[0].Open(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		raw.Write([]byte("\x04test\x00\x00\x00\x00\x00\x00\x00\x00"))
		raw.Write(frame(frameMove, "\x00\x00\x00\x00\x00\x00\x00\x02"))
		if err := <-gone; err != io.EOF {
			t.Errorf("%v", err)
		}
		m[0].Close()
		s.Close()
		time.Sleep(time.Minute)
	})
}

// never is a mux to which no stream of bulk comes.
type never struct{ mux.Conn }

func (never) TakeBulk(ctx context.Context, _ uint64) (mux.Receiver, error) {
	<-ctx.Done()
	return nil, context.Cause(ctx)
}

// TestRefusedBulkHoldsUpNobody: a session's opener need not wait to be accepted, so
// what it moved may be there when it is refused, and nobody is to read it.
func TestRefusedBulkHoldsUpNobody(t *testing.T) {
	const size = 2 << 20
	simnet.Bubble(t, func(t *testing.T) {
		r := proxied(t, wire.QUIC, wire.OnlyUDP, true, radio)
		r.serve(t, func(n NewChannel) {
			if n.ChannelType() == "session" {
				time.Sleep(5 * time.Second)
				n.Reject(ssh.Prohibited, "no")
				return
			}
			c := accept(t, n)
			c.Write(noise(size))
			c.Close()
		})
		fill := func() {
			t.Helper()
			c := r.open(t)
			got := make(chan []byte, 1)
			go func() { b, _ := io.ReadAll(c); got <- b }()
			select {
			case b := <-got:
				if !bytes.Equal(b, noise(size)) {
					t.Errorf("%d other bytes came", len(b))
				}
			case <-time.After(time.Hour):
				t.Fatal("bulk is stuck")
			}
			c.Close()
		}
		fill()
		fill() // the path is known
		for range 40 {
			c, reqs, err := r.OpenChannel("session", nil)
			if err != nil {
				t.Fatal(err)
			}
			go ssh.DiscardRequests(reqs)
			over := make(chan error, 1)
			go func() { _, err := c.Write(make([]byte, 4<<20)); over <- err }()
			select {
			case err = <-over:
				if err == nil {
					t.Error("all was taken")
				}
			case <-time.After(time.Hour):
				t.Fatal("who wrote waits for ever")
			}
		}
		fill()
	})
}
