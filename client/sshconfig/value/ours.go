package value

import (
	"fmt"
	"strconv"
	"strings"
)

// Accepted is Choice, for keys of our own, with the choices named in its complaint.
func Accepted(words ...string) Parser {
	take := Choice(words...)
	var names []string
	for _, w := range words {
		if name, _, other := strings.Cut(w, "="); !other {
			names = append(names, name)
		}
	}
	return func(l *Line) ([]string, error) {
		if len(l.Args) > 0 {
			arg := l.Args[0]
			values, err := take(l)
			if err != nil {
				return nil, l.refuse(arg, strings.Join(names, ", "))
			}
			return values, nil
		}
		return take(l)
	}
}

// refuse is the complaint about a value of one of our keys.
func (l *Line) refuse(value, accepted string) error {
	return l.Errorf("bad %s %q: accepted is %s", l.Name, value, accepted)
}

// UdpMode keeps yes, no, QUIC or KCP.
var UdpMode = Accepted("yes", "no", "QUIC", "KCP", "true=yes", "false=no")

// Positive takes a time of a second or more.
func Positive(l *Line) ([]string, error) {
	arg, err := l.One()
	if err != nil {
		return nil, err
	}
	n, ok := ParseSeconds(arg)
	if !ok || n == 0 {
		return nil, l.refuse(arg, "a number of seconds from 1, or with a unit s, m, h, d or w, such as 90 or 1h30m")
	}
	return []string{strconv.Itoa(n)}, nil
}

// MTU takes the size of a datagram, or 0.
func MTU(l *Line) ([]string, error) {
	arg, err := l.One()
	if err != nil {
		return nil, err
	}
	n, err := strconv.ParseUint(arg, 10, 16)
	if err != nil || n != 0 && n < 1200 {
		return nil, l.refuse(arg, "0, or 1200, which passes everywhere, up to 1452")
	}
	return []string{strconv.FormatUint(n, 10)}, nil
}

// Ports takes ports and ranges, separated by commas or blanks, and keeps
// them separated by commas.
func Ports(l *Line) ([]string, error) {
	if len(l.Args) == 0 {
		return nil, l.Errorf("Missing argument.")
	}
	all := strings.Join(l.Args, ",")
	l.Args = nil
	var ports []string
	for _, p := range strings.FieldsFunc(all, func(r rune) bool { return r == ',' || r == ' ' }) {
		first, last, isRange := strings.Cut(p, "-")
		low, err1 := strconv.ParseUint(first, 10, 16)
		high := low
		var err2 error
		if isRange {
			high, err2 = strconv.ParseUint(last, 10, 16)
		}
		if err1 != nil || err2 != nil || low == 0 || high < low {
			return nil, l.refuse(all, "ports from 1 to 65535 and ranges of them, such as 61001-61999 or 7000,7010-7020")
		}
		if high == low {
			ports = append(ports, fmt.Sprint(low))
		} else {
			ports = append(ports, fmt.Sprintf("%d-%d", low, high))
		}
	}
	if len(ports) == 0 {
		return nil, l.refuse(all, "ports from 1 to 65535 and ranges of them")
	}
	return []string{strings.Join(ports, ",")}, nil
}
