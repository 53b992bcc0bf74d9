package simnet

import (
	"context"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"syscall"
	"time"

	"tssh/proxy/path"
)

// Host is a machine of the network. It is a path.Network.
type Host struct {
	net *Network

	// The network's lock guards what follows.
	addrs    []netip.Addr
	link     Link
	free     [2]time.Time // when the link is free again: outward, inward
	last     [2]time.Time // when what left last arrives, if in order
	bad      [2]bool      // there is an outage,
	flip     [2]time.Time // until then
	nat      *nat
	udp      map[uint16]*Socket
	tcp      map[uint16]*listener
	nextPort uint16
	epoch    int // counts the moves: a TCP stream lives in one
	watchers []chan struct{}
}

var _ path.Network = (*Host)(nil)

// SetLink changes the link of h.
func (h *Host) SetLink(l Link) {
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	h.link = l
}

// Change changes the link of h in place.
func (h *Host) Change(f func(*Link)) {
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	f(&h.link)
}

// Tap is Network.Tap.
func (h *Host) Tap(f func(Packet)) { h.net.Tap(f) }

// Addr returns the first address of h with a port.
func (h *Host) Addr(port int) netip.AddrPort {
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	return netip.AddrPortFrom(h.addrs[0], uint16(port))
}

// Move gives h other addresses, and tells who watches, as when a laptop finds
// another Wi-Fi. Streams of before are dead without a word.
func (h *Host) Move(addrs ...string) {
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	h.setAddrsLocked(addrs)
	if h.nat != nil {
		h.nat = nil
	}
	h.wakeLocked()
}

// Wake tells who watches that something changed.
func (h *Host) Wake() {
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	h.wakeLocked()
}

// NAT puts h behind a translator with a public address.
func (h *Host) NAT(public string) {
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	h.nat = &nat{public: netip.MustParseAddr(public), next: 20000}
	h.epoch++
}

// Rebind makes the translator forget: later packets come from other ports,
// and nobody is told.
func (h *Host) Rebind() {
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	h.nat.flows = nil
	h.epoch++
}

func (h *Host) setAddrsLocked(addrs []string) {
	h.addrs = nil
	for _, a := range addrs {
		h.addrs = append(h.addrs, netip.MustParseAddr(a))
	}
	h.epoch++
}

func (h *Host) wakeLocked() {
	for _, w := range h.watchers {
		select {
		case w <- struct{}{}:
		default:
		}
	}
}

// Watch tells of moves. See path.Network.
func (h *Host) Watch(ctx context.Context) <-chan struct{} {
	w := make(chan struct{}, 1)
	h.net.mu.Lock()
	h.watchers = append(h.watchers, w)
	h.net.mu.Unlock()
	context.AfterFunc(ctx, func() {
		h.net.mu.Lock()
		defer h.net.mu.Unlock()
		h.watchers = slices.DeleteFunc(h.watchers, func(x chan struct{}) bool { return x == w })
	})
	return w
}

// hasLocked reports whether packets to a reach h.
func (h *Host) hasLocked(a netip.Addr) bool {
	if h.nat != nil && a.Is4() {
		return a == h.nat.public
	}
	return slices.Contains(h.addrs, a)
}

// sourceLocked chooses the address that packets to far leave from.
func (h *Host) sourceLocked(far netip.Addr) (netip.Addr, error) {
	for _, a := range h.addrs {
		if a.Is4() == far.Is4() {
			return a, nil
		}
	}
	return netip.Addr{}, fmt.Errorf("send to %s: %w", far, syscall.ENETUNREACH)
}

// badLocked reports whether there is one of the link's outages.
func (h *Host) badLocked(inward bool) bool {
	i := way(inward)
	random := func(mean time.Duration) time.Duration {
		return time.Duration(h.net.random.ExpFloat64() * float64(mean))
	}
	now := time.Now()
	if h.flip[i].IsZero() {
		h.flip[i] = now.Add(random(h.link.Good))
	}
	for !now.Before(h.flip[i]) {
		h.bad[i] = !h.bad[i]
		mean := h.link.Good
		if h.bad[i] {
			mean = h.link.Bad
		}
		h.flip[i] = h.flip[i].Add(random(mean))
	}
	return h.bad[i]
}

// inOrderLocked returns delay with jitter, so that nothing arrives before what left
// before.
func (h *Host) inOrderLocked(delay time.Duration, inward bool) time.Duration {
	now := time.Now()
	last := &h.last[way(inward)]
	more := min(math.Abs(h.net.random.NormFloat64()), 4) * float64(h.link.Jitter)
	if at := now.Add(delay + time.Duration(more)); at.After(*last) {
		*last = at
	}
	return last.Sub(now)
}

func way(inward bool) int {
	if inward {
		return 1
	}
	return 0
}

// queueLocked returns how long n bytes wait for the link; below 0: they find
// no room, for more than most is queued.
func (h *Host) queueLocked(n int, inward bool, most time.Duration) time.Duration {
	if h.link.Rate == 0 {
		return 0
	}
	free := &h.free[way(inward)]
	now := time.Now()
	if free.Before(now) {
		*free = now
	}
	if free.Sub(now) > most {
		return -1
	}
	*free = free.Add(time.Duration(n) * time.Second / time.Duration(h.link.Rate))
	return free.Sub(now)
}

func (h *Host) portLocked(want int, taken func(uint16) bool) (uint16, error) {
	if want != 0 {
		if taken(uint16(want)) {
			return 0, fmt.Errorf("listen on port %d: %w", want, syscall.EADDRINUSE)
		}
		return uint16(want), nil
	}
	for taken(h.nextPort) {
		h.nextPort++
	}
	h.nextPort++
	return h.nextPort - 1, nil
}

// nat translates IPv4 with a port for each pair of socket and far address, and
// lets in only who was spoken to.
type nat struct {
	public netip.Addr
	next   uint16
	flows  []flow
}

type flow struct {
	inside, far netip.AddrPort
	port        uint16
}

func (h *Host) translateLocked(p Packet) Packet {
	if h.nat == nil || !p.From.Addr().Is4() {
		return p
	}
	for _, f := range h.nat.flows {
		if f.inside == p.From && f.far == p.To {
			p.From = netip.AddrPortFrom(h.nat.public, f.port)
			return p
		}
	}
	h.nat.next++
	h.nat.flows = append(h.nat.flows, flow{p.From, p.To, h.nat.next})
	p.From = netip.AddrPortFrom(h.nat.public, h.nat.next)
	return p
}

func (n *nat) inside(p Packet) (netip.AddrPort, bool) {
	if !p.To.Addr().Is4() {
		return p.To, true
	}
	for _, f := range n.flows {
		if f.port == p.To.Port() && f.far == p.From {
			return f.inside, true
		}
	}
	return netip.AddrPort{}, false
}
