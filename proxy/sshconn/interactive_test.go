package sshconn

import (
	"bytes"
	"io"
	"testing"
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
	}[:few(3, 1)] { // 300 MB in all
		for _, transport := range []string{"quic", "kcp"} {
			t.Run(transport+", "+p.name, func(t *testing.T) {
				simnet.Bubble(t, func(t *testing.T) {
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
					// In KCP's order what was lost of the flood comes first, and by one more.
					if most := map[string]time.Duration{"quic": 2, "kcp": 3}[transport]; took > most*rtt+20*time.Millisecond {
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
	simnet.Bubble(t, func(t *testing.T) {
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
