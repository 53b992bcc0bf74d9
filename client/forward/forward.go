// Package forward carries connections through an ssh.Conn: -L, -R, -D, -W, -w,
// and UDP. What can be asked for on the command line can be added and cancelled
// while the connection lives. Words are those of ssh.
package forward

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"tssh/client/config"
	"tssh/client/voice"
	"tssh/proxy/nss"
	"tssh/proxy/udp"
)

// Client is the connection that carries everything; *ssh.Client is one.
type Client interface {
	OpenChannel(kind string, extra []byte) (ssh.Channel, <-chan *ssh.Request, error)
	SendRequest(kind string, wantReply bool, payload []byte) (bool, []byte, error)
	HandleChannelOpen(kind string) <-chan ssh.NewChannel
}

// Ask sends a global request and returns a function that waits for the answer. The
// server gets the request before anything that is sent later.
type Ask func(kind string, payload []byte) (answer func() (ok bool, reply []byte, err error))

// Kind is one of ssh's kinds of forwarding.
type Kind int

// The kinds, as -L, -R and -D ask for them.
const (
	Local Kind = iota + 1
	Remote
	Dynamic
)

// Errors for which callers have words of their own.
var (
	ErrLocal   = errors.New("Could not request local forwarding.")
	ErrUnknown = errors.New("Unknown port forwarding.")
)

// Set is every forwarding of one connection.
type Set struct {
	client Client
	asks   Ask // nil: the client waits for each answer
	host   *config.Host
	lent   config.Lent
	log    voice.Log
	dial   func(ctx context.Context, network, address string) (net.Conn, error)

	yielding time.Time // see Yielding

	ctx    context.Context // of everything forwarded; ends with Close
	cancel context.CancelFunc
	mask   sync.Mutex // held while the process's umask is not its own
	// choosing is held while the server chooses a port: a connection to that port may
	// arrive before we know its number.
	choosing sync.RWMutex
	asked    chan struct{} // closed when the server has answered all that Start asked
	running  sync.WaitGroup

	mu        sync.Mutex // guards what follows
	closed    bool
	listeners map[string]*listener // by kind and where they listen
	remote    map[string]*target   // by what the server was asked to listen on
	open      map[int]string       // connections: number and description
	ids       map[int]bool         // channel numbers in use, as ssh counts them
	idle      []chan struct{}      // closed when open is empty
	tunnel    string               // the name of the tun device; empty: none
}

// New makes the Set of a connection, whose forwardings are asked for as h says.
// Nothing is forwarded yet. Where asks is nil a session is begun behind the answers,
// so that what it runs finds its forwardings too.
func New(c Client, asks Ask, h *config.Host, lent config.Lent, log voice.Log) *Set {
	s := &Set{
		client: c, asks: asks, host: h, lent: lent, log: log, dial: new(nss.Dialer).DialContext,
		listeners: map[string]*listener{}, remote: map[string]*target{}, open: map[int]string{}, ids: map[int]bool{},
		asked: make(chan struct{}),
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.serve("forwarded-tcpip", s.forwardedTCP)
	s.serve("forwarded-streamlocal@openssh.com", s.forwardedUnix)
	s.serve(udp.Forwarded, s.forwardedUDP)
	return s
}

// Yielding says, before Start, that ports may be held until then by a client that is
// about to end.
func (s *Set) Yielding(until time.Time) { s.yielding = until }

// serve answers the channels of one kind that the server opens, each in a goroutine.
func (s *Set) serve(kind string, answer func(ssh.NewChannel)) {
	chans := s.client.HandleChannelOpen(kind)
	if chans == nil {
		return // someone else does
	}
	s.running.Go(func() { // it ends with the connection
		for n := range chans {
			if !s.spawn(func() { answer(n) }) {
				n.Reject(ssh.ConnectionFailed, "closing")
			}
		}
	})
}

// spawn runs g, which Rest waits for, unless the Set is closed.
func (s *Set) spawn(g func()) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.running.Go(g)
	return true
}

// Start opens everything that is lent. It prints what fails, and returns an error for
// it only with ExitOnForwardFailure. Without that it waits for remote ones only where
// asks is nil.
func (s *Set) Start(ctx context.Context) error {
	if err := s.startLocal(); err != nil {
		return err
	}
	if err := s.startTunnel(); err != nil {
		return err
	}
	s.take() // the session's number
	remote := s.askRemote()
	answered := make(chan error, 1)
	if !s.spawn(func() {
		defer close(s.asked)
		answered <- s.takeRemote(remote)
	}) {
		return net.ErrClosed
	}
	if s.asks != nil && !s.host.ExitOnForwardFailure {
		return nil
	}
	t := time.NewTimer(answerWait)
	defer t.Stop()
	select {
	case err := <-answered:
		return err
	case <-t.C:
	case <-ctx.Done(): // who ends a session does not wait for it to begin
	}
	s.spawn(func() { s.refusedLate(<-answered) })
	return nil
}

// answerWait is how long a session waits for answers: with ExitOnForwardFailure, or
// where it would reach the server before the requests. Some servers never answer
// (TinySSH). ssh, which does not wait at all, has a session there.
const answerWait = 5 * time.Second

// refusedLate ends the connection after a refusal that came during the session, as ssh
// does.
func (s *Set) refusedLate(err error) {
	if err == nil || s.ctx.Err() != nil {
		return
	}
	s.log.Errorf("%v", err)
	if c, ok := s.client.(io.Closer); ok {
		c.Close()
	}
}

// Asked is closed when the server has answered for every forwarding of Start's. Who
// goes to the background waits for it, so that everything listens by then.
func (s *Set) Asked() <-chan struct{} { return s.asked }

