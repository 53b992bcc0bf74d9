package cli

import (
	"fmt"
	"slices"
	"strings"

	"tssh/client/config/endpoint"
	"tssh/client/sshconfig"
	"tssh/proxy/terms"
)

// The functions here are what flags do. Most are a setting that a file could
// make too; they differ in whether it stands before earlier ones.

type apply = func(r *reader, value string) error

func nothing(*reader, string) error { return nil }

func protocol1(*reader, string) error {
	return &Error{Text: "SSH protocol v.1 is no longer supported"}
}

func override(key, value string) apply {
	return func(r *reader, _ string) error {
		r.override(key, value)
		return nil
	}
}

func overrideValue(key string) apply {
	return func(r *reader, value string) error {
		r.override(key, value)
		return nil
	}
}

func settingValue(key string) apply {
	return func(r *reader, value string) error {
		r.set(key, value)
		return nil
	}
}

// complaining overrides, and finds a bad value in words of its own.
func complaining(key, complaint string) apply {
	return func(r *reader, value string) error {
		r.add(sshconfig.Setting{Key: key, Value: value, Override: true, Complaint: complaint})
		return nil
	}
}

// appending is for keywords that collect their values.
func appending(key, complaint string) apply {
	return func(r *reader, value string) error {
		r.add(sshconfig.Setting{Key: key, Value: value, Complaint: complaint})
		return nil
	}
}

// forwarding is appending; behind "udp/" it forwards datagrams.
func forwarding(key, complaint string) apply {
	return func(r *reader, value string) error {
		if rest, ok := strings.CutPrefix(value, "udp/"); ok {
			r.add(sshconfig.Setting{Key: "Udp" + key, Value: rest, Complaint: complaint})
			return nil
		}
		return appending(key, complaint)(r, value)
	}
}

func text(field func(*Command) *string) apply {
	return func(r *reader, value string) error {
		*field(r.cmd) = value
		return nil
	}
}

func yes(field func(*Command) *bool) apply {
	return func(r *reader, _ string) error {
		*field(r.cmd) = true
		return nil
	}
}

func (r *reader) add(s sshconfig.Setting) { r.cmd.Settings = append(r.cmd.Settings, s) }

// unlessEmpty overrides; nothing at all, as of a variable that is not set, is
// "none".
func unlessEmpty(key string) apply {
	return func(r *reader, value string) error {
		if value == "" {
			value = "none"
		}
		r.override(key, value)
		return nil
	}
}

func optionLine(r *reader, value string) error {
	r.add(sshconfig.Setting{Line: value})
	return nil
}

func port(r *reader, value string) error {
	r.add(sshconfig.Setting{Key: "Port", Value: value, Complaint: "Bad port '%s'"})
	return nil
}

func identity(r *reader, value string) error {
	r.add(sshconfig.Setting{Key: "IdentityFile", Value: value, Existing: true})
	return nil
}

func background(r *reader, _ string) error {
	r.behind = true
	r.override("ForkAfterAuthentication", "yes")
	r.override("StdinNull", "yes")
	return nil
}

func gssapi(r *reader, _ string) error {
	r.override("GSSAPIAuthentication", "yes")
	r.override("GSSAPIDelegateCredentials", "yes")
	return nil
}

func trustedX11(r *reader, _ string) error {
	r.override("ForwardX11", "yes")
	r.override("ForwardX11Trusted", "yes")
	return nil
}

func jump(r *reader, value string) error {
	if r.jump {
		return &Error{Text: "Only a single -J option is permitted (use commas to separate multiple jump hops)"}
	}
	r.jump = true
	r.add(sshconfig.Setting{Key: "ProxyJump", Value: value, Complaint: "Invalid -J argument"})
	return nil
}

func master(r *reader, _ string) error {
	if r.master == "yes" {
		r.master = "ask"
	} else {
		r.master = "yes"
	}
	r.override("ControlMaster", r.master)
	return nil
}

func noCommand(r *reader, _ string) error {
	if r.session == "subsystem" {
		return &Error{Text: "Cannot specify -N with -s/SessionType"}
	}
	r.session = "none"
	r.override("SessionType", "none")
	return noTTY(r, "")
}

