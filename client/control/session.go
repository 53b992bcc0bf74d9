package control

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/crypto/ssh"
)

// Session is what a client wants run, on descriptors of its own.
type Session struct {
	TTY       bool
	X11       bool
	Agent     bool
	Subsystem bool     // Command names one
	Command   string   // "": the login shell
	Term      string   // the client's TERM
	Env       []string // NAME=VALUE, those that may be sent
	Escape    int      // the escape character; -1: none

	Stdin, Stdout, Stderr *Stdio

	// Started is to be called when the session is open and the modes of the
	// terminal behind Stdin have been read: the client makes it raw then.
	Started func()
	// NoTerminal is to be called when the server gave no terminal.
	NoTerminal func()
}

// receive takes n descriptors of the client's. What it returns is to be closed.
func (p *guest) receive(n int) ([]*Stdio, error) {
	var all []*Stdio
	for range n {
		fd, err := receiveFile(p.conn)
		if err == nil {
			var s *Stdio
			if s, err = newStdio(fd); err == nil {
				all = append(all, s)
			}
		}
		if err != nil {
			closeAll(all)
			return nil, err
		}
	}
	return all, nil
}

func closeAll(all []*Stdio) {
	for _, s := range all {
		s.Close()
	}
}

// maxEnv bounds the variables of one session, as ssh does.
const maxEnv = 4096

// environment splits what a request carries, and drops what may not be sent.
func (p *guest) environment(b []byte) ([]string, error) {
	var env []string
	for len(b) > 0 && len(env) < maxEnv {
		var next struct {
			Text string
			Rest []byte `ssh:"rest"`
		}
		if err := parse(b, &next); err != nil {
			return nil, err
		}
		b = next.Rest
		name, _, ok := strings.Cut(next.Text, "=")
		if ok && name != "" && p.master.cfg.PermitEnv != nil && p.master.cfg.PermitEnv(name) {
			env = append(env, next.Text)
		}
	}
	return env, nil
}

func (p *guest) newSession(ctx context.Context, r request) error {
	m := p.master
	var w newSession
	if err := parse(r.Rest, &w); err != nil {
		return err
	}
	env, err := p.environment(w.Env)
	if err != nil {
		return err
	}
	files, err := p.receive(3)
	if err != nil {
		p.fail(r.ID, "did not receive file descriptors")
		return err
	}
	if p.dedicated {
		closeAll(files)
		return p.fail(r.ID, "Multiple sessions not supported")
	}
	if !m.confirm("Allow shared connection to %s? ", m.cfg.Host) {
		closeAll(files)
		return p.deny(r.ID)
	}
	id := m.nextSession()
	s := &Session{
		TTY:       w.TTY != 0,
		X11:       w.X11 != 0,
		Agent:     w.Agent != 0,
		Subsystem: w.Subsystem != 0,
		Command:   w.Command,
		Term:      w.Term,
		Env:       env,
		Escape:    int(int32(w.Escape)), // none is -1 this way
		Stdin:     files[0],
		Stdout:    files[1],
		Stderr:    files[2],
	}
	var started atomic.Bool
	s.Started = sync.OnceFunc(func() {
		started.Store(true)
		p.answer(sOpened, r.ID, number{id})
	})
	s.NoTerminal = sync.OnceFunc(func() { p.answer(sNoTTY, id, nil) })
	p.dedicate(ctx, files, func(ctx context.Context) {
		status, err := m.cfg.Session(ctx, s)
		if err != nil {
			m.cfg.Logf("mux session %d: %v", id, err)
		}
		switch {
		case !started.Load():
			p.fail(r.ID, "Session open refused by peer")
		case status >= 0:
			p.answer(sExit, id, number{uint32(status)})
		}
	})
	return nil
}

// dedicate runs the one thing that a connection is kept for. Its end is the end of
// the connection, which tells the client that the last byte is written.
func (p *guest) dedicate(ctx context.Context, files []*Stdio, run func(context.Context)) {
	p.dedicated = true
	p.running.Go(func() {
		// A client that is gone takes its files with it: whoever waits for them wakes.
		stop := context.AfterFunc(ctx, func() { closeAll(files) })
		defer stop()
		run(ctx)
		closeAll(files)
		p.conn.Close()
	})
}

// stdioForward is -W: in and out of the client, connected from the server.
func (p *guest) stdioForward(ctx context.Context, r request) error {
	m := p.master
	var w stdioForward
	if err := parse(r.Rest, &w); err != nil {
		return err
	}
	files, err := p.receive(2)
	if err != nil {
		p.fail(r.ID, "did not receive file descriptors")
		return err
	}
	question, args := "Allow forward to [%s]:%d? ", []any{w.Host, w.Port}
	if w.Port == unixPort {
		question, args = "Allow forward to path %s", args[:1]
	}
	switch {
	case p.dedicated:
		closeAll(files)
		return p.fail(r.ID, "Multiple sessions not supported")
	case w.Port != unixPort && w.Port > 65535:
		closeAll(files)
		return errMalformed
	case !m.confirm(question, args...):
		closeAll(files)
		return p.deny(r.ID)
	}
	id := m.nextSession()
	p.dedicate(ctx, files, func(ctx context.Context) {
		ch, reqs, err := dialFrom(m.cfg.Conn, w)
		if err != nil {
			m.cfg.Logf("stdio forward to %s: %v", w.Host, err)
			p.fail(r.ID, "Session open refused by peer")
			return
		}
		p.answer(sOpened, r.ID, number{id})
		join(ctx, ch, reqs, files[0], files[1])
	})
	return nil
}

// dialFrom opens the channel to w from the server.
func dialFrom(conn ssh.Conn, w stdioForward) (ssh.Channel, <-chan *ssh.Request, error) {
	kind, extra := "direct-tcpip", ssh.Marshal(struct {
		Host       string
		Port       uint32
		OriginHost string
		OriginPort uint32
	}{w.Host, w.Port, "127.0.0.1", 65535})
	if w.Port == unixPort {
		kind, extra = "direct-streamlocal@openssh.com", ssh.Marshal(struct {
			Path     string
			Reserved string
			Port     uint32
		}{Path: w.Host})
	}
	return conn.OpenChannel(kind, extra)
}

// join copies between a channel and a client until both directions have ended,
// each on its own (who half-closes may still want an answer), or the server has
// closed the channel, or ctx ends.
func join(ctx context.Context, ch ssh.Channel, reqs <-chan *ssh.Request, in, out *Stdio) {
	stop := context.AfterFunc(ctx, func() { ch.Close() })
	defer stop()
	var output, input sync.WaitGroup
	output.Go(func() {
		copyAll(out, ch)
		out.Close()
	})
	input.Go(func() {
		if _, err := copyAll(ch, in); err == nil {
			ch.CloseWrite()
		}
	})
	closed := make(chan struct{})
	go func() {
		ssh.DiscardRequests(reqs)
		close(closed)
	}()
	both := make(chan struct{})
	go func() {
		output.Wait()
		input.Wait()
		close(both)
	}()
	select {
	case <-closed:
	case <-both:
	}
	output.Wait()
	in.Close()
	ch.Close()
	<-both
	<-closed
}