func (s *Set) startLocal() error {
	asked, opened := 0, 0
	try := func(k Kind, forwards []config.Forward) {
		for _, f := range forwards {
			asked++
			if s.listen(k, f) == nil {
				opened++
			}
		}
	}
	try(Local, s.lent.LocalForward)
	try(Dynamic, s.lent.DynamicForward)
	for _, f := range s.lent.UdpLocalForward {
		asked++
		if s.listenUDP(f) == nil {
			opened++
		}
	}
	if opened < asked && s.host.ExitOnForwardFailure {
		return ErrLocal
	}
	if asked > 0 && opened == 0 {
		s.log.Errorf("%v", ErrLocal)
	}
	return nil
}

// askRemote asks for everything that the server is to listen on, as far as it can
// without waiting. The server handles requests in order, so a program of the session
// finds it listening, as with ssh.
func (s *Set) askRemote() (answers []func() error) {
	chooses := func(f config.Forward) bool { return f.BindPort == 0 && f.BindPath == "" }
	choosing := slices.ContainsFunc(s.lent.RemoteForward, chooses) || slices.ContainsFunc(s.lent.UdpRemoteForward, chooses)
	if choosing {
		s.choosing.Lock()
	}
	for _, f := range s.lent.RemoteForward {
		take := s.request(f)
		answers = append(answers, func() error { _, err := take(); return err })
	}
	for _, f := range s.lent.UdpRemoteForward {
		answers = append(answers, s.requestUDP(f))
	}
	if choosing {
		answers = append(answers, func() error { s.choosing.Unlock(); return nil })
	}
	return answers
}

// takeRemote waits for the answers, in order.
func (s *Set) takeRemote(answers []func() error) (failed error) {
	for _, answer := range answers {
		switch err := answer(); {
		case err == nil || errors.Is(err, errNoAnswer):
		case s.host.ExitOnForwardFailure:
			if failed == nil {
				failed = fmt.Errorf("Error: %w", err)
			}
		default:
			s.log.Infof("Warning: %v", err)
		}
	}
	return failed
}

// ask sends a global request. Where asks is nil, each request waits in a goroutine of
// its own, and their order is not certain.
func (s *Set) ask(kind string, payload []byte) (answer func() (bool, []byte, error)) {
	if s.asks != nil {
		return s.asks(kind, payload)
	}
	var ok bool
	var reply []byte
	err := net.ErrClosed
	done := make(chan struct{})
	if !s.spawn(func() {
		defer close(done)
		ok, reply, err = s.client.SendRequest(kind, true, payload)
	}) {
		close(done)
	}
	return func() (bool, []byte, error) { <-done; return ok, reply, err }
}

// Add opens one more. port is f's own, or the one that the server chose where f left
// that to it.
func (s *Set) Add(ctx context.Context, k Kind, f config.Forward) (port int, err error) {
	if k == Remote {
		if f.BindPort == 0 && f.BindPath == "" {
			s.choosing.Lock()
			defer s.choosing.Unlock()
		}
		return s.request(f)()
	}
	return f.BindPort, s.listen(k, f)
}

// Has tells whether f is open already, to the same end, and the port that the server
// chose for it.
func (s *Set) Has(k Kind, f config.Forward) (port int, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if k != Remote {
		l := s.listeners[listenKey(k, f)]
		return f.BindPort, l != nil && same(l.forward, f)
	}
	for _, t := range s.remote {
		if same(t.Forward, f) {
			return t.port, true
		}
	}
	return 0, false
}

// same tells whether two forwardings have the same ends, however they were spelt.
func same(a, b config.Forward) bool {
	return a.BindAddress == b.BindAddress && a.BindPort == b.BindPort && a.BindPath == b.BindPath &&
		a.Host == b.Host && a.Port == b.Port && a.Path == b.Path
}

// Cancel closes one, but not the connections that came through it. ErrUnknown says
// that there is none.
func (s *Set) Cancel(k Kind, f config.Forward) error {
	if k == Remote {
		return s.withdraw(f)
	}
	key := listenKey(k, f)
	s.mu.Lock()
	l := s.listeners[key]
	delete(s.listeners, key)
	s.mu.Unlock()
	if l == nil {
		return ErrUnknown
	}
	l.close()
	return nil
}

// Close ends every forwarding and every connection. It does not wait: the far side
// may be out of reach, and what waits for it ends with the ssh connection. Rest waits.
func (s *Set) Close() error {
	s.StopListening()
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.cancel()
	return nil
}

// Rest waits for all goroutines of a Set that was closed and whose ssh connection has
// ended.
func (s *Set) Rest() { s.running.Wait() }

// StopListening ends all listeners, but no connection.
func (s *Set) StopListening() {
	s.mu.Lock()
	listeners := s.listeners
	s.listeners = map[string]*listener{}
	s.mu.Unlock()
	for _, l := range listeners {
		l.close()
	}
}

// take returns the lowest free channel number, as ssh numbers channels in its
// messages.
func (s *Set) take() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := 0
	for s.ids[id] {
		id++
	}
	s.ids[id] = true
	return id
}

func (s *Set) give(id int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.ids, id)
}

// opened notes a connection that is open, until the returned function is called.
func (s *Set) opened(id int, what string) (ended func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open[id] = what
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.open, id)
		if len(s.open) == 0 {
			for _, c := range s.idle {
				close(c)
			}
			s.idle = nil
		}
	}
}

// Wait returns when no forwarded connection is open, or ctx ends.
func (s *Set) Wait(ctx context.Context) {
	s.mu.Lock()
	if len(s.open) == 0 {
		s.mu.Unlock()
		return
	}
	c := make(chan struct{})
	s.idle = append(s.idle, c)
	s.mu.Unlock()
	select {
	case <-c:
	case <-ctx.Done():
	}
}
