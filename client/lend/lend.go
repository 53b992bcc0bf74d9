// Package lend lends the user's agent and display to the far side: to sessions
// that ask for it, and to nobody before one does.
package lend

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"tssh/client/auth"
	"tssh/client/config"
	"tssh/client/voice"
	"tssh/client/x11"
)

// Config is what a Lender may lend, and to whom.
type Config struct {
	Host *config.Host // how display and agent are reached; read only
	Lent config.Lent  // what of them the far side gets to use
	Log  voice.Log    // nil: silent

	// Bind tells an agent for whom the connection is that follows. Nil: it is
	// not told.
	Bind func(agent.ExtendedAgent) error
}

// Lender answers what the far side opens.
type Lender struct {
	h    *config.Host
	lent config.Lent
	log  voice.Log
	bind func(agent.ExtendedAgent) error

	running sync.WaitGroup

	agentLent   atomic.Bool
	displayOnce sync.Once
	displayLent atomic.Bool
	display     *x11.Display // nil: there is none to lend
}

// New answers what comes over conn until that ends.
func New(conn *ssh.Client, c Config) *Lender {
	l := &Lender{h: c.Host, lent: c.Lent, log: c.Log, bind: c.Bind}
	l.answer(conn, "auth-agent@openssh.com", "agent", &l.agentLent, l.lendAgent)
	l.answer(conn, "x11", "X11", &l.displayLent, func(nc ssh.NewChannel) { l.display.Answer(nc) })
	return l
}

// answer takes the channels of a kind that the server opens. One that opens them
// unasked wants what it was not lent; that is told in ssh's words.
func (l *Lender) answer(conn *ssh.Client, kind, what string, lent *atomic.Bool, lend func(ssh.NewChannel)) {
	chans := conn.HandleChannelOpen(kind)
	if chans == nil {
		return // somebody else does
	}
	l.running.Go(func() { // it ends with the connection
		for nc := range chans {
			if lent.Load() {
				l.running.Go(func() { lend(nc) }) // an agent that asks its user first must not hold up the others
				continue
			}
			l.log.Errorf("Warning: ssh server tried %s forwarding.", what)
			l.log.Errorf("Warning: this is probably a break-in attempt by a malicious server.")
			nc.Reject(ssh.ConnectionFailed, "open failed")
		}
	})
}

// Rest returns when nothing of it runs any more. The connection must have ended.
func (l *Lender) Rest() { l.running.Wait() }

// AskDisplay asks, before a session begins, that its programs may use the display,
// where that is lent.
func (l *Lender) AskDisplay(ctx context.Context, ch ssh.Channel) {
	if !l.lent.ForwardX11 {
		return
	}
	l.displayOnce.Do(func() { l.openDisplay(ctx) })
	if l.display != nil {
		l.log.Debugf("Requesting X11 forwarding with authentication spoofing.")
		l.requestX11(ch)
	}
}

// AskAgent asks for the agent likewise.
func (l *Lender) AskAgent(ch ssh.Channel) {
	if l.hasAgent() {
		l.agentLent.Store(true)
		l.log.Debugf("Requesting authentication agent forwarding.")
		ch.SendRequest("auth-agent-req@openssh.com", false, nil)
	}
}

func (l *Lender) openDisplay(ctx context.Context) {
	if l.display = x11.Open(ctx, l.h, l.log); l.display != nil {
		l.displayLent.Store(true)
	}
}

// requestX11 waits for the answer only where the channel can't do otherwise.
func (l *Lender) requestX11(ch ssh.Channel) {
	answered := func(ok bool, err error) {
		if err == nil && !ok {
			l.log.Infof("X11 forwarding request failed on channel 0")
		}
	}
	pipelined, can := ch.(interface {
		Ask(kind string, payload []byte) (func() (bool, error), error)
	})
	if !can {
		answered(ch.SendRequest("x11-req", true, l.display.Request()))
		return
	}
	answer, err := pipelined.Ask("x11-req", l.display.Request())
	if err == nil {
		l.running.Go(func() { answered(answer()) })
	}
}

// agentPath is where the agent listens that is lent; "" for none.
func (l *Lender) agentPath() string {
	switch f := l.lent.ForwardAgent; {
	case !l.lent.Agent():
		return ""
	case f == "yes":
		return auth.AgentPath(l.h)
	case strings.HasPrefix(f, "$"):
		return os.Getenv(f[1:])
	default:
		return f
	}
}

// hasAgent reports whether an agent answers now. One that is gone has most often
// left its name in the environment: programs of the far side would find an agent
// there that serves nobody, where they would have asked for a passphrase.
func (l *Lender) hasAgent() bool {
	path := l.agentPath()
	if path == "" {
		return false
	}
	conn, err := auth.DialAgent(path)
	if err != nil {
		l.log.Debugf("ssh_get_authentication_socket: %v", err)
		return false
	}
	conn.Close()
	return true
}

// lendAgent joins one program and the agent, which learns first for whom it is.
func (l *Lender) lendAgent(nc ssh.NewChannel) {
	conn, err := auth.DialAgent(l.agentPath())
	if err != nil {
		l.log.Debugf("agent: %v", err)
		nc.Reject(ssh.ConnectionFailed, "no agent")
		return
	}
	defer conn.Close()
	if l.bind != nil {
		if err := l.bind(oneQuestion{conn: conn}); err != nil {
			l.log.Debugf("ssh_agent_bind_hostkey: %v", err)
		}
	}
	ch, reqs, err := nc.Accept()
	if err != nil {
		return
	}
	go ssh.DiscardRequests(reqs)
	var answers sync.WaitGroup
	defer answers.Wait()
	defer conn.Close()
	answers.Go(func() {
		io.Copy(ch, conn)
		ch.Close()
	})
	io.Copy(conn, ch)
}

// oneQuestion asks an agent one thing and leaves the connection to whoever
// uses it next. (A client of x/crypto's goes on reading it.)
type oneQuestion struct {
	agent.ExtendedAgent // not there: only what follows is asked for
	conn                net.Conn
}

func (q oneQuestion) Extension(kind string, contents []byte) ([]byte, error) {
	const extension, longest = 27, 256 << 10
	ask := ssh.Marshal(struct {
		Type     byte
		Kind     string
		Contents []byte `ssh:"rest"`
	}{extension, kind, contents})
	if _, err := q.conn.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(ask))), ask...)); err != nil {
		return nil, err
	}
	var n uint32
	if err := binary.Read(q.conn, binary.BigEndian, &n); err != nil {
		return nil, err
	}
	if n > longest {
		return nil, fmt.Errorf("agent's answer is %d bytes long", n)
	}
	answer := make([]byte, n)
	_, err := io.ReadFull(q.conn, answer)
	return answer, err
}
