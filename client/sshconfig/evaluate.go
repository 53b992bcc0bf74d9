// Package sshconfig evaluates ssh_config(5), our own keys in it, and the options
// of the command line into a config.Host. It opens no connection.
package sshconfig

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"

	"tssh/client/config"
	"tssh/client/config/endpoint"
	"tssh/client/sshconfig/pattern"
	"tssh/client/sshconfig/value"
	"tssh/proxy/cause"
)

// Request is what the command line asks of the configuration.
type Request struct {
	Host     string // as typed, without user and port
	Settings []Setting
	File     string // instead of the usual files; "none" is no file
	Command  string // the remote command; "" is a shell
	// Stdio is set for -W: then forwardings are cleared and must not fail, unless
	// said otherwise.
	Stdio bool
}

// evaluator collects what applies to one host.
type evaluator struct {
	env *Env
	req *Request

	host   *config.Host        // what is typed already
	values map[string][]string // by keyword in lower case; the first stays

	name      string          // what Host and Match host compare; canonical in the second pass
	final     bool            // the second pass
	wantFinal bool            // a Match final was seen
	typed     map[string]bool // keywords that the command line set
	named     bool            // the user was: by -l, or before the host
}

// Resolved is a Host with all that was said of it.
type Resolved struct {
	*config.Host

	env    *Env
	values map[string][]string // as -G prints them
	late   error               // see Check
}

// Resolve evaluates the settings and the files for one host. The error is a
// *config.Error, to be printed as it is.
func Resolve(env Env, req Request) (*Resolved, error) {
	e := &evaluator{
		env: &env, req: &req, host: &config.Host{Original: req.Host},
		values: map[string][]string{}, typed: map[string]bool{}, name: req.Host,
	}
	for i := range req.Settings {
		if err := e.setting(&req.Settings[i]); err != nil {
			return nil, err
		}
	}
	if err := e.judge(); err != nil {
		return nil, err
	}
	if e.first("sessiontype") == "subsystem" && req.Command == "" {
		return nil, &config.Error{Lines: []string{"You must specify a subsystem to invoke."}}
	}
	for key := range e.values {
		e.typed[key] = true
	}
	if err := e.files(); err != nil {
		return nil, err
	}
	if err := e.canonicalize(); err != nil {
		return nil, err
	}
	return e.finish()
}

// judge refuses names of the command line that a shell would take for more than
// names: programs that call us put there what they were given, by a link or a
// repository's address. It comes before any file is read, since the first line
// of a file may be a Match exec that passes them to a shell, or an Include that
// makes a path of them. Every host goes through here, those on the way too;
// hops of -J have been judged when they were read. What a file says is the
// user's own word, and is not judged.
func (e *evaluator) judge() error {
	if !endpoint.ValidTyped(e.first("user")) {
		return errUser
	}
	if !endpoint.ValidHost(e.req.Host) {
		return &config.Error{Lines: []string{"hostname contains invalid characters"}}
	}
	return nil
}

var errUser = &config.Error{Lines: []string{"remote username contains invalid characters"}} // never changed

// setting applies one option of the command line.
func (e *evaluator) setting(s *Setting) error {
	if s.Line != "" || s.Key == "" {
		l, err := value.Read(commandLine, 0, s.Line)
		if err != nil || l == nil {
			return err
		}
		l.Active, l.Ours = true, true
		switch l.Key {
		case "host", "match":
			return &config.Error{Lines: []string{"Host directive not supported as a command-line option"}}
		case "include":
			return &config.Error{Lines: []string{"Include directive not supported as a command-line option"}}
		}
		return e.apply(l)
	}
	l := &value.Line{Where: commandLine + " line 0", File: commandLine, Key: lower(s.Key),
		Rest: s.Value, Args: []string{s.Value}, Active: true, Flag: true}
	if s.Existing {
		path, err := e.env.Tilde(s.Value)
		if err != nil {
			return err
		}
		if _, err := os.Stat(path); err != nil {
			e.env.warn(fmt.Sprintf("Warning: Identity file %s not accessible: %s.", path, cause.Of(err)))
			return nil
		}
		l.Args = []string{path}
	}
	if s.Override {
		delete(e.values, l.Key)
	}
	if l.Key == "user" && e.values["user"] == nil {
		e.named = true
	}
	err := e.apply(l)
	if bad, ok := err.(*config.Error); ok && s.Complaint != "" && strings.HasPrefix(bad.Lines[len(bad.Lines)-1], l.Where) {
		text := s.Complaint
		if strings.Contains(text, "%s") {
			text = fmt.Sprintf(text, s.Value)
		}
		return &config.Error{Lines: append(bad.Lines[:len(bad.Lines)-1:len(bad.Lines)-1], text)}
	}
	return err
}

// commandLine stands for the name of a file in complaints.
const commandLine = "command-line"

// apply takes the value of a keyword.
func (e *evaluator) apply(l *value.Line) error {
	k := find(l.Key)
	if k == nil {
		return e.unknown(l)
	}
	l.Key, l.Name = lower(k.name), k.name
	var values []string
	var err error
	if k.collect != nil {
		values, err = k.collect(e, l)
	} else {
		values, err = k.parse(l)
	}
	if err != nil {
		return err
	}
	if len(l.Args) > 0 {
		return l.Errorf("keyword %s extra arguments at end of line", l.Key)
	}
	if !l.Active || len(values) == 0 {
		return nil
	}
	switch old := e.values[l.Key]; {
	case k.many:
		for _, v := range values {
			if !slices.Contains(old, v) {
				old = append(old, v)
			}
		}
		e.values[l.Key] = old
	case old == nil:
		e.values[l.Key] = values
	}
	return nil
}

// unknown is for keywords that mean nothing: some are old, and some are to be
// ignored because IgnoreUnknown says so.
func (e *evaluator) unknown(l *value.Line) error {
	if loud, old := gone[l.Key]; old {
		if loud {
			e.env.warn(fmt.Sprintf("%s: Unsupported option %q", l.Where, l.Key))
		}
		return nil
	}
	if list := e.values["ignoreunknown"]; list != nil && pattern.MatchFold(l.Key, list[0]) > 0 {
		return nil
	}
	if l.Key == "usekeychain" && runtime.GOOS == "darwin" {
		return nil
	}
	return &config.Error{Lines: []string{fmt.Sprintf("%s: line %d: Bad configuration option: %s", l.File, l.Number, l.Key)}}
}

func lower(s string) string { return strings.ToLower(s) }
