package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/ssh"

	"tssh/client/bootstrap"
	"tssh/client/config"
	"tssh/client/idle"
	"tssh/client/login"
	"tssh/client/session"
	"tssh/client/status"
	"tssh/client/tty"
	"tssh/proxy"
	"tssh/proxy/mux"
	"tssh/proxy/sshconn"
	"tssh/proxy/wire"
)

// farewell is how long the polite end of a session may take: the server must
// have read everything by then, or the network is gone.
const farewell = 5 * time.Second

// lastKnock is how long a server that seemed gone may take to answer before
// we leave without a farewell. Whoever gave up must not notice.
const lastKnock = 400 * time.Millisecond

// moveTimeout is how long the first contact with tsshd may take, over all paths.
const moveTimeout = 30 * time.Second

// roaming is a session that moved from ssh's connection onto the proxies.
type roaming struct {
	host   *config.Host
	client *ssh.Client
	conn   ssh.Conn // the client's, whose end is told in ssh's words
	proxy  *proxy.Client
	mux    mux.Conn
	login  *carrier
	since  time.Time
	toy    bool // of the demo: its network can be cut
	isCut  atomic.Bool
	said   []byte         // by ~/.ssh/rc, which sshd ran before our command
	told   *status.Server // nil: nobody can ask from outside
	once   sync.Once
}

// roam starts tsshd, which is binary when there is none yet, on the server that
// l is logged in to and moves there. It returns the login that stands afterwards.
func (v *invocation) roam(ctx context.Context, l *login.Login, binary *bootstrap.Binary) (*roaming, *login.Login, error) {
	identity, err := mux.NewIdentity()
	if err != nil {
		return nil, l, err
	}
	forced := l.Forced
	if !v.host.UdpFallback { // then it has to pass our command on
		forced = nil
	}
	started, err := bootstrap.Start(ctx, l.Client, bootstrap.Request{
		Offer: wire.Offer{
			Transport: v.host.UdpMode,
			Ports:     v.host.UdpPort,
			ClientPin: identity.Pin(),
			Alive:     v.host.UdpAliveTimeout,
			Heartbeat: v.host.UdpHeartbeatTimeout,
			MTU:       v.host.UdpMTU,
			Proxy:     v.host.UdpProxyMode,
			Keys:      keysOf(l),
		},
		TsshdPath: v.host.TsshdPath,
		Binary:    binary,
		Forced:    forced,
		Stderr:    os.Stderr,
		Progress:  tty.IsTerminal(os.Stderr) && v.sink.Step(0) > 0,
		Logf:      v.log.Debugf,
	})
	if err != nil {
		return nil, l, err
	}
	if started.Complaint != "" {
		v.log.Infof("tssh: %s: %s", v.host.HostName, started.Complaint)
	}
	for _, w := range started.Warnings {
		if note, ok := strings.CutPrefix(w, "note: "); ok {
			v.log.Debugf("tsshd: %s", note)
			continue
		}
		v.log.Infof("tssh: %s: %s", v.host.HostName, w)
	}
	var said []byte
	if started.RC {
		said = started.Said
	}
	r := &roaming{said: said, host: v.host, login: newCarrier(l, started), since: time.Now()}
	if err := r.move(ctx, v, identity, started.Greeting); err != nil {
		r.leave()
		return nil, r.login.current(), err
	}
	if r.told, err = status.Serve(status.Dir(), r.report); err != nil {
		v.log.Debugf("tssh --status will not show this session: %v", err)
	}
	return r, l, nil
}

// keysOf tells tsshd which keys the user logged in by, so that their limits
// hold there too: sshd keeps to itself which they were.
func keysOf(l *login.Login) (keys []wire.Key) {
	for _, k := range l.Keys {
		keys = append(keys, wire.KeyOf(k))
	}
	return keys
}

// move opens the proxy, the transport on it, and ssh's channels on that.
func (r *roaming) move(ctx context.Context, v *invocation, identity *mux.Identity, g wire.Greeting) (err error) {
	var up atomic.Pointer[mux.Conn]
	where := addressesOf(r.login.current(), g)
	r.proxy, err = proxy.Dial(ctx, proxy.ClientConfig{
		Secret:    g.Secret,
		Transport: v.host.UdpMode,
		Mode:      v.host.UdpProxyMode,
		Servers:   where,
		Carrier:   r.login.open,
		Heartbeat: v.host.UdpHeartbeatTimeout,
		Alive:     v.host.UdpAliveTimeout,
		Logf:      v.log.Debugf,
		Returned: func() {
			if m := up.Load(); m != nil {
				(*m).Returned()
			}
		},
	})
	if err != nil {
		return err
	}
	patience, cancel := context.WithTimeout(ctx, moveTimeout)
	defer cancel()
	r.mux, err = mux.Dial(patience, v.host.UdpMode, r.proxy, r.proxy.Peer(), mux.Config{
		Identity: identity, PeerPin: g.ServerPin, Secret: g.Secret,
		MTU: v.host.UdpMTU, Logf: v.log.Debugf,
	})
	if err != nil && patience.Err() != nil {
		return unreachable(v.host, where)
	}
	if err != nil {
		return fmt.Errorf("move to %s: %w", v.host.UdpMode, err)
	}
	up.Store(&r.mux)
	go func() {
		select {
		case <-r.proxy.Done(): // the server was silent for longer than the session may be alone
		case <-r.login.gone:
		}
		r.mux.Close()
	}()
	old := r.login.current().Client
	conn, chans, reqs := sshconn.Client(r.mux, sshconn.Meta{
		User: old.User(), Local: old.LocalAddr(), Remote: old.RemoteAddr(), SessionID: old.SessionID(),
		ClientVersion: old.ClientVersion(), ServerVersion: old.ServerVersion(),
	})
	limits := idle.New(v.host.ChannelTimeout, v.log)
	conn, chans = limits.Watch(conn, chans)
	limits.Start()
	r.conn = &roamingConn{Conn: conn, host: v.host, silent: r.proxy.Done(), gone: r.login.gone}
	r.client = ssh.NewClient(r.conn, chans, reqs)
	return nil
}

