package client

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"tssh/client/cli"
	"tssh/client/demo"
	"tssh/client/roam"
	"tssh/client/session"
	"tssh/client/tty"
	"tssh/client/voice"
	"tssh/proxy/roster"
	"tssh/proxy/terms"
)

const demoKeys = "tssh: Enter ~! cuts the network and restores it, ~s tells how it is, ~d leaves the session running, exit ends\n"

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
		for {
			r.cut = demo.Switch(r.Cut)
			code := v.serve(ctx, r, session.TTY(v.host, "", true, v.log))
			r.Close()
			if back, err := v.comeBack(ctx, r.Name()); back == nil {
				if err == nil && code != 0 {
					err = exitStatus(code)
				}
				return err
			} else {
				r = *back
			}
		}
	}
	return demo.Transfer(r.Client(), r.Cut)
}

// comeBack attaches the session of that name again, as often as the user wants; nil:
// there is none any more.
func (v *invocation) comeBack(ctx context.Context, name string) (*roaming, error) {
	sessions := func(ask terms.Ask, name string) (*terms.Answer, error) {
		l, _, err := v.logIn(ctx, false)
		if err != nil {
			return nil, err
		}
		defer l.Close()
		return roam.Ask(ctx, l.Client, l, v.moving(v.host), ask, name)
	}
	a, err := sessions(terms.List, "")
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(a.Sessions, func(s terms.Session) bool { return s.Name == name && len(s.Terminals) > 0 })
	if i < 0 {
		return nil, nil
	}
	if err := roster.Table(os.Stdout, time.Now(), a.Sessions[i:i+1]); err != nil {
		return nil, err
	}
	const question = "tssh: elsewhere tssh --attach comes back to it, here Enter does; end ends it: "
	if answer, err := voice.Ask(question, voice.Plain); err != nil || answer != "" {
		_, err := sessions(terms.End, name)
		return nil, err
	}
	v.cmd.Attach, v.cmd.AttachName = true, name
	l, err := v.dial(ctx)
	if err != nil {
		return nil, err
	}
	r, ok := l.(roaming)
	if !ok {
		l.Close()
		return nil, errors.New("the session stayed on ssh's connection")
	}
	return &r, nil
}
