package server

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log"
	mathrand "math/rand/v2"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"tssh/proxy"
	"tssh/proxy/memory"
	"tssh/proxy/mux"
	"tssh/proxy/sshconn"
	"tssh/proxy/wire"
	"tssh/server/cache"
	"tssh/server/detach"
	"tssh/server/logins"
	"tssh/server/session"
)

const (
	arrival  = time.Minute     // within it the client must have come after the greeting
	farewell = 3 * time.Second // for the last words after SIGTERM
	goodbye  = 5 * time.Second // for a client to close its login itself
	maxAddrs = 8
)

// serveOffer is the detached process: it says its greeting on stdout, lets go
// of everything that ties it to the login and serves one client until the end.
func serveOffer(o wire.Offer, logFile string) int {
	memory.Hide()
	logf, err := logTo(logFile)
	if err != nil {
		return complain(exitCannotServe, err)
	}
	h, err := newHost(o, logf)
	if err != nil {
		return complain(exitCannotServe, err)
	}
	defer h.close()
	defer holdCopy(logf)()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	os.Chdir("/") // any other directory could not be unmounted while we live
	stdout, err := detach.Streams()
	if err != nil {
		return complain(exitCannotServe, err)
	}
	// The greeting comes last: who has it can rely on the rest.
	stdout.WriteString(h.greeting.Line())
	stdout.Close()
	if err := h.run(ctx); err != nil {
		logf("%v", err)
		return exitFailure
	}
	return exitOK
}

// holdCopy keeps our file in the cache while we run and sweeps out old ones.
func holdCopy(logf func(string, ...any)) (release func()) {
	release = func() {}
	c, ok := cache.Own()
	if !ok {
		return release
	}
	held, err := c.Hold(time.Now())
	if err != nil {
		logf("cache: %v", err)
		return release
	}
	if err := c.Sweep(time.Now()); err != nil {
		logf("cache: %v", err)
	}
	return held
}

// logTo writes to a file that nobody else can read; an empty name is silent.
func logTo(file string) (func(string, ...any), error) {
	if file == "" {
		return func(string, ...any) {}, nil
	}
	f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	return log.New(f, "", log.LstdFlags|log.Lmicroseconds).Printf, nil
}

// host is everything of one session over UDP.
type host struct {
	service
	offer    wire.Offer
	arrival  time.Duration
	greeting wire.Greeting
	identity *mux.Identity
	proxy    *proxy.Server
	told     string     // our copy of SSH_USER_AUTH's file; empty: none
	relay    *relayDoor // nil: no path through ssh
	logins   *logins.Logins
	usedIt   atomic.Bool              // the client has used the session, so it no longer falls back to its login
	conn     atomic.Pointer[mux.Conn] // once the client has come
}

