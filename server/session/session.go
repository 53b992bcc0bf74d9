// Package session serves session channels (RFC 4254 section 6) as sshd does: a
// shell, a command or a subsystem of the user's, with or without a terminal.
//
// What a program wrote is read to the end and sent before its exit status and
// before the channel is closed. A client that is there and takes no more makes the
// program wait; for one that is away package keep stands in. A program on a terminal
// may outlive its channel (Programs), and be joined to another one.
package session

import (
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"tssh/proxy/sshconn"
	"tssh/proxy/terminfo"
	"tssh/proxy/terms"
	"tssh/server/keep"
	"tssh/server/policy"
	"tssh/server/pty"
)

// Login is whose sessions these are. It is the same for all of a connection.
type Login struct {
	User  string
	UID   int
	Home  string
	Shell string
	// Env is the environment of the login: what sshd, PAM and the system give every process of it.
	Env []string
	// From is the host that who(1) shows for a terminal. Empty: it shows none.
	From string
}

// Config is what sessions need besides their channel.
type Config struct {
	Login  Login
	Policy *policy.Policy
	// Agent gives the path of a socket that leads to the client's agent. Nil: there is none.
	Agent func() (socket string, err error)
	// X11 opens a display that leads to the client's. Nil: there is none.
	X11 func(X11) (*Display, error)
	// Begins is told what the session is for, as ChannelTimeout calls it. Nil: nobody asks.
	Begins func(kind string)
	// Ran reports that sshd has run ~/.ssh/rc for this login, to the first session
	// that asks: it is the login's. Nil: it has not.
	Ran func() bool
	// Tunnels are the names of the client's tun devices. Nil: there are none.
	Tunnels func() string
	// SFTPServer is the program that serves sftp where OpenSSH's server is not
	// installed: its path, then its argv. Nil: there is none.
	SFTPServer []string
	// Programs get what runs on a terminal, which then stays when the client loses
	// its connection or leaves it by detach@tssh, and to which a channel is joined by
	// attach@tssh. Nil: programs end with their channels.
	Programs *Programs
	// Client says who the client is, to another one that looks for the program, or
	// that had it before.
	Client string
	// Left reports that the client has taken leave of its whole connection, so that
	// what it had open is closed, not lost. It may wait until that is known. Nil: it ends
	// without a word.
	Left func() bool
	// Stay reports that programs on terminals stay, however their channels end. Nil:
	// they don't.
	Stay func() bool
	// Heard returns when the client was heard last, and the round trip to it. Nil:
	// it is never away.
	Heard func() (time.Time, time.Duration)
	// Keep is what is kept of the output of a terminal while the client is away, in
	// bytes. 0: the program waits.
	Keep int64
	// Spill keeps that of programs without one. Nil: they wait.
	Spill *keep.Spill
	Logf  func(format string, args ...any) // nil: silent
}

// presence is what is known of a channel's client.
type presence struct{ s *session }

func (p presence) Heard() (time.Time, time.Duration) { return p.s.cfg.Heard() }

// Ask sends what does nothing, and which the client's transport acknowledges.
func (p presence) Ask() { p.s.ch.SendRequest("keepalive@openssh.com", false, nil) }

// client is who takes what the channel is given; nil: one that is never away.
func (s *session) client() keep.Client {
	if s.cfg.Heard == nil {
		return nil
	}
	return presence{s}
}

// X11 is what a client says when it asks for a display.
type X11 struct {
	Single           bool // one connection only
	Protocol, Cookie string
	Screen           uint32
}

// Display is a display that programs can connect to.
type Display struct {
	Name  string // for DISPLAY
	Auth  string // as xauth names it
	Close func()
}

// linger is how long a program may take to read what a client sent that has
// closed the channel since.
const linger = 5 * time.Second

// typing is how long one on a terminal may take to read what a client typed before it
// left. The client says that it was all by an end of file.
const typing = time.Second / 2

// proving is how long the new client's cookie may take to be where programs look for
// it, before they are shown. Tests change it.
var proving = 2 * time.Second

// maxEnv bounds the variables of a client, as in sshd.
const maxEnv = 128

