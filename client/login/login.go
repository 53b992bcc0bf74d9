// Package login makes the ssh connection: it finds the host, directly or
// through commands and other hosts, checks its key and proves who we are.
package login

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"tssh/client/auth"
	"tssh/client/channel"
	"tssh/client/config"
	"tssh/client/hostkey"
	"tssh/client/idle"
	"tssh/client/transport"
	"tssh/client/voice"
)

// Options is what a login needs beside the host's configuration. The zero
// value works: silent, asking on the terminal.
type Options struct {
	Log    voice.Log   // nil: silent
	Ask    voice.Asker // nil: voice.Ask
	Banner io.Writer   // where servers' greetings go; nil: standard error

	// Resolve finds the configuration of a host that ProxyJump names; user
	// is "" and port 0 when it does not name them. Nil: no jumps.
	Resolve func(host, user string, port int) (*config.Host, error)

	// Move takes the login to a host that leads to others off ssh's own
	// connection, where that host's UdpMode says so. Nil: none is moved.
	Move func(ctx context.Context, l *Login, via *config.Host) (Through, error)

	// Moves says that the login is to leave ssh's connection: what becomes of that
	// is no matter then, so it is not watched over as ServerAliveInterval has it.
	Moves bool

	// For logging in again.
	memory *auth.Memory
	silent bool
	pins   *pins
	last   netip.Addr    // of the host, by which it was reached; not valid: none
	depth  int           // of jumps
	before []config.Jump // on the way to this one, by the list that names it; nil: its own configuration says
}

// Error ends a login or a connection; its text is ssh's own last word on
// standard error.
type Error struct {
	Words string
	Cause error

	logged bool // has been told
}

func (e *Error) Error() string { return e.Words }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Fatal tells whether ssh logs it at LogLevel FATAL: that a user is not let in, or a
// host not trusted. The end of a connection is an error.
func (e *Error) Fatal() bool {
	var denied *auth.Denied
	var refused hostkey.Refused
	return errors.As(e.Cause, &denied) || errors.As(e.Cause, &refused)
}

// Unsaid is what remains to be told about the end of a connection: "" when
// the log has it.
func (e *Error) Unsaid() string {
	if e.logged {
		return ""
	}
	return e.Words
}

// Through is a host that others are reached through.
type Through interface {
	// Dial connects from there.
	Dial(network, address string) (net.Conn, error)
	// Close ends it with the login below it. It may be called twice.
	Close() error
}

// Login is a connection that stands.
type Login struct {
	*ssh.Client

	// Addrs are all the addresses that the host's name resolved to. Empty
	// behind a proxy.
	Addrs []netip.Addr
	// Remote is the address in use; nil behind a proxy.
	Remote *net.TCPAddr
	// Direct is false when a proxy or another host stands between.
	Direct bool
	// Roams is true when it goes through a host that was moved (Options.Move):
	// then a long silence is an outage and not its end, whatever
	// ServerAliveInterval says.
	Roams bool
	// Distrust says that the host's key was wrong and StrictHostKeyChecking
	// let it pass.
	Distrust bool
	// Keys are the public keys, or certificates, that the host let the user in
	// by. Empty when others did it, such as a password.
	Keys []ssh.PublicKey
	// Ask sends a global request, as forward.Ask describes.
	Ask func(kind string, payload []byte) (answer func() (ok bool, reply []byte, err error))

	host   *config.Host
	opts   Options
	memory *auth.Memory
	limits *idle.Limits
	chaff  func() error
	tr     *transport.Conn
	mux    *channel.Conn // on it
	conn   net.Conn
	close  func() error // ends what the connection came through, once, and waits

	mu      sync.Mutex    // guards what follows
	learned chan struct{} // closed when the host's other keys are; nil: they are not being learned

	running sync.WaitGroup // what ends with the connection, and Close waits for

	rest sync.Once
	idle chan struct{} // closed when the user needs the connection no more

	once  sync.Once
	ended chan struct{} // closed when err is set
	err   error
}

// Dial logs in to a host. When ctx ends before that is done, so does the
// attempt; afterwards it has no effect.
func Dial(ctx context.Context, h *config.Host, o Options) (*Login, error) {
	if o.Ask == nil {
		o.Ask = voice.Ask
	}
	if o.Banner == nil {
		o.Banner = os.Stderr
	}
	if o.memory == nil {
		o.memory = new(auth.Memory)
	}
	if o.pins == nil {
		o.pins = new(pins)
	}
	p, err := reach(ctx, h, o)
	if err != nil {
		return nil, err
	}
	l := &Login{
		Addrs: p.addrs, Direct: p.direct, Roams: p.roams, host: h, opts: o, memory: o.memory,
		conn: p.conn, close: p.close, ended: make(chan struct{}), idle: make(chan struct{}),
	}
	if a, ok := p.conn.RemoteAddr().(*net.TCPAddr); ok && p.direct {
		l.Remote = a
	}
	stop := context.AfterFunc(ctx, func() { p.conn.Close() })
	err = l.shakeHands(ctx)
	if !stop() && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		p.conn.Close()
		p.close()
		return nil, err
	}
	return l, nil
}

