package proxy

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"time"

	"tssh/proxy/path"
	"tssh/proxy/roam"
	"tssh/proxy/wire"
)

// ClientConfig is what a Client is made of.
type ClientConfig struct {
	Secret    [32]byte // of the greeting
	Transport wire.Transport
	Mode      wire.Mode // which kinds of path may be used; empty: wire.Auto
	// Servers are where the server may be reached, the likeliest first. More
	// than six are not tried.
	Servers []netip.AddrPort
	// Carrier opens a path through ssh, logging in again if need be: at once when
	// fresh, since the login that stands seems dead. Nil: there is no such path.
	// It is called again when the path died.
	Carrier   func(ctx context.Context, fresh bool) (io.ReadWriteCloser, error)
	Heartbeat time.Duration // silent longer than this, other kinds of path are tried at the latest; 0: 3 s
	Alive     time.Duration // silent longer than this, the client gives up; 0: DefaultAlive
	Bulk      bool          // QUIC has a second connection, for bulk, below which losses over UDP are repaired; both ends agree, and on Halves
	Halves    bool          // large datagrams may be cut in two; both ends agree
	MTU       int           // the transport's largest datagram in bytes; 0: it finds what passes
	Returned  func()        // called when contact came back after an outage; nil: nothing is
	Network   path.Network  // nil: this machine's
	Early     *Early        // the transport's end, which has said its first words; nil: a new one
	Logf      func(string, ...any)
}

// Dial opens the client's paths. It does not wait for the server: the first
// knock leaves with the transport's first datagrams. The paths end with ctx,
// with Close, or when the server was silent for Alive.
func Dial(ctx context.Context, config ClientConfig) (*Client, error) {
	if config.Network == nil {
		config.Network = path.Host{}
	}
	if config.Alive <= 0 {
		config.Alive = DefaultAlive
	}
	if config.Heartbeat <= 0 {
		config.Heartbeat = 3 * time.Second
	}
	if config.Mode == "" {
		config.Mode = wire.Auto
	}
	config.Servers = config.Servers[:min(len(config.Servers), maxServers)]
	c := &Client{
		config: config, codec: wire.NewClient(config.Secret),
		done: make(chan struct{}), kick: make(chan struct{}, 1), news: make(chan struct{}, 1),
	}
	kinds := config.kinds()
	if len(kinds) == 0 {
		return nil, fmt.Errorf("dial: mode %s leaves no way to the server", config.Mode)
	}
	c.machine = roam.New(roam.Config{
		Kinds: kinds, Servers: config.Servers, Resend: config.Transport == wire.QUIC,
		Heartbeat: config.Heartbeat, Alive: config.Alive, Seal: c.codec.Seal,
	}, time.Now())
	c.large.free = config.MTU == 0
	if config.Halves {
		c.large.codec = wire.NewClientLarge(config.Secret)
	}
	c.Conn, c.feed = config.Early.end(config.Transport, c.transmit)
	c.ctx, c.cancel = context.WithCancel(ctx)
	if config.Bulk && config.Transport == wire.QUIC {
		deliver := func(b []byte) { c.feed.Deliver(b, 0, 0, true) }
		c.mend = newMender(wire.NewClientRepair(config.Secret), deliver, c.sendBulk)
		c.feed.Mend(c.mend.mends)
		c.work.Go(c.mend.run)
	}
	if c.machine.Allows(wire.UDP) {
		if err := c.listen(); err != nil && len(kinds) == 1 {
			c.cancel()
			c.mend.close()
			return nil, err
		}
	}
	c.feed.Redirect(c.transmit) // of an early one
	c.work.Go(c.run)
	return c, nil
}

// kinds are those of path that config allows.
func (config *ClientConfig) kinds() (kinds []wire.Kind) {
	auto := config.Mode == wire.Auto
	if (auto || config.Mode == wire.OnlyUDP) && len(config.Servers) > 0 {
		kinds = append(kinds, wire.UDP)
	}
	if (auto || config.Mode == wire.OnlyTCP) && len(config.Servers) > 0 {
		kinds = append(kinds, wire.TCP)
	}
	if (auto || config.Mode == wire.OnlySSH) && config.Carrier != nil {
		kinds = append(kinds, wire.SSH)
	}
	return kinds
}
