package client

import (
	"context"
	"os"

	"tssh/client/session"
	"tssh/client/tty"
	"tssh/client/voice"
)

// serve does over l what the command line wants, until it ends.
func (v *invocation) serve(ctx context.Context, l *link, isTTY bool) int {
	o := v.sessionOptions(isTTY)
	l.observe(v, &o)
	code, err := session.Run(ctx, l.Client, v.host, o)
	if err != nil {
		v.tell(err)
	}
	return code
}

// sessionOptions are those of a session on our own descriptors.
func (v *invocation) sessionOptions(isTTY bool) session.Options {
	o := session.Options{
		Command: v.command(),
		TTY:     isTTY,
		Stdin:   os.Stdin,
		Stdout:  os.Stdout,
		Stderr:  os.Stderr,
		Screen:  tty.IsTerminal(os.Stdout),
		Log:     v.log,
		Verbose: func(step int) voice.Level { return v.sink.step(step) },
	}
	if tty.IsTerminal(os.Stdin) {
		o.Terminal = v.term
	}
	return o
}
