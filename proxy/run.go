package proxy

import (
	"slices"
	"strings"
	"time"

	"tssh/proxy/wire"
)

const (
	eventSpacing = 5 * time.Millisecond  // between knocks for a burst of events
	typedSpacing = 25 * time.Millisecond // and of the transport's datagrams in an outage
	spareTime    = 10 * time.Second      // a path that lost the race is kept for
	hedgeTime    = time.Minute           // a second socket that was of no use is kept for
	climbEvery   = 5 * time.Second       // between looks for a better path
	maxQueued    = 16                    // unanswered knocks in a stream
)

// climb looks for a path of a better kind than the one in use.
type climb struct {
	probed time.Time
}

func (b *climb) begin(now time.Time) { b.probed = now }

// wins reports whether l, just answered, is worth a move from a path that works:
// it must be of a better kind and have answered twice, so that a firewall
// that lets one packet through does not make the session flap.
func (b *climb) wins(l, current *link) bool {
	return l.kind < current.kind && l.acked >= 2
}

// run is the client's one timer: it asks pulse what to do, does it, and sleeps.
func (c *Client) run() {
	defer c.shut()
	changes := c.config.Network.Watch(c.ctx)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-c.ctx.Done():
			return
		case <-changes:
			c.moved()
		case <-c.kick:
		case <-timer.C:
		}
		now := time.Now()
		next := c.step(now)
		if next.IsZero() {
			c.logf("the server was silent for %s", c.config.Alive)
			return
		}
		timer.Reset(max(0, next.Sub(now)))
	}
}

// shut closes what the goroutines wait for.
func (c *Client) shut() {
	close(c.done) // first: who sees the transport fail may ask why
	c.cancel()
	c.in.close()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.sockets {
		s.Close()
	}
	for _, l := range c.links {
		if l.stream != nil {
			l.stream.close()
		}
	}
}

// moved is called when the machine's addresses or routes may have changed, or
// it woke: a knock leaves at once, in the hope that the path still works.
func (c *Client) moved() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.climb.probed = time.Time{}
	c.tcp.tries, c.ssh.tries = 0, 0
	now := time.Now()
	c.changed = now
	c.pulse.hasten(later(now, c.pulse.last.Add(eventSpacing)))
	token(c.kick)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// outgoing is a packet and where it goes.
type outgoing struct {
	on     *link
	packet []byte
}

// step does what is due, and returns when something will be; zero when Alive is over.
func (c *Client) step(now time.Time) time.Time {
	c.mu.Lock()
	if silent := now.Round(0).Sub(c.pulse.heard.Round(0)); silent > c.config.Alive && c.pulse.silence(now) > 10*time.Second {
		c.mu.Unlock()
		return time.Time{}
	}
	var out []outgoing
	act, next := c.pulse.due(now)
	if act != nothing {
		c.pulse.repeating(now, act)
		out = c.knocksLocked(now, act)
		_, next = c.pulse.due(now)
	}
	out = append(out, c.climbLocked(now)...)
	c.streamsLocked(now)
	c.tidyLocked(now)
	c.noteOnlineLocked(now)
	if look := now.Add(climbEvery); (c.current == nil || c.current.kind != wire.UDP) && look.Before(next) {
		next = look // for a path, or for a better one
	}
	c.mu.Unlock()
	if c.cut.Load() {
		return next
	}
	for _, o := range out {
		if err := o.on.write(o.packet); err != nil && o.on == c.currentLink() {
			c.unreachable()
		}
	}
	return next
}

// knocksLocked returns the knocks that are due: on the path in use, or on all
// there are, each with the last small datagrams behind it, so that the server
// needs no further round trip to answer what was typed.
func (c *Client) knocksLocked(now time.Time, act action) (out []outgoing) {
	trouble := c.pulse.trouble(now)
	if act == allKnocks && c.pulse.tries > 1 {
		c.hedgeLocked(now)
	}
	var small [][]byte
	switch silence := c.pulse.silence(now); {
	case c.config.Transport != "quic" || silence > slowAfter:
	case trouble:
		small = c.keep.small(c.pulse.since.Add(-slack))
	case act == allKnocks: // the network changed: what was just sent may be lost
		small = c.keep.small(now.Add(-c.pulse.rto()))
	}
	for _, l := range c.links {
		if l != c.current && (act == oneKnock || !trouble) || l.stalledLocked() {
			continue
		}
		out = append(out, outgoing{l, c.knockLocked(now, l, true)})
		for _, d := range small {
			out = append(out, outgoing{l, d})
		}
	}
	return out
}

// hedgeLocked opens a second socket: to a NAT or a firewall that holds
// something against the first one it is somebody else.
func (c *Client) hedgeLocked(now time.Time) {
	if !c.allows(wire.UDP) {
		return
	}
	for _, s := range c.sockets {
		if len(c.sockets) > 1 && now.Sub(s.born) > hedgeTime && (c.current == nil || s != c.current.socket) {
			c.closeSocketLocked(s)
			break
		}
	}
	if len(c.sockets) > 1 || c.openSocket(now) != nil {
		return
	}
	s := c.sockets[len(c.sockets)-1]
	c.work.Go(func() { c.readSocket(s) })
}

// climbLocked returns knocks that ask whether a better path works, without a
// claim: nothing moves until the answer came.
func (c *Client) climbLocked(now time.Time) (out []outgoing) {
	if c.current == nil || c.current.kind == wire.UDP || c.pulse.suspect(now) {
		return nil
	}
	due := now.Sub(c.climb.probed) >= climbEvery
	for _, l := range c.links {
		if l.kind < c.current.kind && (due || l.acked > l.asked) {
			l.asked = l.acked
			out = append(out, outgoing{l, c.knockLocked(now, l, false)})
		}
	}
	if due {
		c.climb.probed = now
	}
	return out
}

// tidyLocked closes the paths that lost: after a while, for what is under way
// on them still counts.
func (c *Client) tidyLocked(now time.Time) {
	if c.current == nil || c.pulse.suspect(now) || now.Sub(c.state.Since) < spareTime {
		return
	}
	for _, s := range slices.Clone(c.sockets) {
		if len(c.sockets) > 1 && s != c.current.socket && now.Sub(s.born) > spareTime {
			c.closeSocketLocked(s)
		}
	}
	for _, l := range c.links {
		if l.stream != nil && l != c.current && now.Sub(l.born) > spareTime && l.kind >= c.current.kind {
			l.stream.close() // its reader forgets it
		}
	}
}

// tryingLocked says what is tried, for the notice.
func (c *Client) tryingLocked() string {
	var names []string
	for _, l := range c.links {
		if name := l.String(); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if c.tcp.running > 0 {
		names = append(names, "connecting by TCP")
	}
	if c.ssh.running > 0 {
		names = append(names, "logging in by ssh")
	}
	return strings.Join(names, ", ")
}
