package value

import (
	"net"
	"slices"
	"strconv"
	"strings"

	"tssh/client/config/endpoint"
)

// Files takes paths, or "none" alone.
func Files(l *Line) ([]string, error) {
	return several(l, func(arg string) error { return nil })
}

// several takes the rest of the arguments, of which "none" must be the only one.
func several(l *Line, check func(string) error) ([]string, error) {
	args := l.Args
	l.Args = nil
	for _, arg := range args {
		switch {
		case arg == "":
			return nil, l.Errorf("keyword %s empty argument", l.Key)
		case strings.EqualFold(arg, "none") && len(args) > 1:
			return nil, l.Errorf("keyword %s \"none\" argument must appear alone.", l.Key)
		case strings.EqualFold(arg, "none"):
			return []string{"none"}, nil
		}
		if err := check(arg); err != nil {
			return nil, err
		}
	}
	return args, nil
}

// Domains takes names of domains, or "none" alone.
func Domains(l *Line) ([]string, error) {
	return several(l, func(arg string) error {
		if fault := endpoint.DomainFault(arg); fault != "" {
			return l.Errorf("%s", fault)
		}
		return nil
	})
}

// CNAMEs takes rules such as *.a.example:*.b.example, "*" for any, or "none".
func CNAMEs(l *Line) ([]string, error) {
	rules, err := several(l, func(arg string) error {
		from, to, ok := strings.Cut(arg, ":")
		if arg != "*" && (!ok || from == "" || to == "") {
			return l.Errorf("Invalid permitted CNAME %q", arg)
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

// Permitted takes host:port pairs, "any" or "none".
func Permitted(l *Line) ([]string, error) {
	args := l.Args
	l.Args = nil
	for _, arg := range args {
		low := strings.ToLower(arg)
		if low == "any" || low == "none" {
			if len(args) > 1 {
				return nil, l.Errorf("keyword %s %q argument must appear alone.", l.Key, low)
			}
			return []string{low}, nil
		}
		_, port, ok := cutHostPort(arg)
		if !ok {
			return nil, l.Fatalf("missing host in %s", l.Key)
		}
		if n := endpoint.ParsePort(port); port != "*" && n <= 0 {
			return nil, l.Fatalf("bad port number in %s", l.Key)
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

// SetEnv takes NAME=VALUE pairs; of two for one name the first stands.
func SetEnv(l *Line) ([]string, error) {
	var pairs, names []string
	for _, arg := range l.Args {
		name, _, ok := strings.Cut(arg, "=")
		if !ok || name == "" {
			return nil, l.Errorf("Invalid SetEnv.")
		}
		if !slices.Contains(names, name) {
			names, pairs = append(names, name), append(pairs, arg)
		}
	}
	l.Args = nil
	return pairs, nil
}

// Timeouts takes type=interval pairs, or "none" alone.
func Timeouts(l *Line) ([]string, error) {
	return several(l, func(arg string) error {
		kind, interval, ok := strings.Cut(arg, "=")
		if _, good := ParseTimeout(interval); !ok || kind == "" || interval == "" || !good {
			return l.Fatalf("invalid channel timeout %s", arg)
		}
		return nil
	})
}

// Words takes all arguments of the first line that has any.
func Words(l *Line) ([]string, error) {
	args := l.Args
	l.Args = nil
	for _, arg := range args {
		if arg == "" {
			return nil, l.Errorf("keyword %s empty argument", l.Key)
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

// IPQoS takes one class for all, or one for terminals and one for the rest.
func IPQoS(l *Line) ([]string, error) {
	var both []string
	for len(both) < 2 {
		arg, ok := l.Next()
		if !ok && len(both) == 1 {
			arg = both[0]
		}
		class, ok := qosClass(arg)
		if !ok {
			return nil, l.Errorf("Bad IPQoS value: %s", arg)
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
