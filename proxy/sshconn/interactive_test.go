package sshconn

import (
	"bytes"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"tssh/proxy/simnet"
)

// flood writes lines as yes does, until an interrupt is typed.
func flood(t *testing.T, n NewChannel) {
	c := accept(t, n)
	c.Interactive()
	stop := make(chan struct{})
	go func() {
		io.ReadFull(c, make([]byte, 1))
		close(stop)
	}()
	lines := bytes.Repeat([]byte("y\n"), 2048)
	for {
		select {
		case <-stop:
			c.Write([]byte("^C"))
			c.Close()
			return
		default:
			c.Write(lines)
		}
	}
}

func TestInterruptTakesARoundTrip(t *testing.T) {
	for _, p := range []struct {
		name string
		link simnet.Link
		busy time.Duration // before the interrupt
	}{
		{"10 Mbit/s, 100 ms", simnet.Link{Delay: 50 * time.Millisecond, Rate: 1_250_000}, 10 * time.Second},
		{"100 Mbit/s, 200 ms", simnet.Link{Delay: 100 * time.Millisecond, Rate: 12_500_000}, 15 * time.Second},
		{"20 Mbit/s, 30 ms, for a while", simnet.Link{Delay: 15 * time.Millisecond, Rate: 2_500_000}, 45 * time.Second},
	} {
		for _, transport := range []string{"quic", "kcp"} {
			t.Run(transport+", "+p.name, func(t *testing.T) {
				bubble(t, func(t *testing.T) {
					e := connect(t, transport, p.link)
					e.serve(t, func(n NewChannel) { flood(t, n) })
					c := e.open(t)
					began, total := time.Now(), 0
					buf := make([]byte, 32<<10)
					for time.Since(began) < p.busy {
						n, err := c.Read(buf)
						if err != nil {
							t.Fatal(err)
						}
						total += n
					}
					// Much of what the path can carry is used; two windows
					// that grow one in the other take their time.
					rate := float64(total) / p.busy.Seconds()
					if least := map[string]float64{"quic": 0.6, "kcp": 0.25}[transport]; rate < least*float64(p.link.Rate) {
						t.Errorf("output came at %.1f of %.1f MB/s", rate/1e6, float64(p.link.Rate)/1e6)
					}
					typed := time.Now()
					c.Write([]byte{3})
					rest, err := io.ReadAll(c)
					if err != nil || !bytes.HasSuffix(rest, []byte("^C")) {
						t.Fatalf("%d bytes, %v", len(rest), err)
					}
					rtt := 2 * p.link.Delay
					took := time.Since(typed)
					t.Logf("%.1f MB/s; %v after the interrupt, and %d bytes", rate/1e6, took, len(rest))
					if took > 2*rtt+20*time.Millisecond {
						t.Errorf("the interrupt took %v at a round trip of %v", took, rtt)
					}
				})
			})
		}
	}
}

// A bulk channel fills a long fat path that a fixed window would not.
func TestBulkFillsALongFatPath(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED with -short: 64 MiB take minutes under the race detector")
	}
	synctest.Test(t, func(t *testing.T) {
		link := simnet.Link{Delay: 100 * time.Millisecond, Rate: 12_500_000}
		e := connect(t, "quic", link)
		e.serve(t, func(n NewChannel) {
			c := accept(t, n)
			buf := make([]byte, 64<<10)
			for {
				if _, err := c.Write(buf); err != nil {
					return
				}
			}
		})
		c := e.open(t)
		take := func(n int64) {
			t.Helper()
			if got, err := io.CopyN(io.Discard, c, n); err != nil {
				t.Fatalf("read %d bytes: %v, %v, %v", got, err, e.Wait(), e.server.Wait())
			}
		}
		take(64 << 20) // slow start
		began := time.Now()
		take(64 << 20)
		rate := (64 << 20) / time.Since(began).Seconds()
		t.Logf("%.1f of %.1f MB/s", rate/1e6, float64(link.Rate)/1e6)
		if rate < 0.7*float64(link.Rate) {
			t.Errorf("%.1f of %.1f MB/s", rate/1e6, float64(link.Rate)/1e6)
		}
		c.Close()
	})
}

// path is a queue before a line, by which flight is judged.
type line struct {
	trip time.Duration
	rate float64
	free time.Time
}

func (l *line) heardAt(now time.Time, n int) time.Time {
	if l.free.Before(now) {
		l.free = now
	}
	l.free = l.free.Add(time.Duration(float64(n) / l.rate * 1e9))
	return l.free.Add(l.trip)
}

func TestFlightFollowsThePath(t *testing.T) {
	f := newFlight()
	l := line{trip: 50 * time.Millisecond, rate: 4e6}
	now := time.Unix(0, 0)
	type ack struct {
		at time.Time
		n  int
	}
	var acks []ack
	run := func(d time.Duration) {
		for end := now.Add(d); now.Before(end); {
			if n := min(f.room(), 8<<10); n == 8<<10 {
				f.left(n, now)
				acks = append(acks, ack{l.heardAt(now, n), n})
				continue
			}
			now = acks[0].at
			f.landed(acks[0].n, now)
			acks = acks[1:]
		}
	}
	check := func(what string) {
		t.Helper()
		holds := l.rate * l.trip.Seconds()
		if got := float64(f.limit); got < 0.9*holds || got > 1.5*holds+leastFlight {
			t.Errorf("%s: limit of %.0f, the path holds %.0f", what, got, holds)
		}
	}
	run(3 * time.Second)
	check("at first")
	run(10 * time.Minute)
	check("after ten minutes at full speed")
	l.trip = 200 * time.Millisecond
	run(20 * time.Second)
	check("on a longer path")
	l.trip, l.rate = 20*time.Millisecond, 1e6
	run(20 * time.Second)
	check("on a slow, short one")
}
