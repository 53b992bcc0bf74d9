package proxy

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"tssh/proxy/simnet"
	"tssh/proxy/wire"
)

// largeOnes has QUIC look for what passes, and the proxies cut what does not any more.
func largeOnes(s *session, cc *ClientConfig, sc *ServerConfig) {
	s.discovers, cc.Halves, sc.Halves = true, true, true
}

// scale weighs what was sent since the last look.
type scale struct {
	mu    sync.Mutex
	sizes map[int]int  // of the transport's datagrams
	count map[byte]int // of others, by the first byte
}

func weigh(s *session) *scale {
	w := &scale{sizes: map[int]int{}, count: map[byte]int{}}
	s.phone.Tap(func(p simnet.Packet) {
		w.mu.Lock()
		defer w.mu.Unlock()
		if wire.IsTransport(p.Data) {
			w.sizes[len(p.Data)]++
		} else {
			w.count[p.Data[0]]++
		}
	})
	return w
}

// look returns the size of the transport's largest datagrams, but for single ones, by
// which it looks for what passes, and how many halves and probes there were.
func (w *scale) look() (most, halves, probes int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for size, n := range w.sizes {
		if n > 2 {
			most = max(most, size)
		}
	}
	halves, probes = w.count[0x13], w.count[0x14]
	clear(w.sizes)
	clear(w.count)
	return most, halves, probes
}

// settle sends until QUIC has found out that datagrams of least bytes pass, and weighs
// what is sent from then on.
func settle(s *session, least int) *scale {
	s.t.Helper()
	w := weigh(s)
	for range 10 { // five round trips for a try, and there is a queue
		s.transfer(2<<20, nil)
		if most, _, _ := w.look(); most >= least {
			return w
		}
	}
	s.t.Fatalf("%d bytes pass, and QUIC did not find out", least)
	return nil
}

var ethernet = simnet.Link{Delay: 15 * time.Millisecond, Rate: 4 << 20, MTU: 1472}

func TestLargestThatPassesIsUsed(t *testing.T) {
	for name, c := range map[string]struct{ mtu, least, most int }{
		"Ethernet": {1472, 1430, 1452}, "WireGuard": {1392, 1360, 1392}, "IPv6's least": {1232, 1200, 1232},
	} {
		t.Run(name, func(t *testing.T) {
			link := ethernet
			link.MTU = c.mtu
			story(t, link, func(s *session) {
				w := settle(s, c.least)
				s.transfer(2<<20, nil)
				most, halves, _ := w.look()
				if most < c.least || most > c.most || halves > 0 {
					t.Errorf("datagrams of up to %d bytes, %d halves", most, halves)
				}
			}, largeOnes)
		})
	}
}

// TestIdleSessionAsksNothing: looking for what passes is done by who sends.
func TestIdleSessionAsksNothing(t *testing.T) {
	story(t, ethernet, func(s *session) {
		w := settle(s, 1430)
		time.Sleep(time.Hour)
		for range 100 {
			s.echo("x", time.Minute)
		}
		if most, halves, probes := w.look(); most > 200 || halves+probes > 0 { // but for the end of the search
			t.Errorf("datagrams of %d bytes, %d halves, %d probes", most, halves, probes)
		}
	}, largeOnes)
}

func TestLargeOnesCrossNarrowPaths(t *testing.T) {
	narrow := func(s *session) { s.phone.Change(func(l *simnet.Link) { l.MTU = 1300 }) }
	for name, change := range map[string]func(*session){
		"move": func(s *session) { narrow(s); s.phone.Move("10.200.0.2") },
		"hole": narrow, // of which nothing tells
		"outage": func(s *session) {
			s.phone.Change(func(l *simnet.Link) { l.Down = true })
			time.Sleep(30 * time.Second)
			narrow(s)
			s.phone.Change(func(l *simnet.Link) { l.Down = false })
		},
		"NAT": func(s *session) { s.phone.NAT("198.51.100.7"); narrow(s); s.phone.Rebind() },
	} {
		t.Run(name, func(t *testing.T) {
			story(t, ethernet, func(s *session) {
				w := settle(s, 1430)
				took := s.transfer(few(16, 8)<<20, func() {
					time.Sleep(time.Second)
					change(s)
					w.look()
					time.Sleep(5 * time.Second)
					if most, halves, _ := w.look(); halves == 0 && most > 1300 {
						t.Errorf("%d bytes at most, %d halves", most, halves)
					}
				})
				t.Logf("there and back: %s", took)
				if took > time.Minute {
					t.Errorf("took %s", took)
				}
				for range 20 {
					time.Sleep(time.Second)
					s.echo("x", 200*time.Millisecond)
				}
			}, largeOnes)
		})
	}
}

// TestBulkCrossesTheNarrowestPaths: what is repaired, or only said to be of bulk, is
// larger than what QUIC wrote, which is never less than 1,200 bytes.
func TestBulkCrossesTheNarrowestPaths(t *testing.T) {
	for _, mtu := range []int{1200, 1213, 1201, 1225}[:few(4, 2)] {
		for name, change := range map[string]func(*session){
			"hole": func(*session) {}, "move": func(s *session) { s.phone.Move("10.200.0.2") },
		} {
			t.Run(fmt.Sprint(name, " ", mtu), func(t *testing.T) {
				story(t, ethernet, func(s *session) {
					took := s.transfer(4<<20, func() {
						time.Sleep(300 * time.Millisecond)
						s.phone.Change(func(l *simnet.Link) { l.MTU = mtu })
						change(s)
					})
					if took > time.Minute {
						t.Errorf("4 MiB there and back: %s", took)
					}
				}, mended, largeOnes)
			})
		}
	}
}

