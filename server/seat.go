package server

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/ssh"

	"tssh/proxy"
	"tssh/proxy/mux"
	"tssh/proxy/path"
	"tssh/proxy/sshconn"
	"tssh/proxy/terms"
	"tssh/proxy/wire"
	"tssh/server/absence"
	"tssh/server/detach"
	"tssh/server/logins"
	"tssh/server/policy"
	"tssh/server/session"
)

const (
	arrival   = time.Minute     // within it the client must have come after the greeting
	farewell  = 3 * time.Second // for the last words to a client
	goodbye   = 5 * time.Second // for a client to close its login itself
	maxComing = 8               // seats at once whose client has not come
	maxSeats  = 128             // with those that others have taken over, which take leave for a while
)

// newcomer is a login whose client is to have a seat, and what its sshd permits.
// It is worked out in that login's own context.
type newcomer struct {
	Offer    terms.Offer
	Login    session.Login
	Policy   *policy.Policy
	Alive    time.Duration // that the client may be silent
	Told     string        // our copy of SSH_USER_AUTH's file; empty: none
	Warnings []string      // see terms.Greeting
	Notes    []string
	Terminal int    // that it wants, from 1; 0: any
	Hello    []byte // of its QUIC; empty: it comes by a path
	login    logins.Login
}

// coming is the login that started us, with an offer.
func coming(o terms.Offer) newcomer {
	c := newcomer{Offer: o, Login: whoAmI(), login: logins.Own()}
	var err error
	if c.Hello, err = terms.ParseHello(os.Getenv(terms.HelloVariable)); err != nil {
		c.Notes = append(c.Notes, err.Error())
	}
	if c.Policy, err = permitted(c.Login, o.Keys); errors.As(err, new(noConfig)) {
		c.Warnings = append(c.Warnings, strings.ReplaceAll(err.Error(), "\n", "; "))
	} else if err != nil {
		// Many systems keep the file to root.
		c.Notes = append(c.Notes, "what sshd forbids is not known in full: "+strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	if detach.Endangered() {
		c.Warnings = append(c.Warnings, "systemd ends this session when your last login there ends; against that: loginctl enable-linger")
	}
	var word string
	if c.Alive, word = absence.Allowed(o.Alive, absence.File(), os.Getenv("TSSHD_MAX_ALIVE")); word != "" {
		c.Warnings = append(c.Warnings, word)
	}
	if c.Told, err = keepExposed(os.Getenv("SSH_USER_AUTH")); err != nil {
		c.Notes = append(c.Notes, fmt.Sprintf("SSH_USER_AUTH: %v", err))
	} else if c.Told != "" {
		c.Login.Env = append(c.Login.Env, "SSH_USER_AUTH="+c.Told)
	}
	return c
}

// leave takes away what a newcomer brought that gets no seat.
func (c *newcomer) leave() {
	if c.Told != "" {
		os.Remove(c.Told)
	}
}

// seat is the place of one client: keys of its own, ports of its own, and what its
// login permits.
type seat struct {
	service
	newcomer newcomer
	who      string // USER from ADDRESS
	arrival  time.Duration
	greeting terms.Greeting
	word     string // for its end; empty: none
	identity *mux.Identity
	early    *mux.Listening // has answered the client's hello; nil: there was none
	proxy    *proxy.Server
	relay    *relayDoor // nil: no path through ssh
	logins   *logins.Logins
	usedIt   atomic.Bool              // the client has used the session, so it no longer falls back to its login
	conn     atomic.Pointer[mux.Conn] // once the client has come
	asking   atomic.Bool              // whether the client is there, by a question that waits for the network

	connected *connection // once the seat is taken, when it does not change any more; guarded by hub.mu
}

// newSeat makes the keys and opens the paths that a newcomer asks for.
func (h *hub) newSeat(c newcomer) (*seat, error) {
	o := c.Offer
	s := &seat{newcomer: c, who: cameAs(c.Login.User, c.Login.Env), arrival: arrival, logins: logins.New(c.login)}
	s.login, s.policy, s.logf = c.Login, c.Policy, h.logf
	s.login.Env = append(slices.Clone(c.Login.Env), "TSSH_SESSION="+h.id)
	s.used = func() { s.usedIt.Store(true) }
	s.programs, s.lent, s.client = &h.programs, &h.lent, s.who
	var ran atomic.Bool
	s.ran = func() bool { return !ran.Swap(true) }
	g := &s.greeting
	g.Release, g.PID, g.Session, g.Warnings, g.Notes = terms.Release, os.Getpid(), h.name, c.Warnings, c.Notes
	g.RC = session.RC(s.login, s.policy)
	g.Halves = o.Halves
	g.Bulk = o.Bulk && o.Halves && o.Transport == wire.QUIC // whose datagrams are larger than what every path takes
	rand.Read(g.Secret[:])
	var err error
	if s.identity, err = mux.NewIdentity(); err != nil {
		return nil, err
	}
	g.ServerPin = s.identity.Pin()
	ports, err := o.PortList()
	if err != nil {
		return nil, err
	}
	// The service is one process a session, and ports are tried in an order
	// that nobody can foresee, so that none is reserved by squatting on the first.
	mathrand.Shuffle(len(ports), func(i, j int) { ports[i], ports[j] = ports[j], ports[i] })
	var early *proxy.Early
	if len(c.Hello) > 0 && o.Transport == wire.QUIC {
		early = proxy.NewEarly()
		if s.early, err = mux.Listen(early, s.config(early.BulkPeer())); err != nil {
			return nil, err
		}
		early.Hear(c.Hello)
		g.Hello = early.Said()
	}
	s.proxy, err = proxy.Listen(context.Background(), proxy.ServerConfig{
		Secret: g.Secret, Transport: o.Transport, Mode: o.Proxy, Ports: ports, Alive: c.Alive,
		Bulk: g.Bulk, Halves: g.Halves, MTU: o.MTU, Returned: s.returned, Early: early, Logf: h.logf,
	})
	if err != nil {
		s.hangUp()
		return nil, err
	}
	s.heard, s.keep = s.proxy.Heard, o.Keep
	g.Port, g.Addrs = s.proxy.Port(), path.Host{}.Addrs()
	if o.Proxy != wire.OnlyUDP && o.Proxy != wire.OnlyTCP {
		if s.relay, err = openRelay(h.dir, s.proxy, s.logins, h.logf); err != nil {
			g.Warnings = append(g.Warnings, fmt.Sprintf("no path through ssh: %v", err))
		} else {
			g.Relay = s.relay.path
		}
	}
	return s, nil
}

func (s *seat) config(bulk net.Addr) mux.Config {
	o := &s.newcomer.Offer
	c := mux.Config{Identity: s.identity, PeerPin: o.ClientPin, Secret: s.greeting.Secret, MTU: o.MTU, Logf: s.logf}
	if s.greeting.Bulk {
		c.BulkPeer = bulk
	}
	return c
}

// come waits for the client.
func (s *seat) come(ctx context.Context) (mux.Conn, error) {
	if s.early == nil {
		return mux.Serve(ctx, s.newcomer.Offer.Transport, s.proxy, s.config(s.proxy.BulkPeer()))
	}
	early := s.early
	s.early = nil
	return early.Accept(ctx)
}

// hangUp ends what a client was told that is not waited for.
func (s *seat) hangUp() {
	if s.early != nil {
		s.early.Close()
	}
}

func (s *seat) returned() {
	if c := s.conn.Load(); c != nil {
		(*c).Returned()
	}
}

// run waits for the client, tells that it has come, and serves it. The end of ctx
// is a polite end.
func (s *seat) run(ctx context.Context, come func(*connection)) error {
	wait, cancel := context.WithTimeout(ctx, s.arrival)
	c, err := s.come(wait)
	cancel()
	if err != nil {
		return fmt.Errorf("wait for the client: %w", err)
	}
	s.conn.Store(&c)
	s.logf("the client has come")
	s.leaving, s.over = c.Leaving(), c.Done()
	connection := s.connect(sshconn.Serve(c))
	come(connection)
	sweeping, stop := context.WithCancel(context.Background())
	var sweeper sync.WaitGroup
	sweeper.Go(func() { s.logins.Run(sweeping) })
	defer sweeper.Wait()
	defer stop()
	go func() {
		defer c.Close()
		select {
		case <-ctx.Done():
			ctx, cancel := context.WithTimeout(context.Background(), farewell)
			defer cancel()
			c.Shutdown(ctx)
		case <-s.proxy.Done():
			s.logf("the client was silent for too long")
		case <-c.Done():
		}
	}()
	connection.serve()
	c.Close()
	s.logf("the connection has ended: %v", c.Err())
	return nil
}

// replaced ends the seat whose place another one has taken: what it has listened
// on is free at once, its client gets its last words, and its keys are dead.
func (s *seat) replaced(told []<-chan struct{}) {
	s.connected.full.Store(true)
	s.connected.forwards.Unlisten()
	c := *s.conn.Load()
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), farewell)
		defer cancel()
		for _, last := range told {
			select {
			case <-last:
			case <-ctx.Done():
			}
		}
		c.Shutdown(ctx)
	}()
}

