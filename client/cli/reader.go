package cli

import (
	"fmt"
	"strings"

	"tssh/client/sshconfig"
)

// reader goes through the arguments once.
type reader struct {
	args  []string // not yet read
	cmd   *Command
	ended bool // by "--"
	done  bool // an action such as -V was met: ssh reads no further

	level   int    // of the log, as -v and -q left it
	session string // what -N or -s said
	tty     string // what -t, -T, -N or -W said
	master  string // what -M said
	jump    bool   // -J was given
	host    bool   // a host was given, if only ""
	behind  bool   // -f was given
}

// options reads options up to the first argument that is none.
func (r *reader) options() error {
	for len(r.args) > 0 && !r.done {
		arg := r.args[0]
		if len(arg) < 2 || arg[0] != '-' {
			return nil
		}
		r.args = r.args[1:]
		if arg == "--" {
			r.ended = true
			return nil
		}
		var err error
		if name, ok := strings.CutPrefix(arg, "--"); ok {
			err = r.long(name)
		} else {
			err = r.bundle(arg[1:])
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// bundle reads letters behind one dash; what follows a letter that takes a
// value is the value, else the next argument is, whatever it looks like.
func (r *reader) bundle(letters string) error {
	for letters != "" && !r.done {
		name := letters[:1]
		letters = letters[1:]
		f := find(name)
		if f == nil {
			return &Error{Text: "unknown option -- " + printable(name[0]), Usage: true}
		}
		value := ""
		if f.value != "" {
			switch {
			case letters != "":
				value, letters = letters, ""
			case len(r.args) > 0:
				value, r.args = r.args[0], r.args[1:]
			default:
				return &Error{Text: "option requires an argument -- " + name, Usage: true}
			}
		}
		if err := f.apply(r, value); err != nil {
			return err
		}
	}
	return nil
}

// long reads an option of ours: its value is behind "=", or the next argument.
func (r *reader) long(arg string) error {
	name, value, glued := strings.Cut(arg, "=")
	f := find(name)
	if f == nil || len(name) == 1 {
		return &Error{Text: "unknown option -- " + name, Usage: true}
	}
	switch {
	case f.value == "" && glued:
		return &Error{Text: "option doesn't take an argument -- " + name, Usage: true}
	case f.value != "" && f.value != optional && !glued:
		if len(r.args) == 0 {
			return &Error{Text: "option requires an argument -- " + name, Usage: true}
		}
		value, r.args = r.args[0], r.args[1:]
	}
	return f.apply(r, value)
}

// printable writes a byte as ssh's getopt does on a terminal.
func printable(b byte) string {
	if b < ' ' || b > '~' {
		return fmt.Sprintf("\\%03o", b)
	}
	return string(rune(b))
}

func (r *reader) set(key, value string) {
	r.cmd.Settings = append(r.cmd.Settings, sshconfig.Set(key, value))
}

func (r *reader) override(key, value string) {
	r.cmd.Settings = append(r.cmd.Settings, sshconfig.Override(key, value))
}

// check is what can only be said of the whole line.
func (r *reader) check() error {
	c := r.cmd
	switch {
	case c.JSON && !c.Status && !c.Sessions:
		return &Error{Text: "--json goes with --status and --sessions: tssh --status --json"}
	case c.Sessions && !r.host:
		return &Error{Text: "--sessions needs a destination: tssh --sessions [user@]host; on the host itself: tsshd --sessions"}
	case c.End != "" && !r.host:
		return &Error{Text: "--end needs a destination: tssh --end=name [user@]host"}
	case c.Attach && !r.host:
		return &Error{Text: "--attach needs a destination: tssh --attach[=name] [user@]host"}
	case c.Sessions && c.End != "" || (c.Sessions || c.End != "") && (c.Attach || c.Status || c.Doctor):
		return &Error{Text: "--sessions, --end, --attach, --status and --doctor are different things: choose one"}
	case c.Status && r.host:
		return &Error{Text: "--status shows all sessions of yours on this machine, and takes no destination"}
	case c.Doctor && !r.host:
		return &Error{Text: "--doctor needs a destination: tssh --doctor [user@]host"}
	case c.Servers && r.host:
		return &Error{Text: "--servers takes no destination"}
	case c.Demo && r.host:
		return &Error{Text: "--demo takes no destination: it is a session on this machine"}
	case c.Status || c.Servers || c.Demo:
		return nil
	case !r.host:
		return &Error{Usage: true}
	case r.session == "subsystem" && len(c.Words) == 0:
		return &Error{Text: "You must specify a subsystem to invoke.", Usage: true}
	case c.Attach:
		return r.checkAttach()
	case c.Syslog && c.LogFile != "":
		return &Error{Text: "Can't specify both -y and -E"}
	}
	return nil
}

// checkAttach says what makes no sense for a session that runs already.
func (r *reader) checkAttach() error {
	c := r.cmd
	wrong := ""
	switch {
	case c.StdioForward != nil:
		wrong = "-W"
	case r.session == "none":
		wrong = "-N"
	case r.session == "subsystem":
		wrong = "-s"
	case r.tty == "no":
		wrong = "-T"
	case c.Control != "":
		wrong = "-O"
	case r.behind:
		wrong = "-f"
	case len(c.Words) > 0:
		return &Error{Text: "--attach takes no command: what runs in the session goes on"}
	}
	if wrong != "" {
		return &Error{Text: "--attach comes back to a session on a terminal, which is not possible with " + wrong}
	}
	// The configuration's words about new sessions are not meant for this one.
	r.override("SessionType", "default")
	r.override("RemoteCommand", "none")
	r.override("ForkAfterAuthentication", "no")
	r.override("StdinNull", "no")
	if r.tty == "" {
		r.override("RequestTTY", "yes")
	}
	return nil
}