func TestLargeOnesGoWholeAgain(t *testing.T) {
	story(t, ethernet, func(s *session) {
		w := settle(s, 1430)
		for i := range few(5, 2) {
			s.phone.Move(fmt.Sprintf("10.9.9.%d", i+2))
			s.transfer(2<<20, nil)
			if _, halves, probes := w.look(); halves == 0 || probes < 2 {
				t.Errorf("move %d: %d halves, %d probes", i, halves, probes)
			}
			s.transfer(2<<20, nil)
			if most, halves, _ := w.look(); most < 1430 || halves > 0 {
				t.Errorf("after move %d: datagrams of %d bytes, %d halves", i, most, halves)
			}
		}
	}, largeOnes)
}

// TestOlderPeerIsSentNothingLarge: it could not join halves, later.
func TestOlderPeerIsSentNothingLarge(t *testing.T) {
	for name, older := range map[string]tweak{
		"client": func(_ *session, cc *ClientConfig, _ *ServerConfig) { cc.Halves = false },
		"server": func(_ *session, _ *ClientConfig, sc *ServerConfig) { sc.Halves = false },
	} {
		t.Run(name, func(t *testing.T) {
			story(t, ethernet, func(s *session) {
				w := weigh(s)
				s.transfer(4<<20, nil)
				s.phone.Change(func(l *simnet.Link) { l.MTU = 1250 })
				took := s.transfer(4<<20, func() { s.phone.Move("10.9.9.9") })
				if most, halves, _ := w.look(); most > wire.Sure || halves > 0 || took > time.Minute {
					t.Errorf("datagrams of %d bytes, %d halves, took %s", most, halves, took)
				}
			}, largeOnes, func(s *session, cc *ClientConfig, sc *ServerConfig) {
				older(s, cc, sc)
				cc.Halves = cc.Halves && sc.Halves // as offer and greeting have it
				sc.Halves = cc.Halves
			})
		})
	}
}

// TestLargeOnesInStorms: bytes through losses, moves and paths of all sizes.
func TestLargeOnesInStorms(t *testing.T) {
	link := simnet.Link{Delay: 15 * time.Millisecond, Rate: 4 << 20, Loss: 0.01, Jitter: 5 * time.Millisecond, Duplicate: 0.05, MTU: 1472}
	story(t, link, func(s *session) {
		took := s.transfer(few(16, 8)<<20, func() {
			for i := range 60 {
				time.Sleep(300 * time.Millisecond)
				s.phone.Change(func(l *simnet.Link) { l.MTU = []int{1472, 1300, 1472, 1250, 1400}[i%5] })
				if i%3 == 0 {
					s.phone.Move(fmt.Sprintf("10.1.%d.2", i))
				}
			}
		})
		t.Logf("there and back: %s", took)
		if took > 10*time.Minute {
			t.Errorf("took %s", took)
		}
	}, largeOnes)
}

// TestForgedHalvesChangeNothing: who has no key makes no datagram, proves no path and
// gets no answer, from wherever it seems to come.
func TestForgedHalvesChangeNothing(t *testing.T) {
	story(t, ethernet, func(s *session) {
		m := newMallory(s)
		var mu sync.Mutex
		var seen []simnet.Packet
		s.phone.Tap(func(p simnet.Packet) {
			if wire.IsLarge(p.Data) {
				mu.Lock()
				defer mu.Unlock()
				seen = append(seen, simnet.Packet{From: p.From, To: p.To, Data: slices.Clone(p.Data)})
			}
		})
		s.transfer(2<<20, nil)
		s.phone.Move("10.9.9.9")
		s.transfer(2<<20, nil)
		time.Sleep(time.Second)
		mu.Lock()
		recorded := slices.Clone(seen)
		mu.Unlock()
		kinds := map[byte]bool{}
		for _, p := range recorded {
			kinds[p.Data[0]] = true
		}
		if len(kinds) != 3 {
			t.Fatalf("kinds %v were seen", kinds)
		}
		w, sent := weigh(s), map[byte]int{}
		for i, p := range recorded {
			sent[p.Data[0]]++
			m.Send(p.Data)                 // from his own address,
			s.phone.Network().Inject(p, 0) // again from where it came,
			p.From, p.To = p.To, p.From
			s.phone.Network().Inject(p, 0) // back to its sender,
			p.Data = slices.Clone(p.Data)
			p.Data[i%len(p.Data)] ^= 1 << (i % 8)
			s.phone.Network().Inject(p, 0) // and changed
			p.From, p.To = p.To, p.From
			s.phone.Network().Inject(p, 0)
		}
		time.Sleep(time.Second)
		w.mu.Lock()
		for kind := byte(0x13); kind <= 0x15; kind++ {
			// Mallory's own are counted where he sent them; what is injected is not.
			if n := w.count[kind] - sent[kind]; n > 0 {
				t.Errorf("%d packets of kind %#x were sent", n, kind)
			}
		}
		w.mu.Unlock()
		m.unmoved("halves")
		s.transfer(2<<20, nil)
	}, largeOnes)
}
