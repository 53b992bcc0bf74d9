package client

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
	"tssh/client/control"
	"tssh/client/voice"
	"tssh/client/x11"
)

// lender lends the user's agent and display to the far side: to sessions that
// ask for it, and to nobody before one does.
type lender struct {
	l   *link
	h   *config.Host
	log voice.Log

	agentLent   atomic.Bool
	displayOnce sync.Once
	displayLent atomic.Bool
	display     *x11.Display // nil: there is none to lend
}

func newLender(l *link, h *config.Host, log voice.Log) *lender {
	b := &lender{l: l, h: h, log: log}
	b.answer("auth-agent@openssh.com", "agent", &b.agentLent, b.lendAgent)
	b.answer("x11", "X11", &b.displayLent, func(nc ssh.NewChannel) { b.display.Answer(nc) })
	return b
}

// answer takes the channels of a kind that the server opens. One that opens them
// unasked wants what it was not lent; that is told in ssh's words.
func (b *lender) answer(kind, what string, lent *atomic.Bool, lend func(ssh.NewChannel)) {
	chans := b.l.HandleChannelOpen(kind)
	if chans == nil {
		return // somebody else does
	}
	go func() {
		for nc := range chans {
			if lent.Load() {
				go lend(nc) // an agent that asks its user first must not hold up the others
				continue
			}
			b.log.Errorf("Warning: ssh server tried %s forwarding.", what)
			b.log.Errorf("Warning: this is probably a break-in attempt by a malicious server.")
			nc.Reject(ssh.ConnectionFailed, "open failed")
		}
	}()
}

// ask asks, before a session begins, that its programs may use what h lends.
func (b *lender) ask(ctx context.Context, ch ssh.Channel, display, agent bool) {
	if display && b.h.ForwardX11 {
		b.displayOnce.Do(func() { b.openDisplay(ctx) })
		if b.display != nil {
			b.log.Debugf("Requesting X11 forwarding with authentication spoofing.")
			b.requestX11(ch)
		}
	}
	if agent && b.hasAgent() {
		b.agentLent.Store(true)
		b.log.Debugf("Requesting authentication agent forwarding.")
		ch.SendRequest("auth-agent-req@openssh.com", false, nil)
	}
}

func (b *lender) openDisplay(ctx context.Context) {
	if b.display = x11.Open(ctx, b.h, b.log); b.display != nil {
		b.displayLent.Store(true)
	}
}

// requestX11 waits for the answer only where the channel can't do otherwise.
func (b *lender) requestX11(ch ssh.Channel) {
	told := func(ok bool, err error) {
		if err == nil && !ok {
			b.log.Infof("X11 forwarding request failed on channel 0")
		}
	}
	pipelined, can := ch.(interface {
		Ask(kind string, payload []byte) (func() (bool, error), error)
	})
	if !can {
		told(ch.SendRequest("x11-req", true, b.display.Request()))
		return
	}
	answer, err := pipelined.Ask("x11-req", b.display.Request())
	if err == nil {
		go func() { told(answer()) }()
	}
}

// agentPath is where the agent listens that is lent; "" for none.
func agentPath(h *config.Host) string {
	switch f := h.ForwardAgent; {
	case f == "no":
		return ""
	case f == "yes":
		return auth.AgentPath(h)
	case strings.HasPrefix(f, "$"):
		return os.Getenv(f[1:])
	default:
		return f
	}
}

// hasAgent reports whether an agent answers now. One that is gone has most often
// left its name in the environment: programs of the far side would find an agent
// there that serves nobody, where they would have asked for a passphrase.
func (b *lender) hasAgent() bool {
	path := agentPath(b.h)
	if path == "" {
		return false
	}
	conn, err := auth.DialAgent(path)
	if err != nil {
		b.log.Debugf("ssh_get_authentication_socket: %v", err)
		return false
	}
	conn.Close()
	return true
}

// lendAgent joins one program and the agent, which learns first for whom it is.
func (b *lender) lendAgent(nc ssh.NewChannel) {
	conn, err := auth.DialAgent(agentPath(b.h))
	if err != nil {
		b.log.Debugf("agent: %v", err)
		nc.Reject(ssh.ConnectionFailed, "no agent")
		return
	}
	defer conn.Close()
	if b.l.login != nil {
		if err := b.l.login.BindAgent(oneQuestion{conn: conn}); err != nil {
			b.log.Debugf("ssh_agent_bind_hostkey: %v", err)
		}
	}
	ch, reqs, err := nc.Accept()
	if err != nil {
		return
	}
	go ssh.DiscardRequests(reqs)
	go func() {
		io.Copy(ch, conn)
		ch.Close()
	}()
	io.Copy(conn, ch)
}

// askRider does that for a session of a master's client.
func (b *lender) askRider(s *control.Session, ch ssh.Channel) {
	b.ask(context.Background(), ch, s.X11, s.Agent)
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
