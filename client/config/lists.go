package config

import (
	"net"
	"slices"
	"strconv"
	"strings"

	"tssh/client/config/algorithm"
	"tssh/client/config/pattern"
)

// These take several arguments, or lists.

// algorithms takes a list of names; complaint is what is said of a bad one.
func algorithms(k algorithm.Kind, complaint string) parser {
	return func(e *evaluator, l *line) ([]string, error) {
		arg, err := l.one()
		if err != nil {
			return nil, err
		}
		valid := algorithm.Valid
		if l.set != nil { // ssh's flags -c and -m know no "-"
			valid = func(k algorithm.Kind, s string) bool {
				return !strings.HasPrefix(s, "-") && algorithm.Valid(k, s)
			}
		}
		if !valid(k, arg) {
			return nil, l.errorf(complaint, arg)
		}
		return []string{arg}, nil
	}
}

// files takes paths, or "none" alone.
func files(_ *evaluator, l *line) ([]string, error) {
	return several(l, func(arg string) error { return nil })
}

// several takes the rest of the arguments, of which "none" must be the only one.
func several(l *line, check func(string) error) ([]string, error) {
	args := l.args
	l.args = nil
	for _, arg := range args {
		switch {
		case arg == "":
			return nil, l.errorf("keyword %s empty argument", l.key)
		case strings.EqualFold(arg, "none") && len(args) > 1:
			return nil, l.errorf("keyword %s \"none\" argument must appear alone.", l.key)
		case strings.EqualFold(arg, "none"):
			return []string{"none"}, nil
		}
		if err := check(arg); err != nil {
			return nil, err
		}
	}
	return args, nil
}

func domains(_ *evaluator, l *line) ([]string, error) {
	return several(l, func(arg string) error {
		if fault := pattern.DomainFault(arg); fault != "" {
			return l.errorf("%s", fault)
		}
		return nil
	})
}

func cnames(_ *evaluator, l *line) ([]string, error) {
	rules, err := several(l, func(arg string) error {
		from, to, ok := strings.Cut(arg, ":")
		if arg != "*" && (!ok || from == "" || to == "") {
			return l.errorf("Invalid permitted CNAME %q", arg)
		}
		return nil
	})
	for i, r := range rules {
		if r == "*" {
			r = "*:*"
		}
		rules[i] = strings.ToLower(r)
	}
	return rules, err
}

// permitted takes host:port pairs, "any" or "none".
func permitted(_ *evaluator, l *line) ([]string, error) {
	args := l.args
	l.args = nil
	for _, arg := range args {
		low := strings.ToLower(arg)
		if low == "any" || low == "none" {
			if len(args) > 1 {
				return nil, l.errorf("keyword %s %q argument must appear alone.", l.key, low)
			}
			return []string{low}, nil
		}
		_, port, ok := cutHostPort(arg)
		if !ok {
			return nil, l.fatalf("missing host in %s", l.key)
		}
		if n := parsePort(port); port != "*" && n <= 0 {
			return nil, l.fatalf("bad port number in %s", l.key)
		}
	}
	return args, nil
}

// cutHostPort takes host:port apart, at the last colon.
func cutHostPort(s string) (host, port string, ok bool) {
	if h, p, err := net.SplitHostPort(s); err == nil {
		return h, p, true
	}
	i := strings.LastIndexByte(s, ':')
	if i < 0 {
		return s, "", s != ""
	}
	return s[:i], s[i+1:], true
}

// sendEnv collects patterns; one behind "-" takes out those it matches.
func sendEnv(e *evaluator, l *line) ([]string, error) {
	names := slices.Clone(e.values[l.key])
	for _, arg := range l.args {
		if arg == "" || strings.Contains(arg, "=") {
			return nil, l.errorf("Invalid environment name.")
		}
		if gone, ok := strings.CutPrefix(arg, "-"); ok {
			names = slices.DeleteFunc(names, func(n string) bool { return pattern.Match(n, gone) })
		} else {
			names = append(names, arg)
		}
	}
	l.args = nil
	if l.active {
		e.values[l.key] = names
	}
	return nil, nil
}

func setEnv(_ *evaluator, l *line) ([]string, error) {
	var pairs, names []string
	for _, arg := range l.args {
		name, _, ok := strings.Cut(arg, "=")
		if !ok || name == "" {
			return nil, l.errorf("Invalid SetEnv.")
		}
		if !slices.Contains(names, name) {
			names, pairs = append(names, name), append(pairs, arg)
		}
	}
	l.args = nil
	return pairs, nil
}

// wordsOnce takes all arguments of the first line that has any.
func wordsOnce(_ *evaluator, l *line) ([]string, error) {
	args := l.args
	l.args = nil
	for _, arg := range args {
		if arg == "" {
			return nil, l.errorf("keyword %s empty argument", l.key)
		}
	}
	return args, nil
}

// classes are the names of IPQoS and the values of the header byte.
var classes = []struct {
	name  string
	value int
}{
	{"none", -1},
	{"af11", 0x28}, {"af12", 0x30}, {"af13", 0x38}, {"af21", 0x48}, {"af22", 0x50}, {"af23", 0x58},
	{"af31", 0x68}, {"af32", 0x70}, {"af33", 0x78}, {"af41", 0x88}, {"af42", 0x90}, {"af43", 0x98},
	{"cs0", 0x00}, {"cs1", 0x20}, {"cs2", 0x40}, {"cs3", 0x60}, {"cs4", 0x80}, {"cs5", 0xa0},
	{"cs6", 0xc0}, {"cs7", 0xe0}, {"ef", 0xb8}, {"le", 0x04}, {"va", 0xb0},
	{"lowdelay", 0x10}, {"throughput", 0x08}, {"reliability", 0x04},
}

// ipQoS takes one class for all, or one for terminals and one for the rest.
func ipQoS(_ *evaluator, l *line) ([]string, error) {
	var both []string
	for len(both) < 2 {
		arg, ok := l.next()
		if !ok && len(both) == 1 {
			arg = both[0]
		}
		class, ok := qosClass(arg)
		if !ok {
			return nil, l.errorf("Bad IPQoS value: %s", arg)
		}
		both = append(both, class)
	}
	return both, nil
}

func qosClass(s string) (string, bool) {
	n, err := strconv.ParseInt(s, 0, 16)
	for _, c := range classes {
		if strings.EqualFold(c.name, s) || err == nil && int64(c.value) == n {
			return c.name, true
		}
	}
	if err != nil || n < 0 || n > 255 {
		return "", false
	}
	return "0x" + strconv.FormatInt(0x100|n, 16)[1:], true
}

// QoSValue returns the byte of the IP header that a class of IPQoS stands for,
// or -1 to leave it to the system.
func QoSValue(class string) int {
	for _, c := range classes {
		if c.name == class {
			return c.value
		}
	}
	n, err := strconv.ParseUint(class, 0, 8)
	if err != nil {
		return -1
	}
	return int(n)
}
