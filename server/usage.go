package server

import (
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Command is one thing that tsshd can be asked for. The table of them makes the
// reader, the help and the manual page.
type Command struct {
	Name    string
	Args    string // what it takes besides options, as usage says it
	Help    string // one sentence
	Options []Option

	min, max int // how many arguments
	run      func(o *options, args []string) int
}

// Option is an option of a Command.
type Option struct {
	Name  string
	Value string // what its value is called; "" when it takes none
	Help  string

	hidden bool
	text   func(*options) *string
	truth  func(*options) *bool
}

// options are all that commands can be told by options.
type options struct {
	offering offering
	serving  serving
}

// About says what the program is.
const About = "The far end of tssh, which starts it. It is no daemon: one process serves one session, as the user who logged in."

// Commands returns the table.
func Commands() []Command {
	return []Command{
		{
			Name: "offer", Args: "word", Help: "Serve one session for the tssh that wrote word (tssh does this).",
			min: 1, max: 1,
			Options: []Option{
				{Name: "log", Value: "file", Help: "write there what happens", text: func(o *options) *string { return &o.offering.Log }},
				{Name: "detached", hidden: true, truth: func(o *options) *bool { return &o.offering.Detached }},
			},
			run: func(o *options, args []string) int { o.offering.Word = args[0]; return offer(o.offering) },
		},
		{
			Name: "relay", Args: "socket [pid]", Help: "Join stdin and stdout to a session (tssh does this).",
			min: 1, max: 2,
			run: func(_ *options, args []string) int {
				return relay(relaying{Socket: args[0], Process: strings.Join(args[1:], "")})
			},
		},
		{
			Name: "sshd", Help: "Be an SSH server for this user.",
			Options: []Option{
				{Name: "listen", Value: "address", Help: "address and port to listen on; port 0 is a free one (127.0.0.1:0)", text: func(o *options) *string { return &o.serving.Listen }},
				{Name: "host-key", Value: "file", Help: "private host key; without it one is made for this run", text: func(o *options) *string { return &o.serving.HostKey }},
				{Name: "authorized-keys", Value: "file", Help: "keys that may log in (~/.ssh/authorized_keys)", text: func(o *options) *string { return &o.serving.AuthorizedKeys }},
				{Name: "port-file", Value: "file", Help: "write the port there once clients can connect", text: func(o *options) *string { return &o.serving.PortFile }},
				{Name: "config", Value: "file", Help: "an sshd_config that says what is permitted; without it everything is", text: func(o *options) *string { return &o.serving.Config }},
				{Name: "v", Help: "say on stderr what happens", truth: func(o *options) *bool { return &o.serving.Verbose }},
				{Name: "verbose", hidden: true, truth: func(o *options) *bool { return &o.serving.Verbose }},
			},
			run: func(o *options, _ []string) int { return sshd(o.serving) },
		},
		{
			Name: "sftp-server", Args: "[argument ...]", Help: "Serve sftp on stdin and stdout, with the arguments of OpenSSH's sftp-server.",
			max: -1,
			run: func(_ *options, args []string) int { return sftpServer(args) },
		},
		{
			Name: "verify", Args: "hash", Help: "Check that this file is what was sent: its SHA-256, in hex.",
			min: 1, max: 1,
			run: func(_ *options, args []string) int { return verify(args[0]) },
		},
	}
}

// read reads the arguments of a command, whose options may stand anywhere.
func (c *Command) read(args []string) (o options, words []string, err error) {
	o.serving.Listen = "127.0.0.1:0"
	if c.max < 0 { // another program's, not ours
		return o, args, nil
	}
	set := flag.NewFlagSet(c.Name, flag.ContinueOnError)
	set.SetOutput(io.Discard)
	for _, f := range c.Options {
		if f.text != nil {
			set.StringVar(f.text(&o), f.Name, *f.text(&o), "")
		} else {
			set.BoolVar(f.truth(&o), f.Name, false, "")
		}
	}
	for {
		if err := set.Parse(args); err != nil {
			return o, nil, inWords(err)
		}
		if args = set.Args(); len(args) == 0 {
			break
		}
		words, args = append(words, args[0]), args[1:]
	}
	switch {
	case len(words) < c.min:
		return o, nil, fmt.Errorf("an argument is missing: %s", c.Args)
	case len(words) > c.max:
		return o, nil, fmt.Errorf("unexpected argument %q", words[c.max])
	}
	return o, words, nil
}

// inWords says what package flag complains of as tssh does.
func inWords(err error) error {
	if name, ok := strings.CutPrefix(err.Error(), "flag needs an argument: -"); ok {
		return fmt.Errorf("option requires an argument -- %s", name)
	}
	if name, ok := strings.CutPrefix(err.Error(), "flag provided but not defined: -"); ok {
		return fmt.Errorf("unknown option -- %s", name)
	}
	return err
}

// find returns the command of that name, or nil.
func find(name string) *Command {
	all := Commands()
	if i := slices.IndexFunc(all, func(c Command) bool { return c.Name == name }); i >= 0 {
		return &all[i]
	}
	return nil
}

// Dashed returns an option with its value as it is typed.
func (o *Option) Dashed() string {
	dashes := "--"
	if len(o.Name) == 1 {
		dashes = "-"
	}
	return strings.TrimSpace(dashes + o.Name + " " + o.Value)
}

// Shown are the options that users may give.
func (c *Command) Shown() []Option {
	return slices.DeleteFunc(slices.Clone(c.Options), func(o Option) bool { return o.hidden })
}

// Usage returns how the command is called.
func (c *Command) Usage() string {
	words := []string{"tsshd", c.Name}
	for _, o := range c.Shown() {
		words = append(words, "["+o.Dashed()+"]")
	}
	return strings.TrimSpace(strings.Join(append(words, c.Args), " "))
}

// printHelp writes what there is: all of it, or one command.
func printHelp(w io.Writer, of ...Command) error {
	var b strings.Builder
	usage := "usage: "
	for _, c := range of {
		b.WriteString(usage + c.Usage() + "\n")
		usage = "       "
	}
	if len(of) > 1 {
		b.WriteString(usage + "tsshd --version | --help\n\n" + About + "\n")
	}
	for _, c := range of {
		fmt.Fprintf(&b, "\n%s: %s\n", c.Name, c.Help)
		for _, o := range c.Shown() {
			fmt.Fprintf(&b, "  %-28s %s\n", o.Dashed(), o.Help)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// complete writes how the last of words may go on; fresh says that a new one
// begins.
func complete(w io.Writer, words []string, fresh bool) error {
	if fresh || len(words) == 0 {
		words = append(words, "")
	}
	before, cur := words[:len(words)-1], words[len(words)-1]
	var all []string
	if len(before) == 0 {
		for _, c := range Commands() {
			all = append(all, c.Name+"\t"+c.Help)
		}
		all = append(all, "--version", "--help")
	} else if c := find(before[0]); c != nil {
		for _, o := range c.Shown() {
			name, value, _ := strings.Cut(o.Dashed(), " ")
			if value == "file" && before[len(before)-1] == name {
				_, err := io.WriteString(w, ":files\n")
				return err
			}
			all = append(all, name+"\t"+o.Help)
		}
	}
	var b strings.Builder
	for _, c := range all {
		if strings.HasPrefix(c, cur) {
			b.WriteString(c + "\n")
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}
