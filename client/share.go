package client

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"golang.org/x/crypto/ssh"

	"tssh/client/background"
	"tssh/client/control"
	"tssh/client/session"
	"tssh/client/tty"
	"tssh/client/voice"
)

// leaveUnshared has each run log in by itself, as connections can't be shared
// here. A configuration that is used on several systems is not wrong for that.
func (v *invocation) leaveUnshared() {
	if v.isMaster() {
		v.log.Infof("ControlMaster: connections can't be shared on %s, so each run logs in by itself", runtime.GOOS)
	}
	v.unshared = true
}

// control makes the request of -O of a master.
func (v *invocation) control(ctx context.Context) int {
	path := v.controlPath()
	if v.cmd.Control == "proxy" {
		return v.proxy(ctx, path)
	}
	return control.Command(ctx, control.Request{
		Path:     path,
		Name:     v.cmd.Control,
		Forwards: control.Forwardings(v.host),
		Stdout:   os.Stdout,
		Stderr:   os.Stderr,
		Quiet:    v.sink.Step(0) <= voice.Quiet,
		Errorf:   func(format string, args ...any) { v.log.Errorf(format, args...) },
	})
}

// join lets a master that listens at ControlPath do the work, unless this run
// is to be the master. done is false when there is none, or it would not. A master leads
// to its own session: who attaches another one goes past it, and leaves it where it is.
func (v *invocation) join(ctx context.Context) (code int, done bool) {
	switch m := v.host.ControlMaster; {
	case m == "yes" || m == "ask":
		return 0, false
	case v.cmd.Attach:
		if path := v.controlPath(); path != "" && control.Supported {
			c, err := control.Dial(path)
			if v.unshared = err == nil; v.unshared {
				c.Close()
			}
		}
		return 0, false
	}
	return v.joinMaster(ctx)
}

func (v *invocation) joinMaster(ctx context.Context) (code int, done bool) {
	path := v.controlPath()
	if path == "" || !control.Supported {
		return 0, false
	}
	c, err := control.Dial(path)
	var none *control.DialError
	switch {
	case err == nil:
	case errors.As(err, &none) && none.Absent():
		v.log.Debugf("Control socket \"%s\" does not exist", path)
		return 0, false
	case errors.As(err, &none) && none.Stale() && v.host.ControlMaster != "no":
		v.log.Debugf("Stale control socket %s, unlinking", path)
		return 0, false // whoever listens next replaces it
	default:
		v.log.Errorf("%v", err)
		return 0, false
	}
	defer c.Close()
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGHUP, os.Interrupt, syscall.SIGTERM)
	defer stop()
	code, err = v.useMaster(ctx, c)
	if err != nil {
		v.log.Errorf("%v", err)
		return 0, false
	}
	return code, true
}

// useMaster runs on a master's connection what the command line wants.
func (v *invocation) useMaster(ctx context.Context, c *control.Client) (int, error) {
	if w := v.cmd.StdioForward; w != nil {
		host, port := w.Host, w.Port
		if w.Path != "" {
			host, port = w.Path, -1
		}
		return 0, c.Stdio(ctx, host, port, os.Stdin, os.Stdout)
	}
	if err := v.askForwards(c); err != nil {
		return 0, err
	}
	if v.host.SessionType == "none" {
		if !v.host.ForkAfterAuthentication {
			c.Wait(ctx)
			return exitError, nil
		}
		return 0, nil
	}
	p := control.GuestSession{
		TTY:       session.TTY(v.host, v.command(), tty.IsTerminal(os.Stdin), v.log),
		X11:       v.host.Lent.ForwardX11,
		Agent:     v.host.Lent.Agent(),
		Subsystem: v.host.SessionType == "subsystem",
		Command:   v.command(),
		Term:      os.Getenv("TERM"),
		Env:       session.Environment(v.host, os.Environ()),
		Escape:    v.host.EscapeChar,
		Stdin:     os.Stdin,
		Stdout:    os.Stdout,
		Stderr:    os.Stderr,
	}
	if v.host.StdinNull {
		null, err := os.Open(os.DevNull)
		if err != nil {
			return 0, err
		}
		defer null.Close()
		p.Stdin = null
	}
	if p.TTY && tty.IsTerminal(os.Stdin) {
		p.Started = func() func() {
			v.term.Raw()
			return func() { v.term.Restore() }
		}
	}
	code, err := c.Session(ctx, p)
	if err == nil && p.TTY && v.sink.Step(0) >= voice.Info {
		fmt.Fprintf(os.Stderr, "Shared connection to %s closed.\r\n", v.host.HostName)
	}
	return code, err
}

// askForwards has the master open what the command line wants forwarded. When
// it can't, a connection of our own may.
func (v *invocation) askForwards(c *control.Client) error {
	for _, f := range control.Forwardings(v.host) {
		port, err := c.Forward(f.Kind, f.Forward)
		if err != nil {
			v.log.Errorf("forwarding request failed: %v", err)
			return errors.New("master forward request failed")
		}
		if port != 0 {
			v.log.Verbosef("Allocated port %d for remote forward to %s:%d", port, f.Host, f.Port)
		}
	}
	return nil
}

// proxy is -O proxy: what the command line wants, on an ssh connection of our
// own inside of the master's.
func (v *invocation) proxy(ctx context.Context, path string) int {
	if v.host.Lent.Device() {
		v.log.Errorf("tun devices are not forwarded through a master: leave out -w and Tunnel")
		return exitError
	}
	conn, chans, reqs, err := control.Proxy(path)
	if err != nil {
		v.tell(err)
		return exitError
	}
	l := proxied{ssh.NewClient(conn, chans, reqs), v.host.Lent} // the master trusted the host
	defer l.Close()
	v.unshared = true // one master is enough
	isTTY := session.TTY(v.host, v.command(), tty.IsTerminal(os.Stdin), v.log)
	return v.serve(ctx, l, isTTY)
}

// background starts the run that stays behind, when the command line asks for
// one and this is not it already. done is false when this run is to go on.
func (v *invocation) background(ctx context.Context) (code int, done bool) {
	switch {
	case v.child.Stage != background.Alone:
		return 0, false
	case v.isMaster() && v.host.ControlPersist && v.cmd.StdioForward == nil:
		if v.masterLives() {
			v.log.Errorf("ControlSocket %s %v", v.controlPath(), control.ErrInUse)
			v.unshared = true
			return v.background(ctx)
		}
		if code, ok := v.start(background.Master); !ok {
			return code, true
		}
		if code, done := v.joinMaster(ctx); done {
			return code, true
		}
		return exitError, true
	case v.host.ForkAfterAuthentication:
		code, _ := v.start(background.Behind)
		return code, true
	}
	return 0, false
}

// masterLives tells whether ControlPath has a master already.
func (v *invocation) masterLives() bool {
	c, err := control.Dial(v.controlPath())
	if err != nil {
		return false
	}
	c.Close()
	return true
}

// start starts a run like ours and returns when it is ready; otherwise ok is
// false, and code is its exit status.
func (v *invocation) start(s background.Stage) (code int, ok bool) {
	err := background.Start(s)
	var ended *background.Ended
	switch {
	case err == nil:
		return 0, true
	case errors.As(err, &ended):
		return ended.Code, false
	}
	v.log.Errorf("%v", err)
	return exitError, false
}