// shakeHands makes an ssh connection of the bytes that reach the host.
func (l *Login) shakeHands(ctx context.Context) error {
	h, log := l.host, l.opts.Log
	log.Debugf("Authenticating to %s:%d as '%s'", h.HostName, h.Port, h.User)
	var addr net.Addr
	if l.Remote != nil {
		addr = l.Remote
	}
	ask := l.opts.Ask
	if l.opts.silent {
		ask = nil
	}
	check, err := hostkey.New(ctx, h, addr, log, ask)
	if err != nil {
		return err
	}
	pin := l.opts.pins.get(l.opts.depth, h)
	algorithms := check.Algorithms()
	if pin != nil {
		algorithms = check.AlgorithmsAgain(pin)
	}
	limit := newLimit(l.conn, h.ConnectTimeout)
	l.tr, err = transport.Handshake(l.conn, transport.Config{
		Kex: h.KexAlgorithms, HostKeys: algorithms, Ciphers: h.Ciphers, MACs: h.MACs,
		RekeyBytes: uint64(max(h.RekeyLimit, 0)), RekeyAfter: h.RekeyInterval,
		Compression: h.Compression, VersionAddendum: h.VersionAddendum, Log: log,
		CheckHostKey: func(key ssh.PublicKey, _ string) error {
			limit.stop() // the user may take longer to answer
			if pin != nil {
				return check.CheckAgain(key, pin)
			}
			return check.Check(key)
		},
	})
	if limit.stop() {
		err = lateWords(err)
	}
	if err != nil {
		return l.lastWords(err)
	}
	if pin == nil {
		l.opts.pins.set(l.opts.depth, h, check.Pin())
	}
	l.Distrust = check.Distrust
	if h.WarnWeakCrypto == "yes" && !l.opts.silent && !transport.Quantum(l.tr.Algorithms().Kex) {
		log.Infof("** WARNING: connection is not using a post-quantum key exchange algorithm.\n" +
			"** This session may be vulnerable to \"store now, decrypt later\" attacks.\n" +
			"** The server may need to be upgraded. See https://openssh.com/pq.html")
	}
	proof, err := auth.Login(ctx, l.tr, auth.Config{
		Host: h, Log: log, Ask: l.opts.Ask, Banner: l.opts.Banner, Memory: l.memory, Silent: l.opts.silent, Distrust: l.Distrust,
	})
	if err != nil {
		return l.lastWords(err)
	}
	if l.Direct && l.Remote != nil {
		log.Verbosef("Authenticated to %s ([%s]:%d) using %q.", h.HostName, l.Remote.AddrPort().Addr().Unmap(), l.Remote.Port, proof.Method)
	} else {
		log.Verbosef("Authenticated to %s (via proxy) using %q.", h.HostName, proof.Method)
	}
	l.Keys = proof.Keys
	l.chaff = l.tr.Chaff()
	l.tr.AllowRekey()
	l.serve(check)
	return nil
}

// serve puts the channels on the connection and watches over it.
func (l *Login) serve(check *hostkey.Checker) {
	chans, reqs := l.channels()
	l.Ask = l.mux.Ask
	l.limits = idle.New(l.host.ChannelTimeout, l.opts.Log)
	conn, chans := l.limits.Watch(l.mux, chans)
	l.Client = ssh.NewClient(guarded{conn, l}, chans, l.globalRequests(reqs, check, conn))
	if !l.opts.Moves && !l.Roams {
		l.watch()
	}
}

// globalRequests handles those of the server's that are ours to handle; the
// rest x/crypto refuses.
func (l *Login) globalRequests(in <-chan *ssh.Request, check *hostkey.Checker, conn ssh.Conn) <-chan *ssh.Request {
	out := make(chan *ssh.Request)
	l.running.Go(func() {
		defer close(out)
		learned := false
		for r := range in {
			if r.Type != "hostkeys-00@openssh.com" {
				out <- r
				continue
			}
			if r.WantReply {
				r.Reply(true, nil)
			}
			if !learned { // once a connection, as ssh does
				learned = true
				l.learn(func() { check.Learn(r.Payload, conn, l.idle) })
			}
		}
	})
	return out
}

// learn lets Close wait for f, but not for ever: it may ask the user.
func (l *Login) learn(f func()) {
	done := make(chan struct{})
	l.mu.Lock()
	l.learned = done
	l.mu.Unlock()
	go func() {
		defer close(done)
		f()
	}()
}

// finish keeps the first reason and lets go of what the connection used.
func (l *Login) finish(err error) {
	l.once.Do(func() {
		l.err = err
		l.conn.Close()
		close(l.ended)
		l.rest.Do(func() { close(l.idle) })
		// Close waits for it. Whoever reads must not wait for a command.
		go l.close()
	})
}

// Wait returns when the connection has ended, with an error whose text is
// ssh's words; its Unsaid method tells which of them nobody has said yet.
func (l *Login) Wait() error {
	<-l.ended
	return l.err
}

