// Package roam moves a login off ssh's connection onto the proxies: it starts tsshd
// on the server and opens the session there, and gives it streams through ssh
// for as long as it lives.
package roam

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
	"tssh/client/status"
	"tssh/client/voice"
	"tssh/proxy"
	"tssh/proxy/mux"
	"tssh/proxy/proof"
	"tssh/proxy/sshconn"
	"tssh/proxy/terms"
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

// Config says how a session is to be. For makes one of a host's configuration.
type Config struct {
	Original string // the host as the user named it
	HostName string
	User     string

	Transport wire.Transport // as UdpMode has it
	Mode      wire.Mode      // which paths: UdpProxyMode
	Ports     string
	Alive     time.Duration // how long the session may be without its server
	Heartbeat time.Duration
	MTU       int       // of datagrams, in bytes; 0: what is found to pass
	Whole     bool      // large ones are never cut, for who asks whether they pass
	Keep      wire.Keep // of programs' output, while we are away
	TsshdPath string    // "": where it is found, or sent to
	Repair    bool      // send again what the path loses, before QUIC misses it
	Fallback  bool      // a session that can't be had is ssh's own instead

	Ask  terms.Ask // Begin, Attach or Join
	Name string    // of the session; "": any
	Tell bool      // find out whether sessions wait there

	ChannelTimeout []string // type=interval

	Binary   *bootstrap.Binary // to send where there is no tsshd; nil: none
	Progress bool              // show on standard error how far the sending is
	Log      voice.Log         // nil: silent

	patience time.Duration // with QUIC's first word, as in proxy.Early
}

// For is the Config that h asks for, without a binary and a log.
func For(h *config.Host) Config {
	return Config{
		Original: h.Original, HostName: h.HostName, User: h.User,
		Transport: h.UdpMode, Mode: h.UdpProxyMode, Ports: h.UdpPort,
		Alive: h.UdpAliveTimeout, Heartbeat: h.UdpHeartbeatTimeout, MTU: h.UdpMTU, Keep: h.UdpKeepOutput,
		TsshdPath: h.TsshdPath, Repair: h.UdpRepair, Fallback: h.UdpFallback,
		ChannelTimeout: h.ChannelTimeout,
	}
}

// Session is a session that moved from ssh's connection onto the proxies.
type Session struct {
	cfg     Config
	client  *ssh.Client
	conn    ssh.Conn // the client's, whose end is told in ssh's words
	proxy   *proxy.Client
	mux     mux.Conn
	carrier *carrier
	since   time.Time
	word    atomic.Pointer[string] // of the server's, at the end; nil: none
	said    []byte                 // by ~/.ssh/rc, which sshd ran before our command
	running sync.WaitGroup         // what ends with proxy and mux
	status  *status.Server         // nil: nobody can ask from outside
	once    sync.Once
}

// Client opens channels on the session.
func (s *Session) Client() *ssh.Client { return s.client }

// Conn is the Client's connection, whose end is told in ssh's words.
func (s *Session) Conn() ssh.Conn { return s.conn }

// Said is what ~/.ssh/rc wrote, which sshd ran before our command.
func (s *Session) Said() []byte { return s.said }

// Name is what the session is called; "": nothing, by an older tsshd.
func (s *Session) Name() string { return s.carrier.started.Session }

// Terminal is the one that runs there and is to be attached; 0: none.
func (s *Session) Terminal() uint32 { return s.carrier.started.Terminal }

// Waiting are the names of other sessions that a client could come back to, where
// that was to be found out.
func (s *Session) Waiting() []string { return s.carrier.started.Waiting }

// Word is why the server ends the session, in its words; "": it said nothing.
func (s *Session) Word() string {
	if w := s.word.Load(); w != nil {
		return *w
	}
	return ""
}

// State is how the way to the server is.
func (s *Session) State() proxy.State { return s.proxy.State() }

