// Package client is tssh: it joins the parts, from the command line to the
// exit status.
package client

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"tssh/client/auth"
	"tssh/client/background"
	"tssh/client/cli"
	"tssh/client/complete"
	"tssh/client/control"
	"tssh/client/doctor"
	"tssh/client/login"
	"tssh/client/roam"
	"tssh/client/servers"
	"tssh/client/session"
	"tssh/client/sshconfig"
	"tssh/client/tty"
	"tssh/client/voice"
	"tssh/proxy/memory"
	"tssh/proxy/visible"
	"tssh/proxy/wire"
)

// exitLog is the one for a file of -E that can't be written.
const exitLog = 1

// Main runs tssh with the arguments that follow its name and returns the exit
// status.
func Main(args []string) int {
	defer endBySignals()()
	if len(args) > 0 && (args[0] == "--complete" || args[0] == "--complete-new") { // the scripts of --completion
		home, _ := os.UserHomeDir()
		complete.Main(args[1:], args[0] == "--complete-new", complete.Source{Home: home, System: sshconfig.SystemDir(), Sessions: sessionsFor})
		return 0
	}
	cmd, err := cli.Parse(args)
	if err != nil {
		fmt.Fprintln(os.Stderr, visible.Text(err.Error()))
		return exitError
	}
	if done, code := withoutHost(cmd); done {
		return code
	}
	v := newInvocation(cmd)
	if v.child.Stage == background.Alone && !v.led.Any() && v.takesEscapes() {
		if code, ok := background.Lead(); ok {
			return code
		}
	}
	return v.run()
}

// takesEscapes tells, by the command line alone, whether ~& may be typed: a file of -F
// can perhaps be read only once, by who will do the work.
func (v *invocation) takesEscapes() bool {
	c := v.cmd
	if c.Status || c.Doctor || c.Sessions || c.End != "" || c.PrintConfig || c.ListKeys || c.Control != "" || c.StdioForward != nil {
		return false
	}
	said, err := sshconfig.Resolve(v.env, sshconfig.Request{Host: c.Destination, Settings: c.Settings, File: "none", Command: c.Line()})
	if err != nil || said.Host.ForkAfterAuthentication || said.Host.EscapeChar < 0 {
		return false
	}
	return session.TTY(said.Host, c.Line(), tty.IsTerminal(os.Stdin), nil)
}

// withoutHost serves the options that need no host.
func withoutHost(cmd *cli.Command) (done bool, code int) {
	switch {
	case cmd.Help:
		return true, printed(cli.PrintHelp(os.Stdout))
	case cmd.PrintVersion && cmd.Long:
		return true, printed(cli.PrintVersion(os.Stdout))
	case cmd.PrintVersion:
		return true, printed(cli.PrintVersion(os.Stderr))
	case cmd.Completion != "":
		return true, write(complete.Script(cmd.Completion))
	case cmd.Demo:
		return true, runDemo(context.Background())
	case cmd.Servers:
		return true, printed(showServers(os.Stdout, servers.Release()))
	case cmd.Asked:
		lines, err := cli.Answer(cmd.Query)
		if err != nil {
			fmt.Fprintln(os.Stderr, visible.Text(err.Error()))
			return true, exitError
		}
		for _, l := range lines {
			fmt.Println(l)
		}
		return true, 0
	}
	return false, 0
}

func (v *invocation) run() int {
	if v.cmd.Status {
		return showStatus(os.Stdout, v.cmd.JSON)
	}
	if err := v.configure(); err != nil {
		fmt.Fprintln(os.Stderr, visible.Text(err.Error()))
		if errors.As(err, new(*voice.FileError)) {
			return exitLog
		}
		return exitError
	}
	switch {
	case v.cmd.PrintConfig:
		return printed(v.said.Print(os.Stdout))
	case v.cmd.ListKeys:
		_, err := fmt.Println(strings.Join(auth.List(auth.Config{Host: v.host, Log: v.log}), "\n"))
		return printed(err)
	case v.cmd.Control == "":
		if err := v.said.Check(); err != nil {
			v.tell(err)
			return exitError
		}
	}
	if !control.Supported && v.cmd.Control == "" {
		v.leaveUnshared()
	}
	memory.Hide() // before there is a secret in it
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	switch {
	case v.cmd.Doctor:
		return v.doctor(ctx)
	case v.cmd.Sessions || v.cmd.End != "":
		return v.sessions(ctx)
	}
	if v.cmd.Control != "" {
		return v.control(ctx)
	}
	if v.child.Stage == background.Alone {
		if code, done := v.join(ctx); done {
			return code
		}
	}
	if code, done := v.background(ctx); done {
		return code
	}
	return v.connect(ctx)
}

// doctor is --doctor.
func (v *invocation) doctor(ctx context.Context) int {
	moving := v.moving(v.host)
	moving.Transport = cmp.Or(moving.Transport, wire.QUIC)
	healthy := doctor.Examine(ctx, doctor.Config{
		Destination: v.cmd.Destination, User: moving.User, HostName: moving.HostName,
		Ports: moving.Ports, MTU: moving.MTU, Out: os.Stdout,
		Dial: func(ctx context.Context) (*login.Login, error) {
			return login.Dial(ctx, v.host, login.Options{Log: v.log, Resolve: v.resolve})
		},
		Move: func(ctx context.Context, l *login.Login, mode wire.Mode, mtu int) (doctor.Session, error) {
			moving.Mode, moving.MTU, moving.Whole = mode, mtu, true
			s, _, err := roam.Open(ctx, l, moving)
			if err != nil {
				return nil, err
			}
			return s, nil
		},
	})
	if !healthy {
		return exitError
	}
	return 0
}

// connect logs in, moves to the proxies when asked to, and serves what the
// command line wants until it ends.
func (v *invocation) connect(ctx context.Context) int {
	if v.cmd.Attach && !tty.IsTerminal(os.Stdin) && v.host.RequestTTY != "force" {
		v.log.Errorf("tssh: --attach needs a terminal to show the session on; -tt goes without")
		return exitError
	}
	isTTY := session.TTY(v.host, v.command(), tty.IsTerminal(os.Stdin), v.log)
	l, err := v.dial(ctx)
	if err != nil {
		v.tell(err)
		return exitError
	}
	defer l.Close()
	return v.serve(ctx, l, isTTY)
}
