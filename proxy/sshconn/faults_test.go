package sshconn

import (
	"bytes"
	"fmt"
	"io"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"tssh/proxy/simnet"
	"tssh/proxy/wire"
)

// road is the way of most transfers here.
var road = simnet.Link{Delay: 15 * time.Millisecond, Rate: 2_000_000}

func (r roaming) move(i int) {
	r.link.Move(fmt.Sprintf("10.1.%d.%d", i/200, i%200+1), fmt.Sprintf("fd00::%x", i+0x10))
}

// few is how many of many are enough for the race detector, by -short: it is to see
// each line run beside the others, and make test has all of them.
func few(many, short int) int {
	if testing.Short() {
		return short
	}
	return many
}

// An address change each 0.3 s, or as soon as a login anew is through.
func TestTransferOutlivesRoams(t *testing.T) {
	roam(t, road, func(t *testing.T, r roaming) {
		r.transfer(t, func(x *transfer) {
			x.goesOn(t, "start", 5*time.Second)
			before, moves := x.back.Load(), few(20, 8)
			for i := range moves {
				r.move(i)
				if r.kind == wire.OnlySSH {
					x.goesOn(t, "move", 3*time.Second)
				} else {
					time.Sleep(300 * time.Millisecond)
				}
			}
			if got := int(x.back.Load() - before); got < 25_000*moves {
				t.Errorf("%d bytes came back in %d moves", got, moves)
			}
			x.goesOn(t, "the last move", 3*time.Second)
		})
	})
}

func TestTransferOutlivesBlackouts(t *testing.T) {
	roam(t, road, func(t *testing.T, r roaming) {
		r.transfer(t, func(x *transfer) {
			for _, dark := range []time.Duration{time.Second, 20 * time.Second, 10 * time.Minute} {
				x.goesOn(t, "before", 5*time.Second)
				r.link.Change(func(l *simnet.Link) { l.Down = true })
				time.Sleep(dark)
				r.link.Change(func(l *simnet.Link) { l.Down = false })
				x.goesOn(t, "blackout of "+dark.String(), 10*time.Second)
			}
		})
	})
}

// An upload is as fast as before soon after an outage: QUIC measured a round trip of ten
// minutes in it, and would pace a packet in some tenths of a second then.
func TestUploadIsFastAfterAnOutage(t *testing.T) {
	roam(t, road, func(t *testing.T, r roaming) {
		var come atomic.Int64
		r.serve(t, func(n NewChannel) {
			c := accept(t, n)
			for b := make([]byte, 32<<10); ; {
				n, err := c.Read(b)
				if err != nil {
					return
				}
				come.Add(int64(n))
			}
		})
		c := r.open(t)
		go func() {
			b := make([]byte, 50_000)
			for err := error(nil); err == nil; {
				_, err = c.Write(b)
			}
		}()
		var all time.Duration
		rounds := few(5, 3)
		for range rounds {
			time.Sleep(10 * time.Second)
			r.link.Change(func(l *simnet.Link) { l.Down = true })
			time.Sleep(10 * time.Minute)
			r.link.Change(func(l *simnet.Link) { l.Down = false })
			start, goal := time.Now(), come.Load()+1_000_000
			for come.Load() < goal && time.Since(start) < time.Minute {
				time.Sleep(10 * time.Millisecond)
			}
			t.Logf("1 MB took %s", time.Since(start))
			all += time.Since(start)
		}
		if mean := all / time.Duration(rounds); mean > 3500*time.Millisecond {
			t.Errorf("1 MB took %s after an outage, on average, and half a second before", mean)
		}
	})
}