// Watch tells of changes of the State.
func (s *Session) Watch() <-chan struct{} { return s.proxy.Watch() }

// Cut takes the network away, or gives it back.
func (s *Session) Cut(on bool) { s.proxy.Cut(on) }

// Confirmed returns when the server has answered over the session.
func (s *Session) Confirmed(ctx context.Context) error { return s.mux.Confirmed(ctx) }

// Server is the tsshd that was started.
func (s *Session) Server() bootstrap.Started { return s.carrier.started }

// Open starts tsshd on the server that l is logged in to and moves there. It
// returns the login that stands afterwards.
func Open(ctx context.Context, l *login.Login, c Config) (*Session, *login.Login, error) {
	identity, err := mux.NewIdentity()
	if err != nil {
		return nil, l, err
	}
	forced := l.Forced
	if !c.Fallback { // then it has to pass our command on
		forced = nil
	}
	first := begin(c, identity)
	defer func() { first.close() }() // unless it is nil by then: taken on
	started, err := bootstrap.Start(ctx, l.Client, bootstrap.Request{
		Offer: terms.Offer{
			Transport: c.Transport,
			Ports:     c.Ports,
			ClientPin: identity.Pin(),
			Alive:     c.Alive,
			Heartbeat: c.Heartbeat,
			MTU:       c.MTU,
			Keep:      c.Keep,
			Proxy:     c.Mode,
			Keys:      keysOf(l),
			Bulk:      c.Repair && !c.Whole,
			Halves:    !c.Whole,
			Ask:       c.Ask,
			Name:      c.Name,
			Tell:      c.Tell,
			Inside:    inside(),
		},
		Hello:     first.said(),
		TsshdPath: c.TsshdPath,
		Binary:    c.Binary,
		Forced:    forced,
		Stderr:    os.Stderr,
		Progress:  c.Progress,
		Logf:      c.Log.Debugf,
	})
	if err != nil {
		return nil, l, err
	}
	if started.Complaint != "" {
		c.Log.Infof("tssh: %s: %s", c.HostName, started.Complaint)
	}
	switch a := started.Answer; {
	case a != nil:
		return nil, l, &NotGiven{*a}
	case c.Ask == terms.Attach && started.Terminal == 0: // it took this for an offer, and ends when nobody comes
		return nil, l, &NotGiven{terms.Answer{Refusal: fmt.Sprintf("tsshd there is of release %s, which can't attach sessions", started.Release)}}
	}
	for _, n := range started.Notes {
		c.Log.Debugf("tsshd: %s", n)
	}
	for _, w := range started.Warnings {
		c.Log.Infof("tssh: %s: %s", c.HostName, w)
	}
	var said []byte
	if started.RC {
		said = started.Said
	}
	s := &Session{cfg: c, said: said, carrier: newCarrier(l, started), since: time.Now()}
	var answered *firstWords
	if first.answered(started.Greeting) {
		answered, first = first, nil
		c.Log.Debugf("QUIC's handshake went with the login.")
	}
	if err := s.move(ctx, identity, started.Greeting, answered); err != nil {
		s.Leave()
		return nil, s.carrier.current(), err
	}
	if s.status, err = status.Serve(status.Dir(), s.report); err != nil {
		c.Log.Debugf("tssh --status will not show this session: %v", err)
	}
	return s, l, nil
}

// keysOf tells tsshd which keys the user logged in by, so that their limits
// hold there too: sshd keeps to itself which they were.
func keysOf(l *login.Login) (keys []terms.Key) {
	for _, k := range l.Keys {
		keys = append(keys, proof.Of(k))
	}
	return keys
}

// bulk reports whether both ends want the connection for bulk. Its datagrams are larger
// than what every path takes, so it is none for who can't cut them in two.
func (s *Session) bulk(g terms.Greeting) bool { return g.Bulk && g.Halves && s.cfg.Repair }

