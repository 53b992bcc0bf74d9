package config

import (
	"fmt"
	"net"
	"strconv"
	"strings"

	"tssh/client/config/pattern"
	"tssh/client/config/value"
)

// Jump is one host on the way, from ProxyJump.
type Jump struct {
	User string // "": as its own configuration says
	Host string
	Port int // 0: as its own configuration says
}

// String returns the hop as it is typed behind -J, in a form that is read as
// this one hop again: the name of its user may have a comma in it, and would be
// two.
func (j Jump) String() string {
	s := j.plain()
	if again, ok := ParseJumps(s); ok && len(again) == 1 && again[0] == j {
		return s
	}
	return "ssh://" + escape(j.User) + "@" + j.place()
}

func (j Jump) plain() string {
	if j.User == "" {
		return j.place()
	}
	return j.User + "@" + j.place()
}

// place is host[:port].
func (j Jump) place() string {
	s := j.Host
	if strings.Contains(s, ":") {
		s = "[" + s + "]"
	}
	if j.Port != 0 {
		s += ":" + strconv.Itoa(j.Port)
	}
	return s
}

// ParseJumps reads the hops of ProxyJump, the first one to connect to first.
func ParseJumps(list string) ([]Jump, bool) {
	var hops []Jump
	for s := range strings.SplitSeq(list, ",") {
		j, ok := parseJump(s)
		if !ok {
			return nil, false
		}
		hops = append(hops, j)
	}
	return hops, true
}

// parseJump reads [user@]host[:port] or the URI of it.
func parseJump(s string) (j Jump, ok bool) {
	var uri bool
	if j.User, j.Host, j.Port, uri, ok = ParseURI(s); uri {
		return j, ok
	}
	if i := strings.LastIndexByte(s, '@'); i >= 0 {
		if i == 0 {
			return j, false
		}
		j.User, s = s[:i], s[i+1:]
	}
	j.Host = s
	if strings.HasPrefix(s, "[") || strings.Contains(s, ":") {
		host, port, err := net.SplitHostPort(s)
		if err != nil {
			host, port = strings.Trim(s, "[]"), ""
			if !strings.HasPrefix(s, "[") {
				return j, false
			}
		}
		j.Host = host
		if port != "" {
			if j.Port = value.ParsePort(port); j.Port <= 0 {
				return j, false
			}
		}
	}
	return j, j.Host != ""
}

// unfit says in ssh's words what of a hop may not come from the command line,
// where a program may have put what it was given; "" when nothing is.
func (j Jump) unfit() string {
	switch {
	case !pattern.ValidHost(j.Host):
		return fmt.Sprintf("parse_jump: invalid hostname \"%s\"", j.Host)
	case j.User != "" && !pattern.ValidUser(j.User):
		return fmt.Sprintf("parse_jump: invalid username \"%s\"", j.User)
	}
	return ""
}

// proxyJump takes a list of hops, or none. It and ProxyCommand compete: the
// first of them, none included, keeps the other out.
func proxyJump(e *evaluator, l *value.Line) ([]string, error) {
	typed := l.Flag || l.File == commandLine
	value := strings.TrimLeft(l.Rest, value.Blanks+"=")
	if !l.Flag { // quotes are of the name; what follows the first word is not looked at
		if i := strings.IndexAny(value, " \t"); i >= 0 {
			value = value[:i]
		}
	}
	value, _, _ = strings.Cut(value, "#")
	l.Args = nil
	if l.Flag && e.values["proxycommand"] != nil {
		return nil, &Error{Lines: []string{"Cannot specify -J with ProxyCommand"}}
	}
	if strings.EqualFold(value, "none") {
		return e.ifNoProxy("none"), nil
	}
	words := strings.Split(value, ",")
	for i := len(words) - 1; i >= 0; i-- { // the last one is the one that ssh reads first
		hop, ok := parseJump(words[i])
		if !ok {
			return nil, l.Errorf("Invalid ProxyJump %q", value)
		}
		if fault := hop.unfit(); typed && fault != "" {
			return nil, &Error{Lines: []string{fault, l.Errorf("Invalid ProxyJump %q", value).Error()}}
		}
		if i == len(words)-1 {
			words[i] = hop.String()
		}
	}
	return e.ifNoProxy(strings.Join(words, ",")), nil
}

func (e *evaluator) ifNoProxy(value string) []string {
	if e.values["proxycommand"] != nil {
		return nil
	}
	return []string{value}
}

func proxyCommand(e *evaluator, l *value.Line) ([]string, error) {
	value, err := value.Command(l)
	jump := e.values["proxyjump"]
	if jump != nil && jump[0] != "none" {
		return nil, err
	}
	return value, err
}

// agentPath is checked as early as ssh does: an environment variable that is
// not there is an error of the file.
func agentPath(e *evaluator, l *value.Line) ([]string, error) {
	arg, err := l.One()
	if err != nil {
		return nil, err
	}
	if name, ok := strings.CutPrefix(arg, "$"); ok && !strings.HasPrefix(name, "{") && !value.ValidEnvName(name) {
		return nil, l.Errorf("Invalid environment name %s.", arg)
	}
	if _, err := e.environment(arg); err != nil {
		return nil, &Error{Lines: []string{err.Error(), l.Errorf("Invalid environment expansion %s.", arg).Error()}}
	}
	return []string{arg}, nil
}

func forwardAgent(e *evaluator, l *value.Line) ([]string, error) {
	arg, err := l.One()
	if err != nil {
		return nil, err
	}
	switch low := strings.ToLower(arg); low {
	case "yes", "no":
		return []string{low}, nil
	case "true":
		return []string{"yes"}, nil
	case "false":
		return []string{"no"}, nil
	}
	l.Args = append([]string{arg}, l.Args...)
	return agentPath(e, l)
}