// newHost makes the keys and opens the paths that an offer asks for.
func newHost(o wire.Offer, logf func(string, ...any)) (*host, error) {
	h := &host{offer: o, arrival: arrival, logins: logins.New(logins.Own())}
	h.login, h.logf = whoAmI(), logf
	h.used = func() { h.usedIt.Store(true) }
	g := &h.greeting
	g.Release, g.PID = wire.Release, os.Getpid()
	var err error
	if h.policy, err = permitted(h.login, o.Keys); errors.Is(err, errNoConfig) {
		g.Warnings = append(g.Warnings, strings.ReplaceAll(err.Error(), "\n", "; "))
	} else if err != nil {
		// Common, as many systems keep the file to root, and nothing the user can
		// change: tssh shows a note with -v only.
		g.Warnings = append(g.Warnings, "note: what sshd forbids is not known in full: "+strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	var ran atomic.Bool
	h.ran = func() bool { return !ran.Swap(true) }
	g.RC = session.RC(h.login, h.policy)
	if detach.Endangered() {
		g.Warnings = append(g.Warnings, "systemd ends this session when your last login there ends; against that: loginctl enable-linger")
	}
	allowed, word := alive(o.Alive, limitFile(), os.Getenv("TSSHD_MAX_ALIVE"))
	if word != "" {
		g.Warnings = append(g.Warnings, word)
	}
	rand.Read(g.Secret[:])
	if h.identity, err = mux.NewIdentity(); err != nil {
		return nil, err
	}
	g.ServerPin = h.identity.Pin()
	ports, err := parsePorts(o.Ports)
	if err != nil {
		return nil, err
	}
	// The service is one process a session, and ports are tried in an order
	// that nobody can foresee, so that none is reserved by squatting on the first.
	mathrand.Shuffle(len(ports), func(i, j int) { ports[i], ports[j] = ports[j], ports[i] })
	h.proxy, err = proxy.Listen(context.Background(), proxy.ServerConfig{
		Secret: g.Secret, Transport: o.Transport, Mode: o.Proxy, Ports: ports, Alive: allowed,
		Returned: h.returned, Logf: logf,
	})
	if err != nil {
		return nil, err
	}
	g.Port, g.Addrs = h.proxy.Port(), addrs()
	if o.Proxy != proxy.OnlyUDP && o.Proxy != proxy.OnlyTCP {
		if h.relay, err = openRelay(h.proxy, h.logins, logf); err != nil {
			g.Warnings = append(g.Warnings, fmt.Sprintf("no path through ssh: %v", err))
		} else {
			g.Relay = h.relay.path
		}
	}
	if h.told, err = keepExposed(os.Getenv("SSH_USER_AUTH")); err != nil {
		logf("SSH_USER_AUTH: %v", err)
	} else if h.told != "" {
		h.login.Env = append(h.login.Env, "SSH_USER_AUTH="+h.told)
	}
	return h, nil
}

func (h *host) returned() {
	if c := h.conn.Load(); c != nil {
		(*c).Returned()
	}
}

// run waits for the client and serves it. The end of ctx is a polite end.
func (h *host) run(ctx context.Context) error {
	wait, cancel := context.WithTimeout(ctx, h.arrival)
	c, err := mux.Serve(wait, h.offer.Transport, h.proxy, mux.Config{
		Identity: h.identity, PeerPin: h.offer.ClientPin, Secret: h.greeting.Secret, MTU: h.offer.MTU, Logf: h.logf,
	})
	cancel()
	if err != nil {
		return fmt.Errorf("wait for the client: %w", err)
	}
	h.conn.Store(&c)
	h.logf("the client has come")
	sweeping, stop := context.WithCancel(context.Background())
	var sweeper sync.WaitGroup
	sweeper.Go(func() { h.logins.Run(sweeping) })
	defer sweeper.Wait()
	defer stop()
	go func() {
		defer c.Close()
		select {
		case <-ctx.Done():
			h.logf("ending: %v", context.Cause(ctx))
			ctx, cancel := context.WithTimeout(context.Background(), farewell)
			defer cancel()
			c.Shutdown(ctx)
		case <-h.proxy.Done():
			h.logf("the client was silent for too long")
		case <-c.Done():
		}
	}()
	h.leaving = c.Leaving()
	h.serve(sshconn.Serve(c))
	c.Close()
	h.logf("the connection has ended: %v", c.Err())
	return nil
}

func (h *host) close() {
	if h.told != "" {
		os.Remove(h.told)
	}
	if h.relay != nil {
		h.relay.close()
	}
	h.proxy.Close()
	if h.usedIt.Load() {
		h.logins.Close(context.Background(), goodbye)
	}
}

// parsePorts reads "61001-61999,7000". Nothing is any free port.
func parsePorts(s string) ([]int, error) {
	if s == "" {
		return nil, nil
	}
	var ports []int
	for part := range strings.SplitSeq(s, ",") {
		first, last, isRange := strings.Cut(strings.TrimSpace(part), "-")
		if !isRange {
			last = first
		}
		from, err1 := strconv.ParseUint(first, 10, 16)
		to, err2 := strconv.ParseUint(last, 10, 16)
		if err1 != nil || err2 != nil || from == 0 || from > to {
			return nil, fmt.Errorf("ports %q: not of the form 61001-61999,7000", s)
		}
		if len(ports)+int(to-from) > 1<<16 {
			return nil, errors.New("too many ports")
		}
		for p := from; p <= to; p++ {
			ports = append(ports, int(p))
		}
	}
	return ports, nil
}

// addrs are this machine's own addresses, those that the world can reach first.
func addrs() []netip.Addr {
	all, _ := net.InterfaceAddrs()
	var list []netip.Addr
	for _, a := range all {
		prefix, err := netip.ParsePrefix(a.String())
		if err != nil {
			continue
		}
		if ip := prefix.Addr().Unmap(); ip.IsGlobalUnicast() {
			list = append(list, ip)
		}
	}
	slices.SortStableFunc(list, func(a, b netip.Addr) int {
		switch {
		case a.IsPrivate() == b.IsPrivate():
			return 0
		case a.IsPrivate():
			return 1
		}
		return -1
	})
	return list[:min(len(list), maxAddrs)]
}
