package control

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"

	"golang.org/x/crypto/ssh"
)

// guest is one client of a master.
type guest struct {
	master *Master
	conn   *net.UnixConn

	write sync.Mutex // held for one message

	// Only serve's goroutine uses these.
	dedicated bool           // a session or a stdio forward was begun: there can be but one
	running   sync.WaitGroup // its goroutine
}

// errProxy ends the protocol: what follows is ssh.
var errProxy = errors.New("proxy")

// serve answers requests until the client leaves; its session ends then.
func (p *guest) serve(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer p.running.Wait()
	defer cancel()
	if _, err := greet(p.conn, ssh.Marshal(extension{Name: infoExtension, Value: "0"})); err != nil {
		return quiet(err)
	}
	for {
		b, err := readMessage(p.conn)
		if err != nil {
			return quiet(err)
		}
		var r request
		if err := parse(b, &r); err != nil {
			return err
		}
		err = p.handle(ctx, r)
		if err == errProxy {
			return p.proxy(ctx)
		}
		if err != nil {
			return err
		}
	}
}

// quiet drops what is only a client's leaving.
func quiet(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// handle answers one request. An error ends the conversation.
func (p *guest) handle(ctx context.Context, r request) error {
	m := p.master
	switch r.Type {
	case cAlive:
		return p.answer(sAlive, r.ID, number{uint32(os.Getpid())})
	case cNewSession:
		return p.newSession(ctx, r)
	case cStdioFwd:
		return p.stdioForward(ctx, r)
	case cOpenFwd:
		return p.openForward(ctx, r)
	case cCloseFwd:
		return p.closeForward(r)
	case cTerminate:
		if !m.confirm("Terminate shared connection to %s? ", m.cfg.Host) {
			return p.deny(r.ID)
		}
		err := p.answer(sOK, r.ID, nil)
		m.quit()
		return err
	case cStop:
		if !m.confirm("Disable further multiplexing on shared connection to %s? ", m.cfg.Host) {
			return p.deny(r.ID)
		}
		m.Stop()
		return p.answer(sOK, r.ID, nil)
	case cInfo:
		return p.info(r)
	case cProxy:
		// Its channels are not looked at one by one, so this is the one time to ask.
		if !m.confirm("Allow multiplex proxy connection?") {
			return p.deny(r.ID)
		}
		if err := p.answer(sProxy, r.ID, nil); err != nil {
			return err
		}
		return errProxy
	}
	return p.fail(r.ID, "unsupported request")
}

// info answers what is asked about the connection.
func (p *guest) info(r request) error {
	var about reason
	if err := parse(r.Rest, &about); err != nil {
		return err
	}
	if p.master.cfg.Info == nil {
		return p.answer(sInfo, r.ID, info{})
	}
	lines := p.master.cfg.Info(about.Text)
	if lines == nil {
		return p.answer(sInfo, r.ID, info{})
	}
	return p.answer(sInfo, r.ID, info{1, strings.Join(lines, "\r\n") + "\r\n"})
}

// answer sends one message.
func (p *guest) answer(kind, id uint32, body any) error {
	p.write.Lock()
	defer p.write.Unlock()
	return writeMessage(p.conn, message(kind, id, body))
}

func (p *guest) deny(id uint32) error             { return p.answer(sDenied, id, reason{"Permission denied"}) }
func (p *guest) fail(id uint32, why string) error { return p.answer(sFailure, id, reason{why}) }

func (p *guest) openForward(ctx context.Context, r request) error {
	m := p.master
	var w forward
	if err := parse(r.Rest, &w); err != nil {
		return err
	}
	k, f, err := fromWire(w)
	if err != nil {
		return p.fail(r.ID, err.Error())
	}
	if m.cfg.Forwards == nil {
		return p.fail(r.ID, "Port forwarding failed")
	}
	// Every client asks for all that its configuration says, which mostly is
	// what the one before it asked for.
	port, ok := m.cfg.Forwards.Has(k, f)
	if !ok {
		if !m.confirm("Open %s on %s?", describe(k, f), m.cfg.Host) {
			return p.deny(r.ID)
		}
		if port, err = m.cfg.Forwards.Add(ctx, k, f); err != nil {
			m.cfg.Logf("requested %s failed: %v", describe(k, f), err)
			return p.fail(r.ID, forwardFailure(k, w))
		}
	}
	if k == Remote && w.ListenPort == 0 {
		return p.answer(sRemotePort, r.ID, number{uint32(port)})
	}
	return p.answer(sOK, r.ID, nil)
}

// forwardFailure is what ssh says: the cause is the master's, and in its log.
func forwardFailure(k Kind, w forward) string {
	switch {
	case k != Remote:
		return "Port forwarding failed"
	case w.ListenPort == unixPort:
		return fmt.Sprintf("remote port forwarding failed for listen path %s", w.ListenHost)
	}
	return fmt.Sprintf("remote port forwarding failed for listen port %d", w.ListenPort)
}

func (p *guest) closeForward(r request) error {
	var w forward
	if err := parse(r.Rest, &w); err != nil {
		return err
	}
	k, f, err := fromWire(w)
	if err != nil || p.master.cfg.Forwards == nil {
		return p.fail(r.ID, "port not forwarded")
	}
	if !p.master.confirm("Cancel %s on %s?", describe(k, f), p.master.cfg.Host) {
		return p.deny(r.ID)
	}
	if err := p.master.cfg.Forwards.Cancel(k, f); err != nil {
		p.master.cfg.Logf("cancel %s: %v", describe(k, f), err)
		return p.fail(r.ID, "port not forwarded")
	}
	return p.answer(sOK, r.ID, nil)
}

// proxy lets the client speak ssh itself, on channels of the shared connection.
func (p *guest) proxy(ctx context.Context) error {
	c, chans, reqs, err := proxyConn(p.conn)
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { c.Close() })
	defer stop()
	relay(ctx, c, chans, reqs, p.master.cfg.Conn)
	return nil
}
