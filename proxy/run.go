package proxy

import (
	"context"
	"io"
	"net"
	"net/netip"
	"time"

	"tssh/proxy/path"
	"tssh/proxy/roam"
	"tssh/proxy/wire"
)

const (
	dialTimeout = 5 * time.Second        // of an attempt by TCP,
	dialSpacing = 200 * time.Millisecond // and between the server's addresses in it
)

// run is the client's one timer: it steps the machine, obeys it, and sleeps.
func (c *Client) run() {
	defer c.shut()
	changes := c.config.Network.Watch(c.ctx)
	timer := time.NewTimer(0)
	defer timer.Stop()
	sleep := path.NewSleep(time.Now())
	for {
		select {
		case <-c.ctx.Done():
			return
		case <-changes:
			c.Moved()
		case <-c.kick:
		case <-timer.C:
		}
		now := time.Now()
		c.mu.Lock()
		c.machine.Slept(sleep.Total(now))
		e, next := c.machine.Step(now)
		c.mu.Unlock()
		if next.IsZero() {
			c.logf("the server was silent for %s", c.config.Alive)
			return
		}
		c.obey(e)
		timer.Reset(max(0, next.Sub(now)))
	}
}

// shut closes what the goroutines wait for.
func (c *Client) shut() {
	close(c.done) // first: who sees the transport fail may ask why
	c.cancel()
	c.feed.Close()
	c.mend.close()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range c.machine.Ports() {
		closePort(p)
	}
}

func closePort(port any) {
	switch x := port.(type) {
	case *stream:
		x.close()
	case path.Socket:
		x.Close()
	}
}

// obey does what the machine wants done.
func (c *Client) obey(e roam.Effects) {
	for _, p := range e.Close {
		closePort(p)
	}
	if e.Path != nil {
		c.large.moved()
		c.mend.moved(e.Path.Kind == wire.UDP)
	}
	if !c.cut.Load() {
		for _, p := range e.Send {
			c.send(p.On, p.Data)
		}
	}
	for _, d := range e.Dial {
		c.work.Go(func() { c.open(d) })
	}
	if e.Listen {
		c.listen()
	}
	if e.Path != nil {
		c.logf("the path is now %s", e.Path)
	}
	if e.Returned {
		c.large.moved()
		c.mend.resume()
		c.logf("contact after %s", e.After.Round(time.Millisecond))
		if c.config.Returned != nil {
			c.work.Go(c.config.Returned)
		}
	}
	if e.News {
		token(c.news)
	}
	if e.Wake {
		token(c.kick)
	}
}

// listen opens a UDP socket for the machine. One that can't be had may be asked
// for again.
func (c *Client) listen() error {
	s, err := c.config.Network.ListenUDP(0)
	if err != nil {
		return err
	}
	c.mu.Lock()
	e := c.machine.Bound(time.Now(), s)
	c.mu.Unlock()
	c.work.Go(func() { c.readSocket(s) })
	c.obey(e)
	return nil
}

func (c *Client) readSocket(s path.Socket) {
	defer s.Close()
	b := make([]byte, readSize)
	for {
		n, e, err := s.ReadDatagrams(b)
		if err != nil {
			return
		}
		trusted := func() bool {
			c.mu.Lock()
			defer c.mu.Unlock()
			return c.machine.Trusts(e.Peer)
		}
		split(b[:n], e.Segment, func(b []byte, segment int) {
			if trusted() {
				c.receive(b, segment, e.ECN, false)
			}
		}, func(b []byte) { c.other(e.Peer, trusted, b, e.ECN) })
		if !e.More {
			c.taken()
		}
	}
}

// open opens a stream path and serves it until it ends.
func (c *Client) open(d roam.Dial) {
	rwc, remote, err := c.dial(d)
	c.mu.Lock()
	if err != nil || c.ctx.Err() != nil {
		c.machine.Failed(d.Kind)
		c.mu.Unlock()
		if err == nil {
			rwc.Close()
		}
		c.logf("open a path over %s: %v", d.Kind, err)
		return
	}
	x := newStream(rwc)
	p, e := c.machine.Opened(time.Now(), d.Kind, remote, x)
	c.mu.Unlock()
	c.obey(e)
	c.runStream(p, x)
	c.mu.Lock()
	e = c.machine.Ended(time.Now(), p)
	c.mu.Unlock()
	c.obey(e)
}

func (c *Client) dial(d roam.Dial) (rwc io.ReadWriteCloser, remote netip.AddrPort, err error) {
	if d.Kind == wire.TCP {
		return c.dialTCP(c.ctx)
	}
	rwc, err = c.config.Carrier(c.ctx, d.Fresh)
	return rwc, remote, err
}

// runStream serves a stream path until it ends.
func (c *Client) runStream(p *roam.Path, x *stream) {
	defer x.close()
	c.work.Go(x.write)
	r := x.reader
	if err := wire.SkipPreface(r, wire.Preface(c.config.Secret)); err != nil {
		c.logf("%s: %v", p, err)
		return
	}
	b := make([]byte, wire.MaxDatagram)
	for {
		d, err := wire.ReadFrame(r, b)
		if err != nil {
			c.logf("%s: %v", p, err)
			return
		}
		if wire.IsTransport(d) {
			c.receive(d, 0, 0, false)
		} else {
			c.other(netip.AddrPort{}, func() bool { return true }, d, 0)
		}
		c.taken()
	}
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