func subsystem(r *reader, _ string) error {
	if r.session == "none" {
		return &Error{Text: "Cannot specify -s with -N/SessionType"}
	}
	r.session = "subsystem"
	r.override("SessionType", "subsystem")
	return nil
}

func noTTY(r *reader, _ string) error {
	r.tty = "no"
	r.override("RequestTTY", "no")
	return nil
}

func forceTTY(r *reader, _ string) error {
	if r.tty == "yes" {
		r.tty = "force"
	} else {
		r.tty = "yes"
	}
	r.override("RequestTTY", r.tty)
	return nil
}

func control(r *reader, value string) error {
	c := r.cmd
	switch {
	case c.StdioForward != nil:
		return &Error{Text: "Cannot specify multiplexing command with -W"}
	case c.Control != "":
		return &Error{Text: "Multiplexing command already specified"}
	}
	switch value {
	case "check", "conninfo", "channels", "forward", "cancel", "exit", "stop", "proxy":
		c.Control = value
		return nil
	}
	return &Error{Text: "Invalid multiplex command."}
}

func stdio(r *reader, value string) error {
	c := r.cmd
	switch {
	case c.StdioForward != nil:
		return &Error{Text: "stdio forward already specified"}
	case c.Control != "":
		return &Error{Text: "Cannot specify stdio forward with -O"}
	}
	to, err := endpoint.ParseStdioForward(value)
	if err != nil {
		return &Error{Text: fmt.Sprintf("Bad stdio forwarding specification '%s'", value)}
	}
	c.StdioForward = &to
	r.override("SessionType", "none")
	return noTTY(r, "")
}

func tunnel(r *reader, value string) error {
	r.set("Tunnel", "point-to-point")
	return complaining("TunnelDevice", "Bad tun device '%s'")(r, value)
}

func query(r *reader, value string) error {
	r.cmd.Query, r.cmd.Asked, r.done = value, true, true
	return nil
}

func completion(r *reader, value string) error {
	if !slices.Contains(Shells(), value) {
		return &Error{Text: fmt.Sprintf("no completion for %q; there is one for %s", value, strings.Join(Shells(), ", "))}
	}
	r.cmd.Completion, r.done = value, true
	return nil
}

func attach(r *reader, value string) error {
	if value != "" {
		if err := terms.CheckName(value); err != nil {
			return &Error{Text: "--attach: " + err.Error()}
		}
	}
	r.cmd.Attach, r.cmd.AttachName = true, value
	return nil
}

func end(r *reader, value string) error {
	if err := terms.CheckName(value); err != nil {
		return &Error{Text: "--end: " + err.Error()}
	}
	r.cmd.End = value
	return nil
}

func version(r *reader, _ string) error {
	r.cmd.PrintVersion, r.done = true, true
	return nil
}

func longVersion(r *reader, _ string) error {
	r.cmd.Long = true
	return version(r, "")
}

func help(r *reader, _ string) error {
	r.cmd.Help, r.done = true, true
	return nil
}

// levels are those of the log from silence up; -v after -q climbs from there,
// as in ssh.
var levels = [...]string{"QUIET", "FATAL", "ERROR", "INFO", "VERBOSE", "DEBUG1", "DEBUG2", "DEBUG3"}

const (
	levelUnset  = -1
	levelQuiet  = 0
	levelDebug1 = 5
)

func quiet(r *reader, _ string) error {
	r.level, r.cmd.Quiet = levelQuiet, true
	r.override("LogLevel", levels[r.level])
	return nil
}

func verbose(r *reader, _ string) error {
	switch {
	case r.cmd.Verbosity == 0:
		r.level = levelDebug1
		r.cmd.Verbosity = 1
	case r.level < len(levels)-1:
		r.level++
		r.cmd.Verbosity = min(r.cmd.Verbosity+1, 3)
	}
	r.cmd.Quiet = r.level == levelQuiet
	r.override("LogLevel", levels[r.level])
	return nil
}