func TestTransferOverABadNetwork(t *testing.T) {
	for name, link := range map[string]simnet.Link{
		"loss":       {Delay: 15 * time.Millisecond, Loss: 0.05},
		"reordering": {Delay: 15 * time.Millisecond, Jitter: 30 * time.Millisecond},
		"all of it":  {Delay: 15 * time.Millisecond, Jitter: 20 * time.Millisecond, Loss: 0.05, Duplicate: 0.02},
	} {
		t.Run(name, func(t *testing.T) {
			roam(t, link, func(t *testing.T, r roaming) {
				r.transfer(t, func(x *transfer) {
					for range few(5, 2) {
						x.goesOn(t, name, 5*time.Second)
					}
				})
			})
		})
	}
}

// Large packets vanish without a word: from the start, or after a move.
func TestTransferOverANarrowPath(t *testing.T) {
	for _, mtu := range []int{1280, 1200} {
		narrow := road
		narrow.MTU = mtu
		t.Run(fmt.Sprint(mtu), func(t *testing.T) {
			roam(t, narrow, func(t *testing.T, r roaming) {
				r.transfer(t, func(x *transfer) {
					x.goesOn(t, "from the start", 5*time.Second)
					r.link.SetLink(road)
					r.move(1)
					x.goesOn(t, "on a wide path", 5*time.Second)
					r.link.SetLink(narrow)
					r.move(2)
					x.goesOn(t, "on a narrow path again", 5*time.Second)
				})
			})
		})
	}
}

func TestTransferOutlivesRebindings(t *testing.T) {
	roam(t, road, func(t *testing.T, r roaming) {
		r.transfer(t, func(x *transfer) {
			x.goesOn(t, "start", 5*time.Second)
			r.link.NAT("198.51.100.7")
			x.goesOn(t, "behind a NAT now", 5*time.Second)
			for range 5 {
				r.link.Rebind()
				x.goesOn(t, "rebinding", 5*time.Second)
			}
		})
	})
}

// The connection of TCP, or of ssh, is closed under the session.
func TestTransferOutlivesItsConnections(t *testing.T) {
	roamBy(t, []wire.Mode{wire.OnlyTCP, wire.OnlySSH}, road, func(t *testing.T, r roaming) {
		r.transfer(t, func(x *transfer) {
			for range 5 {
				x.goesOn(t, "before", 5*time.Second)
				r.dials.kill()
				x.goesOn(t, "the connection died", 5*time.Second)
			}
		})
	})
}

// A firewall that starts to block, or stops, costs two seconds at most.
func TestTransferOutlivesFirewalls(t *testing.T) {
	slow := simnet.Link{Delay: 15 * time.Millisecond, Rate: 500_000}
	roamBy(t, []wire.Mode{wire.Auto}, slow, func(t *testing.T, r roaming) {
		r.transfer(t, func(x *transfer) {
			for _, next := range []struct {
				kind string
				link func(*simnet.Link)
			}{
				{"UDP", func(*simnet.Link) {}},
				{"TCP", func(l *simnet.Link) { l.NoUDP = true }},
				{"UDP", func(*simnet.Link) {}},
				{"SSH", func(l *simnet.Link) { l.OnlySSH = true }},
				{"TCP", func(l *simnet.Link) { l.NoUDP = true }},
				{"SSH", func(l *simnet.Link) { l.OnlySSH = true }},
				{"UDP", func(*simnet.Link) {}},
			} {
				link := slow
				next.link(&link)
				r.link.SetLink(link)
				x.goesOn(t, next.kind+" passes", 2*time.Second)
				start := time.Now()
				for r.client.State().Kind != next.kind && time.Since(start) < 30*time.Second {
					time.Sleep(time.Second)
					x.goesOn(t, "the climb to "+next.kind, 2*time.Second)
				}
				t.Logf("on %s after %s", next.kind, time.Since(start))
				if got := r.client.State().Kind; got != next.kind {
					t.Errorf("by %s, though %s passes", got, next.kind)
				}
			}
		})
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
		for _, outage := range []time.Duration{30 * time.Second, time.Duration(few(10, 1)) * time.Hour} {
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
		for i := range few(100, 20) {
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
