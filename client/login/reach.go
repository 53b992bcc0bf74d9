package login

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"

	"golang.org/x/crypto/ssh"

	"tssh/client/config"
	"tssh/client/voice"
)

// path is the way to a host.
type path struct {
	conn   net.Conn
	addrs  []netip.Addr
	direct bool
	roams  bool
	close  func() error // ends what conn goes through
}

// reach opens the way that the configuration says: a command, other hosts, or
// straight.
func reach(ctx context.Context, h *config.Host, o Options) (*path, error) {
	switch {
	case len(o.before) > 0: // what is written for the host alone gives way to the list
		return jump(ctx, h, o.before, o)
	case h.ProxyCommand != "" && h.ProxyCommand != "none":
		return command(h, o)
	case len(h.ProxyJump) > 0:
		hops, err := h.Jumps()
		if err != nil {
			return nil, &Error{Words: err.Error(), Cause: err}
		}
		return jump(ctx, h, hops, o)
	}
	var conn net.Conn
	var addrs []netip.Addr
	var err error
	if o.silent {
		conn, addrs, err = reconnect(ctx, h, o.last, o.Log)
	} else {
		conn, addrs, err = connect(ctx, h, o.Log)
	}
	if err != nil {
		return nil, err
	}
	return &path{conn: conn, addrs: addrs, direct: true, close: func() error { return nil }}, nil
}

// maxJumps stops configurations that jump in circles.
const maxJumps = 16

// jump logs in to one host after the other, each through the one before, and
// returns a connection from the last of them to h.
func jump(ctx context.Context, h *config.Host, hops []config.Jump, o Options) (*path, error) {
	last := hops[len(hops)-1]
	if o.Resolve == nil || o.depth+len(hops) > maxJumps {
		return nil, &Error{Words: fmt.Sprintf("ProxyJump %s: too many jumps", last)}
	}
	via, err := o.Resolve(last.Host, last.User, last.Port)
	if err != nil {
		return nil, err
	}
	o.depth++
	o.Log.Debugf("Setting implicit ProxyCommand from ProxyJump: %s", last)
	again := o
	again.memory, again.last, again.before = nil, netip.Addr{}, hops[:len(hops)-1]
	through, roams, err := stepOn(ctx, via, again)
	if err != nil {
		if ctx.Err() != nil || o.silent {
			return nil, err
		}
		o.Log.Errorf("%v", err)
		return nil, proxyGone(o, err)
	}
	conn, err := through.Dial("tcp", net.JoinHostPort(h.HostName, strconv.Itoa(h.Port)))
	if err != nil {
		through.Close()
		var open *ssh.OpenChannelError
		if errors.As(err, &open) {
			o.Log.Infof("channel 0: open failed: %s: %s", voice.Refusal(open.Reason), open.Message)
			o.Log.Errorf("stdio forwarding failed")
		}
		return nil, proxyGone(o, err)
	}
	return &path{conn: unnamed{conn}, roams: roams, close: through.Close}, nil
}

// moves reports whether the login to a host on the way leaves ssh's connection.
func moves(via *config.Host, o Options) bool { return via.UdpMode != "" && o.Move != nil }

// stepOn logs in to a host that leads to others, and moves the login where its
// configuration says so: then all that goes through it outlives networks.
func stepOn(ctx context.Context, via *config.Host, o Options) (t Through, roams bool, err error) {
	o.Moves = moves(via, o)
	l, err := Dial(ctx, via, o)
	if err != nil {
		return nil, false, err
	}
	t = l
	if o.Moves {
		if t, err = o.Move(ctx, l, via); err != nil {
			l.Close()
			return nil, false, err
		}
	}
	stayed, ok := t.(*Login)
	if ok {
		stayed.Forget()
		stayed.Stay()
		stayed.LimitIdle()
	}
	return t, !ok, nil
}

// proxyGone is what ssh says when the command that stands for a jump ends.
func proxyGone(o Options, err error) error {
	o.Log.Errorf("kex_exchange_identification: Connection closed by remote host")
	return &Error{Words: "Connection closed by UNKNOWN port 65535", Cause: err}
}

// unnamed is a connection whose other end has no address that says anything.
type unnamed struct{ net.Conn }

// RemoteAddr says so.
func (unnamed) RemoteAddr() net.Addr { return nowhere{} }

// nowhere is the address of what a proxy leads to.
type nowhere struct{}

func (nowhere) Network() string { return "proxy" }
func (nowhere) String() string  { return "UNKNOWN" }
