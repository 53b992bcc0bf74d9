package server

import (
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/ssh"

	"tssh/proxy/idle"
	"tssh/proxy/sshconn"
	"tssh/proxy/terms"
	"tssh/proxy/wire"
	"tssh/server/forward"
	"tssh/server/keep"
	"tssh/server/policy"
	"tssh/server/session"
)

// service is what a connection gets, whatever carries it.
type service struct {
	login  session.Login
	policy *policy.Policy
	logf   func(string, ...any)

	ran     func() bool                       // once true when sshd has run ~/.ssh/rc for this login; nil: it has not
	used    func()                            // told that the client opened or asked something; nil: nobody asks
	heard   func() (time.Time, time.Duration) // see session.Config
	keep    wire.Keep
	leaving <-chan struct{} // closed when the client is about to end the connection; nil: it ends without a word
	over    <-chan struct{} // closed when the connection has ended; nil with leaving

	programs *session.Programs // outlive the connection; nil: all ends with it
	lent     *forward.Lent     // leads to the client that is there; nil: to this one only
	client   string            // who that is
}

// connection is one connection under way.
type connection struct {
	service
	server   sshconn.Server
	limits   *idle.Limits // nil: none
	forwards *forward.Forwarder
	spill    *keep.Spill
	full     atomic.Bool // the client wants no more sessions, or can have no more
	stay     atomic.Bool // its programs are to stay when it goes
	sessions atomic.Int64
	running  sync.WaitGroup
}

// serve serves a connection until it ends.
func (s service) serve(server sshconn.Server) { s.connect(server).serve() }

// connect makes a connection of a server. It serves nothing yet.
func (s service) connect(server sshconn.Server) *connection {
	c := &connection{service: s, spill: keep.NewSpill(s.keep.Pipes, s.logf)}
	c.server, c.limits = limitIdle(server, s.policy, s.logf)
	if s.lent != nil {
		c.forwards = forward.NewFor(s.lent, c.server, s.policy, s.logf)
	} else {
		c.forwards = forward.New(c.server, s.policy, s.logf)
	}
	return c
}

func (c *connection) serve() {
	defer c.limits.Close()
	c.running.Go(c.requests)
	ended := make(chan struct{})
	c.running.Go(func() {
		select {
		case <-c.leaving:
			c.forwards.Unlisten()
		case <-ended:
		}
	})
	for n := range c.server.Channels() {
		c.isUsed()
		if c.limits != nil {
			n = incoming{n, c.limits}
		}
		switch {
		case n.ChannelType() == "session":
			c.session(n)
		case !c.forwards.Channel(n):
			n.Reject(ssh.UnknownChannelType, "unknown channel type "+n.ChannelType())
		}
	}
	close(ended)
	c.forwards.Close()
	c.running.Wait()
}

// left reports that the client has taken leave of the whole connection: what it had
// open is closed then. A channel's end may be known before that of the connection, or
// the leave, and one of both follows.
func (s service) left() bool {
	t := time.NewTimer(time.Second)
	defer t.Stop()
	select {
	case <-s.leaving:
	case <-s.over:
	case <-t.C:
	}
	select {
	case <-s.leaving:
		return true
	default:
		return false
	}
}

func (s service) isUsed() {
	if s.used != nil {
		s.used()
	}
}

// requests answers the global requests.
func (c *connection) requests() {
	for r := range c.server.Requests() {
		c.isUsed()
		switch {
		case r.Type == terms.LeaveRequest && c.programs != nil:
			c.stay.Store(true)
			r.Reply(true, nil)
		case r.Type == "no-more-sessions@openssh.com":
			c.full.Store(true)
			r.Reply(true, nil)
		case !c.forwards.Request(r):
			// Also keepalive@openssh.com, to which sshd says no: any answer shows life.
			r.Reply(false, nil)
		}
	}
}

// session starts one session channel, as many as MaxSessions lets.
func (c *connection) session(n sshconn.NewChannel) {
	if c.full.Load() || c.sessions.Load() >= int64(c.policy.MaxSessions) {
		n.Reject(ssh.ConnectionFailed, "open failed") // sshd's words
		return
	}
	ch, err := n.Accept()
	if err != nil {
		return
	}
	var begins func(kind string)
	if w, ok := ch.(*watched); ok {
		begins = w.Begin
	}
	c.sessions.Add(1)
	c.running.Go(func() {
		defer c.sessions.Add(-1)
		session.Serve(ch, session.Config{
			Begins: begins, Programs: c.programs, Client: c.client, Left: c.left, Stay: c.stay.Load,
			Login: c.login, Policy: c.policy, Logf: c.logf, Ran: c.ran,
			Agent: c.forwards.Agent, X11: c.display, Tunnels: c.forwards.Tunnels, SFTPServer: ownSFTP(),
			Heard: c.heard, Keep: c.keep.Terminal, Spill: c.spill,
		})
	})
}

// ownSFTP is our own sftp server: its path, then its argv.
func ownSFTP() []string {
	path, err := os.Executable()
	if err != nil {
		return nil
	}
	// The name tells the role to a file of whatever name.
	return []string{path, "tsshd", "sftp-server"}
}

func (c *connection) display(x session.X11) (*session.Display, error) {
	name, auth, end, err := c.forwards.Display(x.Single, x.Screen)
	if err != nil {
		return nil, err
	}
	return &session.Display{Name: name, Auth: auth, Close: end}, nil
}
