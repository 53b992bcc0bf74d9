package server

import (
	"io"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"tssh/proxy/visible"
	"tssh/proxy/wire"
)

// commandLine is what tsshd can be asked for. kong reads it, and the help, the
// completion and the manual page are made of what kong makes of it.
type commandLine struct {
	Version kong.VersionFlag `help:"print the version, and exit"`

	Sessions listing     `cmd:"" help:"List your sessions on this machine (also --sessions)."`
	Offer    offering    `cmd:"" help:"Serve one session for the tssh that wrote word (tssh does this)."`
	Relay    relaying    `cmd:"" help:"Join stdin and stdout to a session (tssh does this)."`
	Sshd     serving     `cmd:"" help:"Be an SSH server for this user."`
	Sftp     sftpServing `cmd:"" name:"sftp-server" passthrough:"" help:"Serve sftp on stdin and stdout, with the arguments of OpenSSH's sftp-server."`
	Verify   verifying   `cmd:"" help:"Check that this file is what was sent: its SHA-256, in hex."`
}

type sftpServing struct {
	Args []string `arg:"" optional:"" name:"argument"`
}

type verifying struct {
	Hash string `arg:""`
}

// About says what the program is.
const About = "The far end of tssh, which starts it. It is no daemon: one process serves one session, as the user who logged in."

// parser returns what reads line. It has no help of its own, and ends nothing.
func (line *commandLine) parser() (*kong.Kong, error) {
	return kong.New(line, kong.Name("tsshd"), kong.Description(About), kong.NoDefaultHelp(),
		kong.Vars{"version": "tsshd " + wire.Release}, kong.Exit(func(int) {}))
}

// Command is one thing that tsshd can be asked for.
type Command struct {
	Name    string
	Args    string // what it takes besides options, as usage says it
	Help    string // one sentence
	Options []Option
}

// Option is an option of a Command.
type Option struct {
	Name  string
	Value string // what its value is called; "" when it takes none
	Help  string

	hidden bool
}

// Commands returns what tsshd can be asked for.
func Commands() (all []Command) {
	k, err := new(commandLine).parser()
	if err != nil {
		return nil // a test sees that there are some
	}
	for _, n := range k.Model.Children {
		c := Command{Name: n.Name, Help: n.Help}
		var words []string
		for _, p := range n.Positional {
			words = append(words, strings.NewReplacer("<", "", ">", "").Replace(p.Summary()))
		}
		c.Args = strings.Join(words, " ")
		for _, f := range n.Flags {
			o := Option{Name: f.Name, Help: f.Help, hidden: f.Hidden}
			if !f.IsBool() {
				o.Value = f.PlaceHolder
			}
			c.Options = append(c.Options, o)
		}
		all = append(all, c)
	}
	return all
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
		b.WriteString(usage + visible.Fold(c.Usage(), len(usage)))
		usage = "       "
	}
	if len(of) > 1 {
		b.WriteString(usage + "tsshd --version | --help\n\n" + visible.Fold(About, 0))
	}
	for _, c := range of {
		b.WriteString("\n" + visible.Fold(c.Name+": "+c.Help, 0))
		for _, o := range c.Shown() {
			b.WriteString(visible.Option(o.Dashed(), o.Help))
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
