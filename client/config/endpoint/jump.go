// Package endpoint reads what names a place: a host to log in to or on the way
// there, and the two ends of a forwarding.
package endpoint

import (
	"fmt"
	"net"
	"strconv"
	"strings"
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
		j, ok := ParseJump(s)
		if !ok {
			return nil, false
		}
		hops = append(hops, j)
	}
	return hops, true
}

// ParseJump reads [user@]host[:port] or the URI of it.
func ParseJump(s string) (j Jump, ok bool) {
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
			if j.Port = ParsePort(port); j.Port <= 0 {
				return j, false
			}
		}
	}
	return j, j.Host != ""
}

// Unfit says in ssh's words what of a hop may not come from the command line,
// where a program may have put what it was given; "" when nothing is.
func (j Jump) Unfit() string {
	switch {
	case !ValidHost(j.Host):
		return fmt.Sprintf("parse_jump: invalid hostname \"%s\"", j.Host)
	case j.User != "" && !ValidUser(j.User):
		return fmt.Sprintf("parse_jump: invalid username \"%s\"", j.User)
	}
	return ""
}
