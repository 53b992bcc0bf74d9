package sshconfig

import (
	"fmt"
	"net/netip"
	"strings"

	"tssh/client/config"
	"tssh/client/config/expand"
	"tssh/client/sshconfig/pattern"
	"tssh/client/sshconfig/value"
)

// match evaluates the criteria of a Match line: all must be met. They are
// checked to the end even when one is not, but no command is run for nothing.
func (e *evaluator) match(l *value.Line, b *block) (bool, error) {
	rest := l.Rest
	result := !b.never
	for n := 0; ; n++ {
		word, after, ok := value.Attribute(rest)
		if !ok {
			return false, badMatch(l, "invalid quotes")
		}
		if word == "" {
			if n == 0 {
				return false, badMatch(l, "")
			}
			return result, nil
		}
		rest = after
		attribute, negated := strings.CutPrefix(word, "!")
		attribute = lower(attribute)
		if attribute == "all" {
			if next, _, _ := value.Attribute(rest); n > 1 || next != "" {
				return false, badMatch(l, l.Where+": 'all' cannot be combined with other Match attributes")
			}
			return result && !negated, nil
		}
		met, known := e.pass(attribute)
		if !known {
			var arg string
			arg, rest, ok = value.Argument(rest)
			if !ok || arg == "" && attribute != "tagged" && attribute != "command" {
				return false, badMatch(l, "Missing Match criteria for "+attribute)
			}
			var err error
			if met, err = e.criterion(attribute, arg, result, l); err != nil {
				return false, err
			}
		}
		if met == negated {
			result = false
		}
	}
}

// badMatch is the end of a complaint about a Match line.
func badMatch(l *value.Line, why string) error {
	bad := &config.Error{Lines: []string{l.Where + ": Bad Match condition"}}
	if why != "" {
		bad.Lines = append([]string{why}, bad.Lines...)
	}
	return bad
}

// pass evaluates the criteria without an argument.
func (e *evaluator) pass(attribute string) (met, known bool) {
	switch attribute {
	case "canonical":
		return e.final, true
	case "final":
		e.wantFinal = true
		return e.final, true
	}
	return false, false
}

// criterion evaluates one with an argument.
func (e *evaluator) criterion(attribute, arg string, needed bool, l *value.Line) (bool, error) {
	list := func(s string) (bool, error) { return pattern.MatchList(s, arg) > 0, nil }
	switch attribute {
	case "host":
		return pattern.MatchFold(e.target(), arg) > 0, nil
	case "originalhost":
		return pattern.MatchFold(e.req.Host, arg) > 0, nil
	case "user":
		return list(e.remoteUser())
	case "localuser":
		return list(e.env.User)
	case "tagged":
		return orNone(e.first("tag"), arg), nil
	case "version":
		return list(e.env.Version)
	case "sessiontype":
		return list(e.sessionType())
	case "command":
		return orNone(e.req.Command, arg), nil
	case "localnetwork":
		return e.localNetwork(arg, l)
	case "exec":
		if !needed {
			return false, nil
		}
		return e.exec(arg, l)
	}
	return false, badMatch(l, "Unsupported Match attribute "+attribute)
}

// orNone matches a list of which the empty one stands for what is not there.
func orNone(s, list string) bool {
	if list == "" {
		return s == ""
	}
	return pattern.MatchList(s, list) > 0
}

// first returns what a keyword was set to, or "".
func (e *evaluator) first(key string) string {
	if v := e.values[key]; v != nil {
		return v[0]
	}
	return ""
}

func (e *evaluator) remoteUser() string {
	if u := e.first("user"); u != "" {
		return u
	}
	return e.env.User
}

// target is the name to be connected to, as far as it is known by now.
func (e *evaluator) target() string {
	h := e.first("hostname")
	switch {
	case h == "" || e.final:
		return e.name
	}
	expanded, err := expand.Percent(h, map[byte]string{'h': e.name})
	if err != nil {
		return e.name
	}
	return expanded
}

func (e *evaluator) sessionType() string {
	switch t := e.first("sessiontype"); {
	case t == "none" || t == "subsystem":
		return t
	case e.req.Command != "":
		return "exec"
	}
	return "shell"
}

// exec runs a command with the tokens of the TOKENS section expanded.
func (e *evaluator) exec(command string, l *value.Line) (bool, error) {
	expanded, err := expand.Percent(command, e.tokens())
	if err != nil {
		return false, &config.Error{Lines: []string{err.Error(), "percent_expand: failed"}, Fatal: true}
	}
	ok, err := e.env.Run(expanded)
	if err != nil {
		return false, badMatch(l, fmt.Sprintf("%s: match exec '%.100s' error", l.Where, expanded))
	}
	return ok, nil
}

// localNetwork reports whether an address of this machine is in one of the
// networks of a list, and in none behind "!".
func (e *evaluator) localNetwork(list string, l *value.Line) (bool, error) {
	own, err := e.env.Addrs()
	if err != nil {
		return false, badMatch(l, "list the addresses of this machine: "+err.Error())
	}
	found := false
	for _, s := range strings.Split(list, ",") {
		s, negated := strings.CutPrefix(s, "!")
		network, err := netip.ParsePrefix(s)
		if err != nil {
			a, err := netip.ParseAddr(s)
			if err != nil {
				return false, badMatch(l, fmt.Sprintf("Invalid network entry %q", s))
			}
			network = netip.PrefixFrom(a, a.BitLen())
		}
		if network.Masked() != network {
			return false, badMatch(l, fmt.Sprintf("Inconsistent mask length for match network %q", s))
		}
		for _, a := range own {
			if network.Contains(a.WithZone("")) {
				if negated {
					return false, nil
				}
				found = true
			}
		}
	}
	return found, nil
}
