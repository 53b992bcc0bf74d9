// Package forward dials and listens on the server for the client: TCP and unix
// sockets (RFC 4254 section 7 and OpenSSH's PROTOCOL), the client's agent, X11
// displays, tun devices, and UDP.
//
// AllowTcpForwarding, PermitOpen and PermitListen rule UDP too, which is an
// extension of ours (package udp). Bytes of streams are never dropped.
package forward

import (
	"context"
	"errors"
	"net"
	"sync"
	"syscall"

	"golang.org/x/crypto/ssh"

	"tssh/proxy/accept"
	"tssh/proxy/cause"
	"tssh/proxy/nss"
	"tssh/proxy/sshconn"
	"tssh/proxy/tun"
	"tssh/proxy/udp"
	"tssh/server/policy"
)

// maxPending bounds the connections of one listener that wait for the client to
// take them; while it is away the others wait in the kernel.
const maxPending = 64

// Forwarder serves the forwards of one connection.
type Forwarder struct {
	server sshconn.Server
	policy *policy.Policy
	logf   func(string, ...any)
	done   chan struct{} // closed by Close; dials end with it

	running sync.WaitGroup

	mu        sync.Mutex // guards what follows
	closed    bool
	leaving   bool              // the client wants nothing new
	listeners map[string]func() // how to end each, by kind, address and port
	tunnels   []string          // names of tun devices

	lends map[string]bool // kinds of channels that the client asked to be lent by
	lent  *Lent           // never changes
	own   bool            // lent is ours alone
}

// New returns a Forwarder for server. Whoever reads the server's channels and
// requests gives it those that it takes.
func New(server sshconn.Server, policy *policy.Policy, logf func(string, ...any)) *Forwarder {
	if logf == nil {
		logf = func(string, ...any) {}
	}
	f := &Forwarder{
		server: server, policy: policy, logf: logf, done: make(chan struct{}),
		listeners: make(map[string]func()), lends: make(map[string]bool), lent: new(Lent), own: true,
	}
	f.lent.Lead(f)
	return f
}

// NewFor is New for one client of several, who come one after the other: it lends
// at the sockets of l, once l leads to it.
func NewFor(l *Lent, server sshconn.Server, policy *policy.Policy, logf func(string, ...any)) *Forwarder {
	f := New(server, policy, logf)
	f.lent, f.own = l, false
	return f
}

// Channel serves a channel that the client opens. It returns at once; false
// says that the channel is not of a kind for it.
func (f *Forwarder) Channel(n sshconn.NewChannel) bool {
	var serve func(sshconn.NewChannel)
	switch n.ChannelType() {
	case "direct-tcpip":
		serve = f.directTCP
	case "direct-streamlocal@openssh.com":
		serve = f.directUnix
	case udp.Direct:
		serve = f.directUDP
	case tun.Kind:
		serve = f.tunnel
	default:
		return false
	}
	if !f.spawn(func() { serve(n) }) {
		n.Reject(ssh.ConnectionFailed, "closing")
	}
	return true
}

// Request serves a global request and answers it; false says that it is not of
// a kind for it.
func (f *Forwarder) Request(r *sshconn.Request) bool {
	var reply []byte
	var err error
	switch r.Type {
	case "tcpip-forward":
		reply, err = f.listenTCP(r.Payload)
	case "streamlocal-forward@openssh.com":
		err = f.listenUnix(r.Payload)
	case udp.Listen:
		reply, err = f.listenUDP(r.Payload)
	case "cancel-tcpip-forward":
		err = f.unlisten("tcp", r.Payload)
	case udp.Unlisten:
		err = f.unlisten("udp", r.Payload)
	case "cancel-streamlocal-forward@openssh.com":
		err = f.unlistenUnix(r.Payload)
	default:
		return false
	}
	if err != nil {
		f.logf("forward: %s: %v", r.Type, err)
	}
	r.Reply(err == nil, reply)
	return true
}

