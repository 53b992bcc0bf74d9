package config

import (
	"fmt"
	"strconv"
	"strings"
)

// Keys of our own. A bad value is refused with what is accepted.

// accepted is choice with the choices named in its complaint.
func accepted(words ...string) parser {
	take := choice(words...)
	var names []string
	for _, w := range words {
		if name, _, other := strings.Cut(w, "="); !other {
			names = append(names, name)
		}
	}
	return func(e *evaluator, l *line) ([]string, error) {
		if len(l.args) > 0 {
			arg := l.args[0]
			values, err := take(e, l)
			if err != nil {
				return nil, l.refuse(arg, strings.Join(names, ", "))
			}
			return values, nil
		}
		return take(e, l)
	}
}

// refuse is the complaint about a value of one of our keys.
func (l *line) refuse(value, accepted string) error {
	return l.errorf("bad %s %q: accepted is %s", l.name, value, accepted)
}

// udpMode keeps no, quic or kcp.
var udpMode = accepted("yes", "no", "QUIC", "KCP", "true=yes", "false=no")

// ourSeconds takes a time of a second or more.
func ourSeconds(_ *evaluator, l *line) ([]string, error) {
	arg, err := l.one()
	if err != nil {
		return nil, err
	}
	n, ok := parseSeconds(arg)
	if !ok || n == 0 {
		return nil, l.refuse(arg, "a number of seconds from 1, or with a unit s, m, h, d or w, such as 90 or 1h30m")
	}
	return []string{strconv.Itoa(n)}, nil
}

func udpMTU(_ *evaluator, l *line) ([]string, error) {
	arg, err := l.one()
	if err != nil {
		return nil, err
	}
	n, err := strconv.ParseUint(arg, 10, 16)
	if err != nil || n != 0 && n < 1200 {
		return nil, l.refuse(arg, "0 to find it out, or 1200 to 65535")
	}
	return []string{strconv.FormatUint(n, 10)}, nil
}

// udpPorts takes ports and ranges, separated by commas or blanks, and keeps
// them separated by commas.
func udpPorts(_ *evaluator, l *line) ([]string, error) {
	if len(l.args) == 0 {
		return nil, l.errorf("Missing argument.")
	}
	all := strings.Join(l.args, ",")
	l.args = nil
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
