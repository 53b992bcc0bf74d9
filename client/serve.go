package client

import (
	"context"
	"fmt"
	"os"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"tssh/client/background"
	"tssh/client/config"
	"tssh/client/control"
	"tssh/client/forward"
	"tssh/client/lend"
	"tssh/client/login"
	"tssh/client/session"
	"tssh/client/terminfo"
	"tssh/client/tty"
	"tssh/client/voice"
)

// service is a connection with what serves those who use it.
type service struct {
	link
	forwards *forward.Set
	lender   *lend.Lender
}

func (v *invocation) newService(l link) *service {
	return &service{
		link:     l,
		forwards: forward.New(l.Client(), v.host, l.Lent(), v.log),
		lender:   lend.New(l.Client(), lend.Config{Host: v.host, Lent: l.Lent(), Log: v.log, Bind: l.Bind()}),
	}
}

// serve does over conn what the command line wants, until it ends.
func (v *invocation) serve(ctx context.Context, conn link, isTTY bool) int {
	l := v.newService(conn)
	defer l.end()
	if v.cmd.StdioForward != nil {
		return v.stdio(l)
	}
	if err := l.forwards.Start(ctx); err != nil {
		v.tell(err)
		return exitError
	}
	var shared *control.Master
	if v.isMaster() {
		m, err := v.share(ctx, l)
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
		return v.stay(ctx, l, shared)
	}
	return v.session(ctx, l, isTTY, shared)
}

// lastMoment is how long an agent or a display that does not answer can hold up
// the end of a run.
const lastMoment = time.Second

// end ends the connection and what serves it.
func (l *service) end() {
	l.forwards.Close()
	l.Close()
	rest := make(chan struct{})
	go func() {
		defer close(rest)
		l.forwards.Rest()
		l.lender.Rest()
	}()
	select {
	case <-rest:
	case <-time.After(lastMoment):
	}
}

// session runs the command line's own session, and stays for those of others.
func (v *invocation) session(ctx context.Context, l *service, isTTY bool, shared *control.Master) int {
	l.SetInteractive(isTTY)
	o := v.sessionOptions(isTTY)
	v.prepare(l, &o)
	if len(l.Said()) > 0 && v.host.SessionType == "default" && !asksMore(l.Lent()) {
		o.Stdout.Write(l.Said())
	}
	if err := login.LocalCommand(v.host, l.forwards.Tunnel()); err != nil {
		v.tell(err)
	}
	if v.child.Stage == background.Behind {
		if err := v.leave(ctx, l, false); err != nil {
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
	code, err := session.Run(ctx, l.Conn(), v.host, o)
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
func (v *invocation) leave(ctx context.Context, l *service, quiet bool) error {
	select {
	case <-l.forwards.Asked():
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
func (v *invocation) stay(ctx context.Context, l *service, shared *control.Master) int {
	if err := v.leave(ctx, l, true); err != nil {
		v.tell(err)
		return exitError
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() { cancel(l.Client().Wait()) }()
	for shared.Wait(ctx, v.linger()) == nil {
		select {
		case <-shared.Exited():
			return 0
		default:
		}
		// Connections that are still forwarded are clients too.
		if len(l.forwards.Lines()) == 0 {
			return 0
		}
		l.forwards.Wait(ctx)
	}
	return exitError
}

// stdio is -W.
func (v *invocation) stdio(l *service) int {
	err := forward.Stdio(l.Client(), *v.cmd.StdioForward, os.Stdin, os.Stdout)
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
func (v *invocation) prepare(l *service, o *session.Options) {
	o.Forwards = l.forwards
	o.Info = func() []string { return l.about("connection") }
	o.Prepare = func(ch ssh.Channel) {
		l.lender.AskDisplay(context.Background(), ch)
		l.lender.AskAgent(ch)
		if o.TTY && o.Terminal != nil {
			v.describe(l, ch, session.Term(v.host))
		}
	}
	l.Equip(o)
}

// describe sees to it that the far side knows the terminal of a session.
func (v *invocation) describe(l *service, ch ssh.Channel, term string) {
	if !v.host.TerminfoInstall {
		return
	}
	if e, ok := terminfo.Of(term); ok {
		l.Describe(ch, e, v.log)
	}
}

// lendWords gives a session of another process's what it needs of the connection.
func (l *service) lendWords(o *session.Options) {
	o.Chaff = l.Chaff()
	if r, ok := l.link.(roaming); ok {
		o.Name, o.Word = r.Name(), r.Word
	}
}

// about describes the "connection" or its "channels", as ssh does by ~I and -O.
func (l *service) about(what string) []string {
	switch what {
	case "channels":
		return append([]string{"The following connections are open:"}, indented(l.forwards.Lines())...)
	case "connection":
		name, _ := os.Hostname()
		return append([]string{fmt.Sprintf("Connection information for %s pid %d", name, os.Getpid())}, indented(l.Info())...)
	}
	return nil
}

func indented(lines []string) []string {
	out := make([]string, len(lines))
	for i, l := range lines {
		out[i] = "  " + l
	}
	return out
}

// masterForwards lets a master's clients change the forwardings.
type masterForwards struct{ *forward.Set }

// Add opens one more.
func (m masterForwards) Add(ctx context.Context, k control.Kind, f config.Forward) (int, error) {
	return m.Set.Add(ctx, forward.Kind(k), f)
}

// Has tells whether one stands already.
func (m masterForwards) Has(k control.Kind, f config.Forward) (int, bool) {
	return m.Set.Has(forward.Kind(k), f)
}

// Cancel closes one.
func (m masterForwards) Cancel(k control.Kind, f config.Forward) error {
	return m.Set.Cancel(forward.Kind(k), f)
}