// Unlisten ends every listener, for good: the client is about to go, and the next
// one, which may be the same user's next command, wants the same ports.
func (f *Forwarder) Unlisten() {
	f.mu.Lock()
	f.leaving = true
	ends := f.listeners
	f.listeners = make(map[string]func())
	f.mu.Unlock()
	for _, end := range ends {
		end()
	}
	f.endLent()
}

// endLent takes away what this client alone lent by.
func (f *Forwarder) endLent() {
	f.lent.Leave(f)
	if f.own {
		f.lent.unlisten()
	}
}

// lend lets connections of a kind go to the client, once it asked for that.
func (f *Forwarder) lend(kind string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lends[kind] = true
}

func (f *Forwarder) isLent(kind string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.lends[kind]
}

// Close ends every listener and every connection being made, and waits. The
// server must have ended, which ends the connections that stand.
func (f *Forwarder) Close() {
	f.mu.Lock()
	if !f.closed {
		f.closed = true
		close(f.done)
	}
	ends := f.listeners
	f.listeners = nil
	f.mu.Unlock()
	for _, end := range ends {
		end()
	}
	f.endLent()
	f.running.Wait()
	if f.own {
		f.lent.Close()
	}
}

// spawn runs g in a goroutine that Close waits for.
func (f *Forwarder) spawn(g func()) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return false
	}
	f.running.Go(g)
	return true
}

// dial connects, unless Close comes first.
func (f *Forwarder) dial(network, address string) (net.Conn, error) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		select {
		case <-f.done:
			cancel()
		case <-ctx.Done():
		}
	}()
	return new(nss.Dialer).DialContext(ctx, network, address)
}

// remember notes how to end a listener.
func (f *Forwarder) remember(key string, end func()) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed || f.leaving {
		return net.ErrClosed
	}
	if _, taken := f.listeners[key]; taken {
		return syscall.EADDRINUSE
	}
	f.listeners[key] = end
	return nil
}

// drop ends a listener.
func (f *Forwarder) drop(key string) error {
	f.mu.Lock()
	end, ok := f.listeners[key]
	delete(f.listeners, key)
	f.mu.Unlock()
	if !ok {
		return errors.New("nothing listens on " + key)
	}
	end()
	return nil
}

// accept gives the connections of l to the client as channels, until l is closed.
func (f *Forwarder) accept(l net.Listener, kind string, extra func(net.Conn) []byte) {
	pending := make(chan struct{}, maxPending)
	complain := func(err error) { f.logf("forward: %v", err) }
	accept.Each(l.Accept, complain, func(conn net.Conn) { f.give(conn, kind, extra, pending) })
}

// give gives a connection to the client, as one of those that pending has room for.
func (f *Forwarder) give(conn net.Conn, kind string, extra func(net.Conn) []byte, pending chan struct{}) {
	pending <- struct{}{}
	ok := f.spawn(func() {
		ch, err := f.server.OpenChannel(kind, extra(conn))
		<-pending
		if err != nil {
			f.logf("forward: %s: %v", kind, err)
			conn.Close()
			return
		}
		join(ch, conn)
	})
	if !ok { // and the listener is about to be closed
		<-pending
		conn.Close()
	}
}

// refuse tells the client that the policy forbids it.
func refuse(n sshconn.NewChannel) {
	n.Reject(ssh.Prohibited, "open failed")
}

// connected answers n with what a dial gave, and joins them.
func connected(n sshconn.NewChannel, conn net.Conn, err error) {
	if ch, ok := accepted(n, conn, err); ok {
		join(ch, conn)
	}
}

// accepted answers n with what a dial gave.
func accepted(n sshconn.NewChannel, conn net.Conn, err error) (ch sshconn.Channel, ok bool) {
	if err != nil {
		n.Reject(ssh.ConnectionFailed, why(err))
		return nil, false
	}
	if ch, err = n.Accept(); err != nil {
		conn.Close()
		return nil, false
	}
	return ch, true
}

// why is the reason for which a dial didn't succeed, in the words of sshd.
func why(err error) string {
	if name := (*net.DNSError)(nil); errors.As(err, &name) {
		return "Name or service not known"
	}
	return cause.Of(err)
}
