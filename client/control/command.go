package control

import (
	"context"
	"errors"
	"fmt"
	"io"

	"tssh/client/config"
	"tssh/proxy/visible"
)

// Forwarding is one forward, asked for or taken back.
type Forwarding struct {
	Kind Kind
	config.Forward
}

// Forwardings are all those of h, in ssh's order.
func Forwardings(h *config.Host) []Forwarding {
	var all []Forwarding
	for _, f := range h.LocalForward {
		all = append(all, Forwarding{Local, f})
	}
	for _, f := range h.DynamicForward {
		all = append(all, Forwarding{Dynamic, f})
	}
	for _, f := range h.RemoteForward {
		all = append(all, Forwarding{Remote, f})
	}
	return all
}

// Request is one -O.
type Request struct {
	Path     string // the ControlPath
	Name     string // check, conninfo, channels, forward, cancel, exit or stop; Proxy is for proxy
	Forwards []Forwarding

	Stdout io.Writer // ports that the server chose, and what it tells of itself
	Stderr io.Writer // what ssh says even so: "Master running (pid=7)"
	Quiet  bool      // with LogLevel QUIET it says less
	// Errorf takes what ssh logs as an error.
	Errorf func(format string, args ...any)
}

// Command makes r of the master and returns ssh's exit status.
func Command(ctx context.Context, r Request) (status int) {
	if r.Path == "" {
		r.Errorf(`No ControlPath specified for "-O" command`)
		return 255
	}
	c, err := Dial(r.Path)
	if err != nil {
		r.Errorf("%v", err)
		return 255
	}
	defer c.Close()
	stop := context.AfterFunc(ctx, func() { c.Close() })
	defer stop()
	if err := r.run(c); err != nil {
		r.Errorf("%v", err)
		return 255
	}
	return 0
}

func (r *Request) run(c *Client) error {
	switch r.Name {
	case "check":
		pid, err := c.Check()
		if err != nil {
			return fmt.Errorf("master alive check: %w", err)
		}
		fmt.Fprintf(r.Stderr, "Master running (pid=%d)\r\n", pid)
		return nil
	case "conninfo", "channels":
		text, err := c.Info(map[string]string{"conninfo": "connection", "channels": "channels"}[r.Name])
		if err != nil {
			return err
		}
		fmt.Fprint(r.Stdout, visible.Text(text)) // names of algorithms and hosts, by the server's word
		return nil
	case "exit":
		return r.sayDone(c.Exit(), "termination", "Exit request sent.")
	case "stop":
		return r.sayDone(c.Stop(), "stop listening", "Stop listening request sent.")
	case "forward":
		if !r.forward(c) {
			return errors.New("master forward request failed")
		}
		return nil
	case "cancel":
		// As in ssh, a forward that could not be cancelled does not change the status.
		for _, f := range r.Forwards {
			if err := c.Cancel(f.Kind, f.Forward); err != nil {
				r.Errorf("%v", said("forwarding", err))
			}
		}
		return nil
	}
	return errors.New("Invalid multiplex command.")
}

// sayDone says that the master did as asked.
func (r *Request) sayDone(err error, what, done string) error {
	if err != nil {
		return said(what, err)
	}
	if !r.Quiet {
		fmt.Fprintf(r.Stderr, "%s\r\n", done)
	}
	return nil
}

func (r *Request) forward(c *Client) (ok bool) {
	ok = true
	for _, f := range r.Forwards {
		port, err := c.Forward(f.Kind, f.Forward)
		if err != nil {
			r.Errorf("%v", said("forwarding", err))
			ok = false
			continue
		}
		if f.Kind == Remote && f.BindPort == 0 && f.BindPath == "" {
			fmt.Fprintf(r.Stdout, "%d\n", port)
		}
	}
	return ok
}

// said is a master's no in ssh's words.
func said(what string, err error) error {
	var no *Refusal
	switch {
	case !errors.As(err, &no):
		return fmt.Errorf("%s request: %w", what, err)
	case no.Denied:
		return fmt.Errorf("Master refused %s request: %w", what, err)
	}
	return fmt.Errorf("%s request failed: %w", what, err)
}