// guarded is the connection whose Close ends the login with all its parts.
type guarded struct {
	ssh.Conn
	l *Login
}

// Close ends the login.
func (g guarded) Close() error { return g.l.Close() }

// Err returns why the login ended, nil while it stands.
func (g guarded) Err() error {
	select {
	case <-g.l.ended:
		return g.l.err
	default:
		return nil
	}
}

// Wait returns the end of the login, in ssh's words.
func (g guarded) Wait() error { return g.l.Wait() }

// awaitLearning gives the host's new keys a moment to be proved: short commands
// end before, and the answer is on its way, unless the network is gone.
func (l *Login) awaitLearning() {
	l.rest.Do(func() { close(l.idle) })
	l.mu.Lock()
	learned := l.learned
	l.mu.Unlock()
	if learned == nil {
		return
	}
	patience := time.NewTimer(time.Second)
	defer patience.Stop()
	select {
	case <-learned:
	case <-l.ended:
	case <-patience.C:
	}
}

// Close ends the connection and everything that it came through, and waits for
// what watched over it. It may be called twice, and as the Client's.
func (l *Login) Close() error {
	select {
	case <-l.ended:
	default:
		l.awaitLearning()
		l.finish(&Error{Words: "Connection closed.", Cause: net.ErrClosed, logged: true})
	}
	err := l.close()
	l.mux.Close() // it may wait for who takes channels
	l.running.Wait()
	return err
}

// Disconnect is Close after the message that ssh sends when it ends by itself.
func (l *Login) Disconnect() error {
	select {
	case <-l.ended:
	default:
		l.awaitLearning()
		l.tr.Disconnect("disconnected by user")
	}
	return l.Close()
}

// Redial logs in to the same host again without a question: by the agent, by
// keys that need no passphrase or have been opened, by a password that was
// right. It and every host on the way must be the ones that the first login
// trusted; see hostkey.Pin.
func (l *Login) Redial(ctx context.Context) (*Login, error) {
	o := l.opts
	o.silent, o.memory = true, l.memory
	o.Banner = io.Discard
	if l.Remote != nil {
		o.last = l.Remote.AddrPort().Addr().Unmap()
	}
	again, err := Dial(ctx, l.host, o)
	if err != nil {
		return nil, fmt.Errorf("log in to %s again: %w", l.host.HostName, err)
	}
	return again, nil
}

// Lent is what the host gets to use: what its configuration says, unless its key
// was wrong.
func (l *Login) Lent() config.Lent {
	if l.Distrust {
		return config.Lent{}
	}
	return l.host.Lent
}

// Forget drops what the user typed for this login: nobody will make it again, or
// not without asking.
func (l *Login) Forget() { l.memory.Forget() }

// LimitIdle lets ChannelTimeout hold for the channels that are opened from now
// on. Those of a session that moves away from this connection are not such.
func (l *Login) LimitIdle() { l.limits.Start() }

// Forced reports whether the key that let the user in is bound to one command,
// by its certificate or by what the server tells of it. A session must have been
// opened before: see transport.Conn.
func (l *Login) Forced(ctx context.Context) bool {
	for _, k := range l.Keys {
		if c, ok := k.(*ssh.Certificate); ok && c.CriticalOptions["force-command"] != "" {
			return true
		}
	}
	return len(l.Keys) > 0 && l.tr.Forced(ctx)
}

// Stands reports whether the connection has not ended yet, as far as we know.
func (l *Login) Stands() bool {
	select {
	case <-l.ended:
		return false
	default:
		return true
	}
}

// watch watches over the login as ServerAliveInterval has it.
func (l *Login) watch() {
	if l.host.ServerAliveInterval > 0 {
		l.running.Go(l.keepAlive)
	}
}

// Stay says that a login that was to leave ssh's connection (Options.Moves) did
// not: it is watched over from now on, as others are from their beginning.
func (l *Login) Stay() {
	if l.opts.Moves && !l.Roams {
		l.watch()
	}
}

// Info describes the connection: the escape ~I.
func (l *Login) Info() []string { return l.tr.Info() }

// Rekey asks for new keys: the escape ~R.
func (l *Login) Rekey() error { return l.tr.Rekey() }

// Chaff returns what sends a packet of a key's size that means nothing, nil when
// the server can't answer one.
func (l *Login) Chaff() func() error { return l.chaff }

// Algorithms is what was agreed on with the server.
func (l *Login) Algorithms() transport.Algorithms { return l.tr.Algorithms() }

// HostKey is the key by which the host proved who it is, as on the wire.
func (l *Login) HostKey() []byte {
	_, key, _ := l.tr.HostKey()
	return key
}

// BindAgent tells an agent that is about to be lent to the host which host
// that is, so that it can refuse what it was told to refuse there. Call it on
// each new connection to the agent, before the host's first byte.
func (l *Login) BindAgent(a agent.ExtendedAgent) error {
	_, key, sig := l.tr.HostKey()
	err := auth.Bind(a, key, l.tr.SessionID(), sig, true)
	if errors.Is(err, agent.ErrExtensionUnsupported) {
		return nil
	}
	return err
}
