package server

import (
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/ssh"

	"tssh/proxy/sshconn"
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
}

// connection is one connection under way.
type connection struct {
	service
	server   sshconn.Server
	forwards *forward.Forwarder
	spill    *keep.Spill
	full     atomic.Bool // the client wants no more sessions
	sessions atomic.Int64
	running  sync.WaitGroup
}

// serve serves a connection until it ends.
func (s service) serve(server sshconn.Server) {
	server, limits := limitIdle(server, s.policy, s.logf)
	defer limits.Close()
	c := &connection{service: s, server: server, spill: keep.NewSpill(s.keep.Pipes, s.logf), forwards: forward.New(server, s.policy, s.logf)}
	c.running.Go(c.requests)
	ended := make(chan struct{})
	c.running.Go(func() {
		select {
		case <-s.leaving:
			c.forwards.Unlisten()
		case <-ended:
		}
	})
	for n := range server.Channels() {
		c.isUsed()
		if limits != nil {
			n = incoming{n, limits}
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
			Begins: begins,
			Login:  c.login, Policy: c.policy, Logf: c.logf, Ran: c.ran,
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
