package proxy

import (
	"io"
	"net/netip"
	"slices"
	"sync"
)

const (
	maxStrangers = 512 // TCP connections that may wait for their first knock at once,
	maxRelayed   = 16  // and streams that came through ssh
)

// crowd is the streams of which no knock came yet, by whoever. Anybody can open
// a TCP connection and be silent, thousands a second, so what waits is bounded;
// and it must not cost the client its place:
//
//   - A stream that has knocked is not in the crowd, nor is one that came through
//     ssh in the strangers': nothing that a stranger does ends either.
//   - When there are too many, one of those goes of whose network there are
//     most, so one host, one /64 or one provider's customer, who has as many
//     addresses as he likes, only displaces himself.
//   - Among equals the oldest goes. A knock leaves with the connection's last
//     handshake packet, so even strangers from a thousand networks a second leave
//     a client half a second, which is more than it needs.
//   - A stranger costs a descriptor, a goroutine and the bytes of one knock,
//     until knockTimeout, however slowly it sends.
type crowd struct {
	most int

	mu      sync.Mutex // guards what follows: not the server's, which datagrams wait for
	shut    bool
	waiters []*waiter // the oldest first
	groups  map[netip.Prefix]*group
}

// waiter is one stream that waits for its first knock.
type waiter struct {
	rwc          io.Closer
	wide, narrow *group // the networks that it came from
}

// group counts the waiters from a network.
type group struct {
	network netip.Prefix
	count   int
}

// enter adds a stream from an address, for whose sake another may be closed. nil
// says that the crowd is.
func (c *crowd) enter(rwc io.Closer, from netip.Addr) *waiter {
	c.mu.Lock()
	if c.shut {
		c.mu.Unlock()
		return nil
	}
	wide, narrow := networks(from)
	g := &waiter{rwc: rwc, wide: c.groupLocked(wide), narrow: c.groupLocked(narrow)}
	c.waiters = append(c.waiters, g)
	var gone *waiter
	if len(c.waiters) > c.most {
		gone = c.surplusLocked()
		c.removeLocked(gone)
	}
	c.mu.Unlock()
	if gone != nil {
		gone.rwc.Close()
	}
	return g
}

// leave removes g, and may be called again.
func (c *crowd) leave(g *waiter) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.removeLocked(g)
}

// close ends all that wait, and lets nobody in any more.
func (c *crowd) close() {
	c.mu.Lock()
	c.shut = true
	waiters := c.waiters
	c.waiters = nil
	c.mu.Unlock()
	for _, g := range waiters {
		g.rwc.Close()
	}
}

// surplusLocked returns who has to go.
func (c *crowd) surplusLocked() *waiter {
	worst := c.waiters[0]
	for _, g := range c.waiters[1:] {
		if g.wide.count > worst.wide.count ||
			g.wide.count == worst.wide.count && g.narrow.count > worst.narrow.count {
			worst = g
		}
	}
	return worst
}

func (c *crowd) groupLocked(network netip.Prefix) *group {
	g := c.groups[network]
	if g == nil {
		g = &group{network: network}
		if c.groups == nil {
			c.groups = make(map[netip.Prefix]*group)
		}
		c.groups[network] = g
	}
	g.count++
	return g
}

func (c *crowd) removeLocked(g *waiter) {
	i := slices.Index(c.waiters, g)
	if i < 0 {
		return
	}
	c.waiters = slices.Delete(c.waiters, i, i+1)
	for _, of := range []*group{g.wide, g.narrow} {
		if of.count--; of.count == 0 {
			delete(c.groups, of.network)
		}
	}
}

// networks returns the networks that share a place: what a provider gives to one
// customer, and what one host can choose its addresses from.
func networks(a netip.Addr) (wide, narrow netip.Prefix) {
	a = a.Unmap().WithZone("")
	switch {
	case !a.IsValid(): // no address: a stream through ssh
		return wide, narrow
	case a.Is4():
		wide, _ = a.Prefix(24)
		narrow, _ = a.Prefix(32)
	default:
		wide, _ = a.Prefix(48)
		narrow, _ = a.Prefix(64)
	}
	return wide, narrow
}
