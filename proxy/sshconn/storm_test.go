package sshconn

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"tssh/proxy/simnet"
	"tssh/proxy/wire"
)

var (
	storms     = flag.Int("storms", 3, "how many storms TestBulkInStorms has")
	firstStorm = flag.Int("storm", 0, "the first of them")
)

// storm lets things happen to the client's network, each for a while.
func storm(t *testing.T, r roaming, rng *rand.Rand, over <-chan struct{}, nat bool) {
	change := func(f func(*simnet.Link)) { r.link.Change(f) }
	wait := func(d time.Duration) bool {
		select {
		case <-over:
			return false
		case <-time.After(d):
			return true
		}
	}
	for i := range 60 {
		if !wait(time.Duration(rng.IntN(2000)) * time.Millisecond) {
			return
		}
		length := time.Duration(float64(100*time.Millisecond) * float64(int(1)<<rng.IntN(10)))
		k := rng.IntN(10)
		switch k {
		case 0, 1:
			r.link.Move(fmt.Sprintf("10.1.%d.2", i), fmt.Sprintf("fd00::1:%x", i))
		case 2:
			if rng.IntN(8) == 0 {
				length = time.Duration(rng.IntN(36000)) * time.Second / 10
			}
			change(func(l *simnet.Link) { l.Down = true })
			wait(length)
			change(func(l *simnet.Link) { l.Down = false })
		case 3:
			change(func(l *simnet.Link) { l.NoUDP = true })
			wait(length)
			change(func(l *simnet.Link) { l.NoUDP = false })
		case 4:
			change(func(l *simnet.Link) { l.OnlySSH = true })
			wait(length)
			change(func(l *simnet.Link) { l.OnlySSH = false })
		case 5:
			change(func(l *simnet.Link) { l.NoAnswer = true })
			wait(length)
			change(func(l *simnet.Link) { l.NoAnswer = false })
		case 6:
			change(func(l *simnet.Link) {
				l.Loss, l.Duplicate = rng.Float64()*0.4, rng.Float64()*0.2
				l.Jitter = time.Duration(rng.IntN(20)) * time.Millisecond
			})
		case 7:
			mtu := []int{0, 1213, 1280}[rng.IntN(3)]
			change(func(l *simnet.Link) { l.MTU = mtu })
			if rng.IntN(2) == 0 {
				r.link.Move(fmt.Sprintf("10.2.%d.2", i))
			}
		case 8:
			if nat {
				r.link.NAT("203.0.113.7")
			}
		case 9:
			r.dials.kill()
		}
	}
	change(func(l *simnet.Link) { l.Loss = 0.02; l.MTU = 0 })
}

// TestBulkInStorms: whatever happens to the network, every byte arrives either way; and
// after that it is quiet and the end comes in time.
func TestBulkInStorms(t *testing.T) {
	for seed := *firstStorm; seed < *firstStorm+*storms; seed++ {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			simnet.Bubble(t, func(t *testing.T) {
				rng := rand.New(rand.NewPCG(uint64(seed), 1))
				link := simnet.Link{
					Delay: time.Duration(5+rng.IntN(80)) * time.Millisecond, InOrder: rng.IntN(2) == 0,
					Rate: 300_000 + rng.IntN(2_000_000), Loss: 0.02 + rng.Float64()*0.1, Late: true,
				}
				size := 4<<20 + rng.IntN(12<<20)
				r := proxied(t, wire.QUIC, wire.Auto, true, link)
				nat := rng.IntN(2) == 0
				if nat {
					r.link.NAT("203.0.113.7")
				}
				read := r.serveBulk(t, size)
				up, down := r.open(t), r.open(t)
				start := time.Now()
				got, done := [2][]byte{}, make(chan int, 2)
				go func() {
					up.SendRequest("drain", true, nil)
					up.Write(noise(size))
					up.CloseWrite()
					got[0] = <-read
					done <- 0
				}()
				go func() {
					down.SendRequest("fill", true, nil)
					got[1], _ = io.ReadAll(down)
					done <- 1
				}()
				over, calm := make(chan struct{}), make(chan struct{})
				go func() { storm(t, r, rng, over, nat); close(calm) }()
				stuck := time.After(40 * time.Hour)
				for range 2 {
					select {
					case <-done:
					case <-stuck:
						t.Fatalf("stuck; client %+v, server %+v", r.client.State(), r.server.State())
					}
				}
				close(over)
				<-calm
				for i, b := range got {
					if !bytes.Equal(b, noise(size)) {
						t.Errorf("%d: %d other bytes came, %d were sent", i, len(b), size)
					}
				}
				t.Logf("%d bytes each way in %v; over %s", size, time.Since(start), r.client.State().Kind)
				r.link.SetLink(link)
				up.Close()
				down.Close()
				time.Sleep(10 * time.Minute)
				var packets atomic.Int64
				r.link.Tap(func(p simnet.Packet) {
					if wire.IsTransport(p.Data) || wire.IsRepair(p.Data) {
						packets.Add(1)
					}
				})
				time.Sleep(time.Hour)
				if n := packets.Load(); n > 0 {
					t.Errorf("%d packets in an idle hour that are no knocks", n)
				}
				start = time.Now()
				r.Close()
				if took := time.Since(start); took > closeWait+time.Second {
					t.Errorf("Close took %v", took)
				}
			})
		})
	}
}
