package proxy

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"time"

	"tssh/proxy/path"
	"tssh/proxy/wire"
)

// ClientConfig is what a Client is made of.
type ClientConfig struct {
	Secret    [32]byte // of the greeting
	Transport string   // "quic" or "kcp"
	Mode      string   // which kinds of path may be used; empty: Auto
	// Servers are where the server may be reached, the likeliest first. More
	// than six are not tried.
	Servers []netip.AddrPort
	// Carrier opens a path through ssh, logging in again if need be: at once when
	// fresh, since the login that stands seems dead. Nil: there is no such path.
	// It is called again when the path died.
	Carrier   func(ctx context.Context, fresh bool) (io.ReadWriteCloser, error)
	Heartbeat time.Duration // silent longer than this, other kinds of path are tried at the latest; 0: 3 s
	Alive     time.Duration // silent longer than this, the client gives up; 0: DefaultAlive
	Returned  func()        // called when contact came back after an outage; nil: nothing is
	Network   path.Network  // nil: this machine's
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
		config.Mode = Auto
	}
	config.Servers = config.Servers[:min(len(config.Servers), maxServers)]
	c := &Client{
		config: config, codec: wire.NewClient(config.Secret), trusted: slices.Clone(config.Servers), online: true,
		done: make(chan struct{}), kick: make(chan struct{}, 1), news: make(chan struct{}, 1),
	}
	now := time.Now()
	c.state.Since, c.pulse.heard = now, now
	c.face.open(config.Transport, 0, c.transmit)
	if c.allows(wire.UDP) {
		if err := c.openSocket(now); err != nil && !c.allows(wire.TCP) && !c.allows(wire.SSH) {
			return nil, err
		}
	}
	if len(c.links) == 0 && !c.allows(wire.TCP) && !c.allows(wire.SSH) {
		return nil, fmt.Errorf("dial: mode %s leaves no way to the server", config.Mode)
	}
	c.ctx, c.cancel = context.WithCancel(ctx)
	for _, s := range c.sockets {
		c.work.Go(func() { c.readSocket(s) })
	}
	c.work.Go(c.run)
	return c, nil
}
