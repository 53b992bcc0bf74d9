package client

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"tssh/client/cli"
	"tssh/client/demo"
	"tssh/client/session"
	"tssh/client/tty"
	"tssh/client/voice"
)

const demoKeys = "tssh: Enter ~! cuts the network and restores it, ~s tells how it is, exit ends\n"

// runDemo shows on this machine alone what tssh is for: with a terminal a shell
// to play with, otherwise a transfer through a network that is cut meanwhile.
func runDemo(ctx context.Context) int {
	v := newInvocation(&cli.Command{Destination: demo.Host})
	if err := v.demo(ctx); err != nil {
		var end exitStatus
		if errors.As(err, &end) {
			return int(end)
		}
		v.log.Errorf("tssh: demo: %s", strings.TrimPrefix(err.Error(), "tssh: "))
		return exitError
	}
	return 0
}

// exitStatus ends the demo with its shell's status.
type exitStatus int

func (e exitStatus) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

func (v *invocation) demo(ctx context.Context) error {
	var err error
	if v.sink, err = voice.OpenSink("", 0); err != nil {
		return err
	}
	v.log = v.sink.Log
	program, err := os.Executable()
	if err != nil {
		return err
	}
	server, err := demo.Start(ctx, program)
	if err != nil {
		return err
	}
	defer server.Close()
	v.cmd.ConfigFile = server.Config()
	if err := v.configure(); err != nil {
		return err
	}
	l, err := v.dial(ctx)
	if err != nil {
		return err
	}
	defer l.Close()
	r, ok := l.(roaming)
	if !ok {
		return errors.New("the session stayed on ssh's connection")
	}
	fmt.Printf("tssh: logged in to this machine, started tsshd there, moved to %s over %s\n",
		strings.ToUpper(string(v.host.UdpMode)), r.State().Kind)
	if tty.IsTerminal(os.Stdin) && tty.IsTerminal(os.Stdout) {
		fmt.Print(demoKeys)
		r.cut = demo.Switch(r.Cut)
		if code := v.serve(ctx, r, session.TTY(v.host, "", true, v.log)); code != 0 {
			return exitStatus(code)
		}
		return nil
	}
	return demo.Transfer(r.Client(), r.Cut)
}
