package client

import (
	"context"
	"os"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"tssh/client/background"
	"tssh/client/config"
	"tssh/client/control"
	"tssh/client/forward"
	"tssh/client/login"
	"tssh/client/session"
	"tssh/client/tty"
	"tssh/client/voice"
	"tssh/proxy/memory"
)

// yielding is how long a client may take to end whose session was taken over.
const yielding = time.Second

// serve does over conn what the command line wants, until it ends.
func (v *invocation) serve(ctx context.Context, conn connection, isTTY bool) int {
	s := v.newService(conn)
	defer s.end()
	defer time.AfterFunc(memory.Settled, memory.Trim).Stop()
	if v.cmd.Attach { // who had the session may be on this machine
		s.forwards.Yielding(time.Now().Add(yielding))
	}
	if v.cmd.StdioForward != nil {
		return v.stdio(s)
	}
	if err := s.forwards.Start(ctx); err != nil {
		v.tell(err)
		return exitError
	}
	var shared *control.Master
	if v.isMaster() {
		m, err := v.share(ctx, s)
		if err != nil {
			v.tell(err)
			if v.child.Stage == background.Master {
				return exitError
			}
		} else {
			shared = m
			defer shared.Close()
		}
	}
	if v.child.Stage == background.Master {
		return v.stay(ctx, s, shared)
	}
	return v.session(ctx, s, isTTY, shared)
}

// session runs the command line's own session, and stays for those of others.
func (v *invocation) session(ctx context.Context, s *service, isTTY bool, shared *control.Master) int {
	s.SetInteractive(isTTY)
	o := v.sessionOptions(isTTY)
	v.prepare(s, &o)
	if len(s.Said()) > 0 && v.host.SessionType == "default" && !asksMore(s.Lent()) {
		o.Stdout.Write(s.Said())
	}
	if err := login.LocalCommand(v.host, s.forwards.Tunnel()); err != nil {
		v.tell(err)
	}
	if v.child.Stage == background.Behind {
		if err := v.leave(ctx, s, false); err != nil {
			v.tell(err)
			return exitError
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if shared != nil {
		var watching sync.WaitGroup
		watching.Go(func() { v.watch(ctx, shared, cancel) })
		defer watching.Wait()
		defer cancel()
	}
	code, err := session.Run(ctx, s.Conn(), v.host, o)
	if err != nil {
		v.tell(err)
	}
	if shared != nil {
		shared.Wait(ctx, 0)
	}
	return code
}

// asksMore reports whether the session asks for what ~/.ssh/rc is to see: tsshd
// runs it again then.
func asksMore(l config.Lent) bool { return l.ForwardX11 || l.Agent() }

// leave goes to the background, with every forwarding in place: whoever
// started us uses them at once.
func (v *invocation) leave(ctx context.Context, s *service, quiet bool) error {
	select {
	case <-s.forwards.Asked():
	case <-ctx.Done():
	}
	return v.child.Ready(quiet)
}

// watch ends the session when a client of the master's asks for the end, and
// one that only waits (-N) also when the master has stopped and nobody is left.
func (v *invocation) watch(ctx context.Context, shared *control.Master, end func()) {
	if v.host.SessionType == "none" {
		if shared.Wait(ctx, -1) == nil {
			end()
		}
		return
	}
	select {
	case <-shared.Exited():
		end()
	case <-ctx.Done():
	}
}

// stay serves the clients of a master that has no session of its own, for as
// long as ControlPersist says.
func (v *invocation) stay(ctx context.Context, s *service, shared *control.Master) int {
	if err := v.leave(ctx, s, true); err != nil {
		v.tell(err)
		return exitError
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() { cancel(s.Client().Wait()) }()
	for shared.Wait(ctx, v.linger()) == nil {
		select {
		case <-shared.Exited():
			return 0
		default:
		}
		// Connections that are still forwarded are clients too.
		if len(s.forwards.Lines()) == 0 {
			return 0
		}
		s.forwards.Wait(ctx)
	}
	return exitError
}

// stdio is -W.
func (v *invocation) stdio(s *service) int {
	err := forward.Stdio(s.Client(), *v.cmd.StdioForward, os.Stdin, os.Stdout)
	if err == nil {
		return 0
	}
	if words, ok := forward.Refused(err); ok {
		v.log.Infof("channel 0: open failed: %s", words)
		v.log.Errorf("stdio forwarding failed")
		return exitError
	}
	v.tell(err)
	return exitError
}

// sessionOptions are those of a session on our own descriptors.
func (v *invocation) sessionOptions(isTTY bool) session.Options {
	o := session.Options{
		Command: v.command(),
		TTY:     isTTY,
		Stdin:   os.Stdin,
		Stdout:  v.led.Output(os.Stdout),
		Stderr:  os.Stderr,
		Screen:  tty.IsTerminal(os.Stdout),
		Way:     v.cmd.Way(),
		Log:     v.log,
		Verbose: func(step int) voice.Level { return v.sink.Step(step) },
	}
	if v.led.Any() {
		o.Leave = v.led.Leave
	}
	if tty.IsTerminal(os.Stdin) {
		o.Terminal, o.Stdin = v.term, v.term // which reads a console's keys as bytes
	}
	return o
}

// prepare gives a session what it shares with the others on the connection.
func (v *invocation) prepare(s *service, o *session.Options) {
	o.Forwards = s.forwards
	o.Info = func() []string { return s.about("connection") }
	o.Prepare = func(ch ssh.Channel) {
		s.lender.AskDisplay(context.Background(), ch)
		s.lender.AskAgent(ch)
		if o.TTY && o.Terminal != nil {
			v.describe(s, ch, session.Term(v.host))
		}
	}
	s.Equip(o)
}