// session is one channel. The goroutine that reads its requests owns it until
// the program starts; afterwards what follows below doesn't change.
type session struct {
	ch  sshconn.Channel
	cfg Config

	env      []string // the client's
	terminal string   // TERM
	size     pty.Size
	pty      *pty.Terminal
	agent    string // SSH_AUTH_SOCK
	x11      X11
	display  *Display
	asked    bool // for an agent or a display, which ~/.ssh/rc is to see

	kind     string // shell, exec or subsystem, once asked for
	command  string
	forced   bool   // by ForceCommand
	original string // what was asked for then
	pipes    *pipes
	program  *Program    // once there is one
	joint    *keep.Joint // to its terminal
	running  sync.WaitGroup
	gone     chan struct{} // closed when the channel has ended
	sent     chan struct{} // closed when the program has all that the client sent
	shown    chan struct{} // closed when the client was told the last of its terminal
}

// Serve serves an accepted channel of type session until it is closed by either side.
// A program that has no terminal may outlive it, as with sshd.
func Serve(ch sshconn.Channel, cfg Config) {
	if cfg.Logf == nil {
		cfg.Logf = func(string, ...any) {}
	}
	s := &session{ch: ch, cfg: cfg, gone: make(chan struct{}), sent: make(chan struct{}), shown: make(chan struct{})}
	for req := range ch.Requests() {
		ok := s.handle(req)
		req.Reply(ok, nil)
		switch {
		case !ok:
		case req.Type == s.kind:
			// Only now, so that the client has the answer before the first output.
			s.start()
		case req.Type == terms.DetachRequest:
			await(s.sent, typing)
			s.joint.Leave()
		}
	}
	close(s.gone)
	s.finish()
	ch.Close()
	s.running.Wait()
	if s.display != nil && (s.program == nil || s.program.display != s.display) {
		s.display.Close()
	}
}

// left reports that the client has closed all that it had open.
func (s *session) left() bool { return s.cfg.Left != nil && s.cfg.Left() }

func (s *session) stays() bool { return s.cfg.Stay != nil && s.cfg.Stay() }

// keeps tells whether the program, or what is left of one that has ended, is kept for
// a client that comes later. One that has answered the close, behind all else that was
// said, knows of the end.
func (s *session) keeps() bool {
	switch closed := s.ch.Closed(); {
	case s.joint.Delivered() && closed:
		return false
	case s.joint.Parted() || s.stays():
		return true
	default:
		return !closed && !s.left()
	}
}

// finish is for a channel that has ended. Closing the terminal hangs up the
// program; closing the pipes lets it notice at its next write, or read: after
// what was sent before.
func (s *session) finish() {
	p := s.program
	switch {
	case p == nil:
		if s.pty != nil {
			s.pty.Close()
		}
		return
	case s.joint != nil && p.among != nil && s.keeps():
		s.joint.Leave()
		return
	}
	p.End()
	if p.output != nil {
		p.output.Close()
	}
	await(s.sent, linger)
	if p.pipes != nil {
		p.pipes.in.Close()
	}
}

// await waits for something, but not for ever.
func await(done <-chan struct{}, limit time.Duration) {
	t := time.NewTimer(limit)
	defer t.Stop()
	select {
	case <-done:
	case <-t.C:
	}
}

// handle carries out one request; false refuses it.
func (s *session) handle(req *sshconn.Request) bool {
	started := s.kind != ""
	switch req.Type {
	case "window-change":
		return s.resize(req.Payload)
	case "signal":
		return started && s.program.signal(req.Payload)
	case "break":
		return s.pty != nil && (s.joint == nil || s.joint.Joined()) && s.pty.Break() == nil
	case "eow@openssh.com": // nobody reads the output any more: let the program have its broken pipe
		if s.pipes != nil {
			s.pipes.out.Close()
		}
		return s.pipes != nil
	case "shell", "exec", "subsystem":
		return !started && s.prepare(req.Type, req.Payload)
	case terms.AttachRequest:
		return !started && s.attach(req.Payload)
	case terms.DetachRequest:
		return s.joint != nil && s.program.among != nil
	}
	if started {
		return false // the program has what it has
	}
	s.asked = s.asked || req.Type == "x11-req" || req.Type == "auth-agent-req@openssh.com"
	switch req.Type {
	case "pty-req":
		return s.openTerminal(req.Payload)
	case "env":
		return s.setEnv(req.Payload)
	case terminfo.Request:
		return s.keepTerminfo(req.Payload)
	case "x11-req":
		return s.openDisplay(req.Payload)
	case "auth-agent-req@openssh.com":
		return s.openAgent()
	}
	return false
}