// tell gives the client a word that it shows when it ends.
func (s *seat) tell(word string) {
	s.connected.server.SendRequest(terms.LastWordRequest, false, ssh.Marshal(struct{ Text string }{word}))
}

const (
	sure  = 2 * time.Second // for so long a client that was heard is there
	trips = 4               // round trips, and
	lapse = 500 * time.Millisecond
)

// answers reports whether the client gives a sign of life within that time, or gave one
// just now, or can't be expected to. An idle client that has died without a word would
// else be taken for one that is there for as long as its heartbeat may be late.
func (s *seat) answers(ctx context.Context, within time.Duration) bool {
	heard, rtt := s.proxy.Heard()
	return time.Since(heard) < sure || within < max(lapse, trips*rtt) || s.asked(ctx, within)
}

// asked asks for a sign of life.
func (s *seat) asked(ctx context.Context, within time.Duration) bool {
	since, _ := s.proxy.Heard()
	if s.asking.CompareAndSwap(false, true) { // one at a time; the end of the connection ends it
		go func() {
			defer s.asking.Store(false)
			s.connected.server.SendRequest("keepalive@openssh.com", false, nil)
		}()
	}
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	for {
		if heard, _ := s.proxy.Heard(); heard.After(since) {
			return true
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return false
		}
	}
}

// silent reports that the client was not heard for as long as it may be.
func (s *seat) silent() bool {
	select {
	case <-s.proxy.Done():
		return true
	default:
		return false
	}
}

func (s *seat) close() {
	s.newcomer.leave()
	s.hangUp()
	if s.relay != nil {
		s.relay.close()
	}
	s.proxy.Close()
	if s.usedIt.Load() {
		s.logins.Close(context.Background(), goodbye)
	}
}
