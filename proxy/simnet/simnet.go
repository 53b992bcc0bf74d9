// Package simnet is a network in memory for tests: hosts with several addresses
// that move, links that delay, lose, repeat and reorder, NATs that forget. Run
// in a bubble of testing/synctest an outage of hours takes milliseconds. Chance
// comes from a seed, so that a failure can be seen again.
package simnet

import (
	"container/heap"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// Link is what lies between a host and the rest of the network. A packet
// crosses the links of both its hosts. The zero value is perfect.
type Link struct {
	Delay     time.Duration // one way
	Jitter    time.Duration // added at random; more than the packets' distance reorders those of UDP
	Loss      float64       // chance of a packet to vanish; TCP sends it again
	Duplicate float64       // chance of a UDP packet to arrive twice
	MTU       int           // larger UDP payloads vanish without a word; 0: none does
	Rate      int           // bytes a second each way; 0: no limit. A quarter second of UDP queues.
	Down      bool          // nothing passes
	NoUDP     bool          // a firewall drops UDP
	NoTCP     bool          // a firewall drops TCP
	OnlySSH   bool          // a firewall drops all but TCP to port 22
	NoAnswer  bool          // nothing comes in, all goes out

	Queue   time.Duration // how much of UDP queues, in time; 0: a quarter second
	InOrder bool          // Jitter keeps the order: it is a deviation then, at most four times as much
	Late    bool          // Loss takes packets behind the queue, as radio does
	Good    time.Duration // mean time between outages of a direction,
	Bad     time.Duration // and their mean length; 0: none
}

// Bubble runs f in a bubble of testing/synctest, whose time begins now: quic-go's clock
// begins with the process, and below zero, as in the bubble's year 2000, some of its
// timers never fire. Nor is there what smux keeps in a pool, channels of another bubble.
func Bubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	runtime.GC() // what was in pools becomes their second choice
	runtime.GC() // and is gone
	now := time.Now()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(now))
		f(t)
	})
}

// Network joins hosts.
type Network struct {
	mu     sync.Mutex // guards all of the network and its hosts
	random *rand.Rand
	hosts  []*Host
	taps   []func(Packet)
	lose   func(Packet) bool
	flying flights
	sent   uint64
}

// Packet is a UDP datagram on its way, as somebody who listens on the way sees it.
type Packet struct {
	From, To netip.AddrPort
	Data     []byte
}

// New returns a network whose chances follow seed.
func New(seed uint64) *Network {
	return &Network{random: rand.New(rand.NewPCG(seed, seed))}
}

// Pair returns a client host behind link and a server host, as most tests want.
// The client has 10.0.0.2 and fd00::2, the server 192.0.2.1 and 2001:db8::1.
func Pair(t testing.TB, link Link) (client, server *Host) {
	t.Helper()
	n := New(1)
	client, server = n.Host("10.0.0.2", "fd00::2"), n.Host("192.0.2.1", "2001:db8::1")
	client.SetLink(link)
	return client, server
}

// Host adds a host with these addresses.
func (n *Network) Host(addrs ...string) *Host {
	h := &Host{net: n, udp: make(map[uint16]*Socket), tcp: make(map[uint16]*listener), nextPort: 40000}
	n.mu.Lock()
	defer n.mu.Unlock()
	h.setAddrsLocked(addrs)
	n.hosts = append(n.hosts, h)
	return h
}

// Network returns the network of h.
func (h *Host) Network() *Network { return h.net }

// Tap calls f with each UDP datagram that a host sends, before any loss. f must
// not wait; it may send by Inject.
func (n *Network) Tap(f func(Packet)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.taps = append(n.taps, f)
}

// Lose makes those packets vanish of which f says so; nil: none. f must not wait.
func (h *Host) Lose(f func(Packet) bool) {
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	h.net.lose = f
}

// Inject delivers p after delay, whoever is named as its sender: the network
// does not check.
func (n *Network) Inject(p Packet, delay time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.flyLocked(p, 0, delay)
}

// flyLocked lets p arrive after delay. What arrives at one time does so in the
// order in which it was sent.
func (n *Network) flyLocked(p Packet, ecn byte, delay time.Duration) {
	n.sent++
	heap.Push(&n.flying, flight{arrival{p, ecn}, time.Now().Add(delay), n.sent})
	time.AfterFunc(delay, func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		first := heap.Pop(&n.flying).(flight)
		n.arriveLocked(first.Packet, first.ecn)
	})
}

// flight is a packet on its way.
type flight struct {
	arrival
	at    time.Time
	order uint64
}

// flights is a heap of them, the next to arrive first.
type flights []flight

func (f flights) Len() int      { return len(f) }
func (f flights) Swap(i, j int) { f[i], f[j] = f[j], f[i] }
func (f *flights) Push(x any)   { *f = append(*f, x.(flight)) }
func (f *flights) Pop() any {
	last := (*f)[len(*f)-1]
	*f = (*f)[:len(*f)-1]
	return last
}
func (f flights) Less(i, j int) bool {
	if !f[i].at.Equal(f[j].at) {
		return f[i].at.Before(f[j].at)
	}
	return f[i].order < f[j].order
}

// send takes a datagram of h on its way.
func (n *Network) send(h *Host, p Packet, ecn byte) {
	n.mu.Lock()
	p = h.translateLocked(p)
	taps := n.taps
	n.mu.Unlock()
	for _, tap := range taps {
		tap(p)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.lose != nil && n.lose(p) {
		return
	}
	far := n.ownerLocked(p.To.Addr())
	links := []*Host{h}
	if far != nil && far != h {
		links = append(links, far)
	}
	var delay time.Duration
	copies := 1
	for _, x := range links {
		l := &x.link
		lost := n.random.Float64() < l.Loss || l.Bad > 0 && x.badLocked(x == far)
		if l.Down || l.NoUDP || l.OnlySSH || l.NoAnswer && x == far || l.MTU > 0 && len(p.Data) > l.MTU || lost && !l.Late {
			return
		}
		if n.random.Float64() < l.Duplicate {
			copies++
		}
		most := l.Queue
		if most == 0 {
			most = time.Second / 4
		}
		queued := x.queueLocked(len(p.Data), x == far, most)
		if queued < 0 || lost {
			return
		}
		delay += queued + l.Delay
	}
	for range copies {
		jitter := time.Duration(0)
		for _, x := range links {
			switch {
			case x.link.Jitter > 0 && x.link.InOrder:
				jitter = x.inOrderLocked(delay+jitter, x == far) - delay
			case x.link.Jitter > 0:
				jitter += time.Duration(n.random.Int64N(int64(x.link.Jitter)))
			}
		}
		n.flyLocked(p, ecn, delay+jitter)
	}
}

// arriveLocked hands p to its host, if that still has the address and, for what
// was on its way when the link broke, still hears.
func (n *Network) arriveLocked(p Packet, ecn byte) {
	h := n.ownerLocked(p.To.Addr())
	if h == nil || h.link.Down || h.link.NoUDP || h.link.OnlySSH {
		return
	}
	if h.nat != nil {
		to, ok := h.nat.inside(p)
		if !ok {
			return
		}
		p.To = to
	}
	if s := h.udp[p.To.Port()]; s != nil {
		s.arriveLocked(p, ecn)
	}
}

func (n *Network) ownerLocked(a netip.Addr) *Host {
	for _, h := range n.hosts {
		if h.hasLocked(a) {
			return h
		}
	}
	return nil
}