func (s *session) openTerminal(payload []byte) bool {
	var msg struct {
		Term                      string
		Cols, Rows, Width, Height uint32
		Modes                     string
	}
	if s.pty != nil || !s.cfg.Policy.TTY || ssh.Unmarshal(payload, &msg) != nil {
		return false
	}
	size := pty.Size{Cols: msg.Cols, Rows: msg.Rows, Width: msg.Width, Height: msg.Height}
	t, err := pty.Open(size, []byte(msg.Modes))
	if err != nil {
		s.cfg.Logf("session: %v", err)
		return false
	}
	s.pty, s.size, s.terminal = t, size, msg.Term
	s.ch.Interactive()
	return true
}

func (s *session) resize(payload []byte) bool {
	var size pty.Size
	switch {
	case s.pty == nil || ssh.Unmarshal(payload, &size) != nil:
		return false
	case s.joint != nil:
		return s.joint.Joined() && s.program.Resize(size) == nil
	case s.pty.Resize(size) != nil:
		return false
	}
	s.size = size
	return true
}

func (s *session) setEnv(payload []byte) bool {
	var msg struct{ Name, Value string }
	if ssh.Unmarshal(payload, &msg) != nil || len(s.env) >= maxEnv || !validEnv(msg.Name, msg.Value) {
		return false
	}
	if !s.cfg.Policy.AcceptsEnv(msg.Name) {
		return false
	}
	s.env = append(s.env, msg.Name+"="+msg.Value)
	return true
}

func (s *session) openDisplay(payload []byte) bool {
	var x X11
	if s.cfg.X11 == nil || !s.cfg.Policy.X11 || s.display != nil || ssh.Unmarshal(payload, &x) != nil {
		return false
	}
	// Both become words of xauth's commands, a line each, and of what the user's rc
	// reads: a client's line break would be a command of its own ("source FILE"),
	// which a forced command must not let through.
	if !validXAuth(x.Protocol) || !validXAuth(x.Cookie) {
		s.cfg.Logf("session: x11-req: the protocol or the cookie is no word")
		return false
	}
	d, err := s.cfg.X11(x)
	if err != nil {
		s.cfg.Logf("session: %v", err)
		return false
	}
	s.x11, s.display = x, d
	return true
}

// validXAuth is what sshd lets through to xauth.
func validXAuth(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune(".:/-_", r))
	})
}

func (s *session) openAgent() bool {
	if s.cfg.Agent == nil || !s.cfg.Policy.Agent {
		return false
	}
	socket, err := s.cfg.Agent()
	if err != nil {
		s.cfg.Logf("session: %v", err)
		return false
	}
	s.agent = socket
	return true
}

// signal sends a signal to the program's process group. As in sshd a forced
// command and a subsystem get none: who wrote them did not reckon with it.
func (p *Program) signal(payload []byte) bool {
	var msg struct{ Name string }
	if p.forced || p.kind == "subsystem" || ssh.Unmarshal(payload, &msg) != nil {
		return false
	}
	p.pidMu.Lock()
	defer p.pidMu.Unlock()
	return p.pid != 0 && kill(p.pid, msg.Name) == nil
}

// pipes connect a program without a terminal.
type pipes struct {
	// ours
	in       *os.File
	out, err *os.File
	// the program's, until it has started
	theirs [3]*os.File
}

func newPipes() (*pipes, error) {
	p := new(pipes)
	var errs [3]error
	p.theirs[0], p.in, errs[0] = os.Pipe()
	p.out, p.theirs[1], errs[1] = os.Pipe()
	p.err, p.theirs[2], errs[2] = os.Pipe()
	for _, err := range errs {
		if err != nil {
			p.close()
			p.in.Close()
			p.letGo()
			return nil, err
		}
	}
	return p, nil
}

// letGo closes the program's ends: only programs may hold them, or the output never ends.
func (p *pipes) letGo() {
	for _, f := range p.theirs {
		f.Close()
	}
}

// close closes our ends of the output.
func (p *pipes) close() {
	p.out.Close()
	p.err.Close()
}
