package server

import (
	"io"
	"reflect"
	"slices"
	"strings"

	"tssh/proxy/visible"
	"tssh/server/tags"
)

// commandLine is what tsshd can be asked for, in kong's tags. The help, the
// completion and the manual page are made of them too.
type commandLine struct {
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
}

// Commands returns what tsshd can be asked for.
func Commands() (all []Command) {
	for name, f := range tags.Fields(reflect.TypeFor[commandLine]()) {
		c := Command{Name: name, Help: f.Tag.Get("help")}
		var words []string
		for name, f := range tags.Fields(f.Type) {
			switch {
			case !tags.Has(f, "arg"):
				o := Option{Name: name, Value: f.Tag.Get("placeholder"), Help: f.Tag.Get("help")}
				c.Options = append(c.Options, o)
			case f.Type.Kind() == reflect.Slice:
				words = append(words, "["+name+" ...]")
			case tags.Has(f, "optional"):
				words = append(words, "["+name+"]")
			default:
				words = append(words, name)
			}
		}
		c.Args = strings.Join(words, " ")
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

// Usage returns how the command is called.
func (c *Command) Usage() string {
	words := []string{"tsshd", c.Name}
	for _, o := range c.Options {
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
		for _, o := range c.Options {
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
		for _, o := range c.Options {
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