// move opens the proxy, the transport on it, and ssh's channels on that.
func (s *Session) move(ctx context.Context, identity *mux.Identity, g terms.Greeting, first *firstWords) (err error) {
	var up atomic.Pointer[mux.Conn]
	where := addressesOf(s.carrier.current(), g)
	s.proxy, err = proxy.Dial(ctx, proxy.ClientConfig{
		Secret:    g.Secret,
		Transport: s.cfg.Transport,
		Mode:      s.cfg.Mode,
		Servers:   where,
		Carrier:   s.carrier.open,
		Heartbeat: s.cfg.Heartbeat,
		Alive:     s.cfg.Alive,
		Bulk:      s.bulk(g),
		Halves:    g.Halves,
		MTU:       s.cfg.MTU,
		Early:     first.end(),
		Logf:      s.cfg.Log.Debugf,
		Returned: func() {
			if m := up.Load(); m != nil {
				(*m).Returned()
			}
		},
	})
	if err != nil {
		first.close()
		return err
	}
	patience, cancel := context.WithTimeout(ctx, moveTimeout)
	defer cancel()
	patience, stop := s.carrier.whileThere(patience)
	defer stop()
	config := mux.Config{
		Identity: identity, PeerPin: g.ServerPin, Secret: g.Secret, MTU: s.cfg.MTU, Logf: s.cfg.Log.Debugf,
	}
	if s.bulk(g) {
		config.BulkPeer = s.proxy.BulkPeer()
	}
	// What needs no path to be ready has shown none.
	unproven := first != nil || s.cfg.Transport == wire.KCP
	if first != nil {
		s.mux, err = first.finish(patience, g, config.BulkPeer)
	} else {
		s.mux, err = mux.Dial(patience, s.cfg.Transport, s.proxy, s.proxy.Peer(), config)
	}
	if err == nil && unproven && !s.cfg.sure(g) {
		err = s.mux.Confirmed(patience)
	}
	switch {
	case err != nil && context.Cause(patience) == errEnded:
		return errEnded
	case err != nil && patience.Err() != nil:
		return s.cfg.unreachable(where)
	}
	if err != nil {
		return fmt.Errorf("move to %s: %w", s.cfg.Transport, err)
	}
	up.Store(&s.mux)
	never := make(chan struct{}) // closed when no path has worked
	if unproven && s.cfg.sure(g) {
		s.running.Go(func() { // it ends with the mux
			patience, cancel := context.WithTimeout(context.Background(), moveTimeout)
			defer cancel()
			if s.prove(patience) != nil && patience.Err() != nil {
				s.cfg.Log.Infof("tssh: %s: %v", s.cfg.HostName, s.cfg.unreachable(where))
				close(never)
			}
		})
	}
	s.running.Go(func() {
		select {
		case <-never:
		case <-s.proxy.Done(): // the server was silent for longer than the session may be alone
		case <-s.carrier.gone:
		}
		s.mux.Close()
	})
	old := s.carrier.current().Client
	c, chans, reqs := sshconn.Client(s.mux, sshconn.Meta{
		User: old.User(), Local: old.LocalAddr(), Remote: old.RemoteAddr(), SessionID: old.SessionID(),
		ClientVersion: old.ClientVersion(), ServerVersion: old.ServerVersion(),
	})
	reqs = s.hear(reqs)
	limits := idle.New(s.cfg.ChannelTimeout, s.cfg.Log)
	c, chans = limits.Watch(c, chans)
	limits.Start()
	s.conn = &ending{Conn: c, host: s.cfg.HostName, silent: s.proxy.Done(), gone: s.carrier.gone}
	s.client = ssh.NewClient(s.conn, chans, reqs)
	return nil
}

// sure tells whether a path will be found, if the server can be reached at all: the
// one through ssh is allowed, and the login stands. Elsewhere what the user wants must
// wait until one has worked, as it could be had without UDP.
func (c Config) sure(g terms.Greeting) bool {
	return (c.Mode == wire.Auto || c.Mode == wire.OnlySSH || c.Mode == "") && g.Relay != ""
}