// unreachable says that nothing came back on any path, and what to do about it.
func unreachable(h *config.Host, where []netip.AddrPort) error {
	if len(where) == 0 {
		return errors.New("no path to tsshd: it has no port that can be reached, and the path through ssh did not work")
	}
	hint := "a firewall may block it; try -o UdpProxyMode=auto"
	if h.UdpProxyMode == "auto" {
		hint = "try tssh --doctor " + h.Original
	}
	return fmt.Errorf("dial %v: no answer from tsshd for %v\ntssh: hint: %s", where[0], moveTimeout, hint)
}

// roamingConn tells of the end of a session in ssh's words.
type roamingConn struct {
	ssh.Conn
	host   *config.Host
	silent <-chan struct{} // closed when the server was silent for too long
	gone   <-chan struct{} // closed when the server has ended without a word
}

// Wait returns when the session has ended.
func (c *roamingConn) Wait() error {
	err := c.Conn.Wait()
	select {
	case <-c.gone:
		return &login.Error{Words: fmt.Sprintf("Connection to %s closed by remote host.", c.host.HostName), Cause: err}
	case <-c.silent:
		if !errors.Is(err, io.EOF) {
			return &login.Error{Words: fmt.Sprintf("Timeout, server %s not responding.", c.host.HostName), Cause: err}
		}
	default:
	}
	return err
}

// addressesOf are the addresses to try: the one that ssh reached before all others.
func addressesOf(l *login.Login, g wire.Greeting) []netip.AddrPort {
	var all []netip.AddrPort
	seen := map[netip.Addr]bool{}
	add := func(a netip.Addr) {
		if a = a.Unmap(); a.IsValid() && !seen[a] {
			seen[a] = true
			all = append(all, netip.AddrPortFrom(a, uint16(g.Port)))
		}
	}
	if g.Port == 0 {
		return nil
	}
	if l.Remote != nil {
		add(l.Remote.AddrPort().Addr())
	}
	for _, a := range l.Addrs {
		add(a)
	}
	for _, a := range g.Addrs {
		add(a)
	}
	return all
}

// Dial connects from the server, for what goes through it.
func (r *roaming) Dial(network, address string) (net.Conn, error) {
	return r.client.Dial(network, address)
}

// Close ends the session politely as long as the server answers. It may be
// called twice.
func (r *roaming) Close() (err error) {
	r.once.Do(func() { err = errors.Join(r.end(), r.login.Close()) })
	return err
}

// leave is Close that keeps the login.
func (r *roaming) leave() { r.once.Do(func() { r.end() }) }

func (r *roaming) end() error {
	var err error
	if r.told != nil {
		r.told.Close()
	}
	if r.mux != nil {
		ctx, cancel := context.WithTimeout(context.Background(), farewell)
		defer cancel()
		if !r.heard() {
			cancel() // nobody to take leave of
		}
		err = r.mux.Shutdown(ctx)
	}
	if r.proxy != nil {
		err = errors.Join(err, r.proxy.Close())
	}
	return err
}

// heard reports whether the server can be reached now. When it seems not, it
// is asked once more: an idle session may not know yet that the network is back,
// and a server that hears no farewell waits for UdpAliveTimeout.
func (r *roaming) heard() bool {
	if r.proxy.State().Online {
		return true
	}
	r.proxy.Moved()
	moment := time.NewTimer(lastKnock)
	defer moment.Stop()
	for {
		select {
		case <-r.proxy.Watch():
			if r.proxy.State().Online {
				return true
			}
		case <-moment.C:
			return r.proxy.State().Online
		}
	}
}

// observe shows a session how the way to the server is.
func (r *roaming) observe(o *session.Options) {
	o.Status = r.status
	if r.toy {
		o.Cut = r.cut
	}
	o.Link = &session.Link{
		Changed: r.proxy.Watch(),
		State: func() session.LinkState {
			s := r.proxy.State()
			return session.LinkState{Online: s.Online, Lost: s.Lost, Heard: s.Heard, Trying: s.Trying}
		},
	}
}

// cut takes the network of the demo away, or gives it back.
func (r *roaming) cut() string {
	on := r.isCut.CompareAndSwap(false, true)
	if !on {
		r.isCut.Store(false)
	}
	r.proxy.Cut(on)
	if on {
		return "the network is cut; Enter and ~! again restores it"
	}
	return "the network is back"
}
