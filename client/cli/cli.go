// Package cli reads the command line as ssh(1) does, with a few long options
// of our own, into a Command. It decides nothing and opens nothing.
//
// One table, flags, says what there is; parsing, usage, help, shell completion
// and COMPAT.md all come from it. The reader is a getopt of our own, not a
// library's: a value may begin with a dash (-o -x), a flag without its value is
// an error, a word may be empty, --p is no -p, and the words of a complaint are
// ssh's; scripts depend on each.
package cli

import (
	"slices"
	"strings"

	"tssh/client/config"
	"tssh/client/sshconfig"
	"tssh/proxy/visible"
)

// Command is a command line that was understood.
type Command struct {
	Destination string   // the host as typed, without user and port; "" if none
	Words       []string // the remote command; see Line

	// Settings are all that a configuration file could say too, in the order
	// typed: flags, -o, and the user and port of the destination.
	Settings []sshconfig.Setting

	ConfigFile  string // -F; "" is the usual files, "none" no file
	Verbosity   int    // how many -v, at most 3
	Quiet       bool   // -q, and no -v after it
	LogFile     string // -E
	Syslog      bool   // -y
	Query       string // -Q
	Asked       bool   // -Q was given
	Control     string // -O: check, conninfo, channels, forward, cancel, exit, stop, proxy
	PrintConfig bool   // -G
	ListKeys    bool   // -Z

	StdioForward *config.Forward // -W: Host and Port, or Path

	// Actions of ours and -V, which end the reading of the line.
	PrintVersion bool // -V, --version
	Long         bool // --version rather than -V: to stdout, in full
	Help         bool
	Completion   string // --completion SHELL
	Status       bool
	Doctor       bool
	JSON         bool // with --status, --sessions
	Sessions     bool
	End          string // name of a session
	Attach       bool
	AttachName   string // "": the only one, or one to be chosen
	Servers      bool
	Demo         bool
}

// Line returns the remote command as it is sent: its words joined by single
// spaces and never quoted again, for the far shell splits them.
func (c *Command) Line() string { return strings.Join(c.Words, " ") }

// Way returns what leads to the destination once more, as a shell takes it: the host,
// and what the command line said of who goes there and how.
func (c *Command) Way() string {
	var words []string
	if c.ConfigFile != "" {
		words = append(words, "-F", c.ConfigFile)
	}
	host, said := c.Destination, map[string]bool{}
	for _, s := range c.Settings {
		key := strings.ToLower(s.Key)
		if s.Line != "" {
			key = strings.ToLower(s.Line)
			if end := strings.IndexAny(key, " \t="); end > 0 {
				key = key[:end]
			}
		}
		switch {
		case said[key]: // it stands already
		case s.Line != "" && slices.Contains(leading, key):
			words = append(words, "-o", s.Line)
		case s.Line != "":
			continue
		case key == "user":
			host = s.Value + "@" + host
		case key == "port":
			words = append(words, "-p", s.Value)
		case key == "proxyjump":
			words = append(words, "-J", s.Value)
		}
		said[key] = true
	}
	words = append(words, host)
	for i, w := range words {
		words[i] = visible.Word(visible.Line(w))
	}
	return strings.Join(words, " ")
}

// leading are keywords that say which host is gone to, and how.
var leading = []string{"user", "port", "hostname", "proxyjump", "proxycommand", "hostkeyalias"}

// Error is a command line that was not understood. Its text is ssh's; where
// Usage is set the usage follows it. The exit status is 255.
type Error struct {
	Text  string // "" when the usage says it all
	Usage bool
}

func (e *Error) Error() string {
	switch {
	case !e.Usage:
		return e.Text
	case e.Text == "":
		return strings.TrimSuffix(Usage, "\n")
	}
	return e.Text + "\n" + strings.TrimSuffix(Usage, "\n")
}

// Parse reads the arguments that follow the program's name.
func Parse(args []string) (*Command, error) {
	r := reader{args: args, cmd: &Command{}, level: levelUnset}
	if err := r.options(); err != nil || r.done {
		return r.cmd, err
	}
	if len(r.args) > 0 {
		if err := r.destination(r.args[0]); err != nil {
			return r.cmd, err
		}
		r.args = r.args[1:]
		// Options may follow the host, up to the first word of the command;
		// but not when "--" ended them before.
		if !r.ended {
			if err := r.options(); err != nil || r.done {
				return r.cmd, err
			}
		}
		r.cmd.Words = append([]string(nil), r.args...)
	}
	return r.cmd, r.check()
}