// hear takes the server's last words out of its requests.
func (s *Session) hear(reqs <-chan *ssh.Request) <-chan *ssh.Request {
	rest := make(chan *ssh.Request)
	go func() {
		defer close(rest)
		for r := range reqs {
			if r.Type != terms.LastWordRequest {
				rest <- r
				continue
			}
			var m struct{ Text string }
			if ssh.Unmarshal(r.Payload, &m) == nil {
				s.word.Store(&m.Text)
			}
			if r.WantReply {
				r.Reply(true, nil)
			}
		}
	}()
	return rest
}

// NotGiven is why the server gives no session that was asked for.
type NotGiven struct{ terms.Answer }

func (e *NotGiven) Error() string { return e.Refusal }

// inside is the session that we run in ourselves, where that is one of tsshd's.
func inside() string {
	id := os.Getenv("TSSH_SESSION")
	if strings.Trim(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") != "" {
		return ""
	}
	return id
}

// unreachable says that nothing came back on any path, and what to do about it.
func (c Config) unreachable(where []netip.AddrPort) error {
	if len(where) == 0 {
		return errors.New("no path to tsshd: it has no port that can be reached, and the path through ssh did not work")
	}
	hint := "a firewall may block it; try -o UdpProxyMode=auto"
	if c.Mode == wire.Auto {
		hint = "try tssh --doctor " + c.Original
	}
	return fmt.Errorf("dial %v: no answer from tsshd for %v\ntssh: hint: %s", where[0], moveTimeout, hint)
}

// ending tells of the end of a session in ssh's words.
type ending struct {
	ssh.Conn
	host   string
	silent <-chan struct{} // closed when the server was silent for too long
	gone   <-chan struct{} // closed when the server has ended without a word
}

// Wait returns when the session has ended.
func (c *ending) Wait() error {
	err := c.Conn.Wait()
	select {
	case <-c.gone:
		return &login.Error{Words: fmt.Sprintf("Connection to %s closed by remote host.", c.host), Cause: err}
	case <-c.silent:
		if !errors.Is(err, io.EOF) {
			return &login.Error{Words: fmt.Sprintf("Timeout, server %s not responding.", c.host), Cause: err}
		}
	default:
	}
	return err
}

// addressesOf are the addresses to try: the one that ssh reached before all others.
func addressesOf(l *login.Login, g terms.Greeting) []netip.AddrPort {
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
func (s *Session) Dial(network, address string) (net.Conn, error) {
	return s.client.Dial(network, address)
}

// Close ends the session politely as long as the server answers. It may be
// called twice.
func (s *Session) Close() (err error) {
	s.once.Do(func() { err = errors.Join(s.end(), s.carrier.Close()) })
	return err
}

// Leave is Close that keeps the login.
func (s *Session) Leave() { s.once.Do(func() { s.end() }) }

func (s *Session) end() error {
	var err error
	if s.status != nil {
		s.status.Close()
	}
	if s.mux != nil {
		ctx, cancel := context.WithTimeout(context.Background(), farewell)
		defer cancel()
		if !s.heard() {
			cancel() // nobody to take leave of
		}
		err = s.mux.Shutdown(ctx)
	}
	if s.proxy != nil {
		err = errors.Join(err, s.proxy.Close())
	}
	s.running.Wait()
	return err
}

// heard reports whether the server can be reached now. When it seems not, it
// is asked once more: an idle session may not know yet that the network is back,
// and a server that hears no farewell waits for UdpAliveTimeout.
func (s *Session) heard() bool {
	if s.proxy.State().Online {
		return true
	}
	s.proxy.Moved()
	moment := time.NewTimer(lastKnock)
	defer moment.Stop()
	for {
		select {
		case <-s.proxy.Watch():
			if s.proxy.State().Online {
				return true
			}
		case <-moment.C:
			return s.proxy.State().Online
		}
	}
}
