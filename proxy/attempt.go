package proxy

import (
	"context"
	"io"
	"net"
	"net/netip"
	"slices"
	"time"

	"tssh/proxy/wire"
)

const (
	tcpAfter     = 500 * time.Millisecond // of silence, TCP is tried too,
	sshAfter     = time.Second            // and ssh
	dialTimeout  = 5 * time.Second        // of an attempt by TCP,
	maxDials     = 3                      // attempts at once, each after a change of the network,
	dialSpacing  = 200 * time.Millisecond // and between the server's addresses in it
	rareAfter    = 5 * time.Minute        // of silence, attempts grow rare
	rarePause    = time.Minute
	attemptPause = 15 * time.Second // between attempts to open a stream, at most
)

// attempt is the opening of a stream path.
type attempt struct {
	running int
	last    time.Time
	tries   int // since a knock was answered on such a path
}

// due reports whether another attempt may begin after that silence.
func (a *attempt) due(now time.Time, silence, after time.Duration) bool {
	pause, most := time.Second, attemptPause
	if silence > rareAfter {
		most = rarePause
	}
	if a.tries > 0 {
		pause = min(after<<min(a.tries-1, 8), most)
	}
	return a.running == 0 && (a.last.IsZero() || now.Sub(a.last) >= pause)
}

// attempt returns that of the stream paths of kind k.
func (c *Client) attempt(k wire.Kind) *attempt {
	if k == wire.SSH {
		return &c.ssh
	}
	return &c.tcp
}

// retryLocked makes the next attempts to open streams come soon.
func (c *Client) retryLocked() {
	c.tcp.tries, c.ssh.tries = min(c.tcp.tries, 1), min(c.ssh.tries, 1)
}

// streamsLocked begins what stream paths are wanted now.
func (c *Client) streamsLocked(now time.Time) {
	silence := c.pulse.silence(now)
	wanted := func(k wire.Kind, after time.Duration) bool {
		switch {
		case !c.allows(k):
			return false
		case c.current == nil:
			return c.config.Mode != Auto || now.Sub(c.state.Since) >= after || len(c.sockets) == 0
		case c.dropped:
			return true
		case c.current.kind > k && !c.pulse.suspect(now):
			return !c.hasLocked(k) // a better path than the one in use
		}
		return silence >= min(after, c.config.Heartbeat) && silence > 2*c.pulse.rto() && c.pulse.tries > 1
	}
	if wanted(wire.TCP, tcpAfter) && c.tcp.due(now, silence, 2*time.Second) || c.uprootedLocked(now, wire.TCP) {
		c.start(&c.tcp, now, func(ctx context.Context) (io.ReadWriteCloser, netip.AddrPort, error) {
			return c.dialTCP(ctx)
		}, wire.TCP)
	}
	if wanted(wire.SSH, sshAfter) && c.ssh.due(now, silence, 5*time.Second) || c.uprootedLocked(now, wire.SSH) {
		fresh := c.pulse.trouble(now) && (c.hasLocked(wire.SSH) || c.pulse.heard.Before(c.changed))
		c.start(&c.ssh, now, func(ctx context.Context) (io.ReadWriteCloser, netip.AddrPort, error) {
			rwc, err := c.config.Carrier(ctx, fresh)
			return rwc, netip.AddrPort{}, err
		}, wire.SSH)
	}
}

// uprootedLocked reports whether the connection in use, of kind k, seems to have died with
// the address that it came from: no answer since the network changed. The next
// one is not put off then, not even for one that was begun before.
func (c *Client) uprootedLocked(now time.Time, k wire.Kind) bool {
	a := c.attempt(k)
	return c.current != nil && c.current.kind == k && c.pulse.tries > 0 &&
		c.pulse.heard.Before(c.changed) && now.Sub(c.changed) >= c.pulse.rto() &&
		a.last.Before(c.changed) && a.running < maxDials
}

func (c *Client) hasLocked(k wire.Kind) bool {
	return slices.ContainsFunc(c.links, func(l *link) bool { return l.kind == k })
}

// start opens a stream path in the background and uses it as a link.
func (c *Client) start(a *attempt, now time.Time, open func(context.Context) (io.ReadWriteCloser, netip.AddrPort, error), k wire.Kind) {
	a.last = now
	a.running++
	a.tries++
	c.work.Go(func() {
		rwc, remote, err := open(c.ctx)
		c.mu.Lock()
		a.running--
		if err != nil || c.ctx.Err() != nil {
			c.mu.Unlock()
			if err == nil {
				rwc.Close()
			}
			c.logf("open a path over %s: %v", k, err)
			return
		}
		now := time.Now()
		l := &link{kind: k, stream: newStream(rwc), remote: remote, born: now}
		c.links = append(c.links, l)
		if c.current == nil {
			c.current = l
		}
		claim := l == c.current || c.pulse.suspect(now)
		packet := c.knockLocked(now, l, claim)
		c.mu.Unlock()
		if !c.cut.Load() {
			l.knock(packet)
		}
		c.runStream(l)
		c.dropStream(l)
	})
}

// dialTCP connects to the server's addresses, each a moment after the one
// before, and keeps the first connection.
func (c *Client) dialTCP(ctx context.Context) (io.ReadWriteCloser, netip.AddrPort, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	type result struct {
		conn net.Conn
		to   netip.AddrPort
		err  error
	}
	results := make(chan result)
	for i, to := range c.config.Servers {
		go func() {
			select {
			case <-time.After(time.Duration(i) * dialSpacing):
			case <-ctx.Done():
			}
			conn, err := c.config.Network.DialTCP(ctx, to)
			results <- result{conn, to, err}
		}()
	}
	var best result
	for range c.config.Servers {
		switch r := <-results; {
		case r.err != nil:
			best.err = r.err
		case best.conn == nil:
			best = r
			cancel() // the others need not go on
		default:
			r.conn.Close()
		}
	}
	if best.conn == nil {
		return nil, netip.AddrPort{}, best.err
	}
	return best.conn, best.to, nil
}

// dropStream forgets a stream path that ended, and looks for another at once
// if it was in use.
func (c *Client) dropStream(l *link) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.links = slices.DeleteFunc(c.links, func(x *link) bool { return x == l })
	if c.current != l {
		return
	}
	c.current, c.dropped = nil, true
	if len(c.links) > 0 {
		c.current = c.links[0]
	}
	now := time.Now()
	if c.pulse.since.IsZero() {
		c.pulse.since = now
	}
	c.pulse.tries = max(c.pulse.tries, 2)
	c.pulse.hasten(now)
	token(c.kick)
}
