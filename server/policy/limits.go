package policy

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"tssh/proxy/terms"
	"tssh/proxy/tun"
)

// limits are what a line of authorized_keys, or a certificate, permits whoever
// logs in by it. The zero value permits nothing.
type limits struct {
	pty, ports, agent, x11, userRC, tun bool

	open, listen []Endpoint // nil: any
	tunnel       []uint32   // the one unit of a tun device; nil: any
	env          []string   // NAME=value
	command      string     // empty: any

	// These say only whether the line is the one that sshd went by.
	authority  bool
	principals []string // of certificates; nil: the user's name, which sshd has seen to
	from       string   // patterns of addresses; empty: any
	expires    time.Time
}

// unlimited is a line without options.
func unlimited() limits {
	return limits{pty: true, ports: true, agent: true, x11: true, userRC: true, tun: true}
}

// parseOptions reads the options of a line as sshd does. Those that it doesn't
// know or can't read are left out and named in the error: sshd, which took the
// line, may be of a later release.
func parseOptions(options []string) (limits, error) {
	l := unlimited()
	var trouble error
	for _, option := range options {
		if err := l.set(option); err != nil {
			trouble = errors.Join(trouble, fmt.Errorf("option %.40q: %w", option, err))
		}
	}
	return l, trouble
}

func (l *limits) set(option string) error {
	name, value, valued := strings.Cut(option, "=")
	name = strings.ToLower(name)
	if !valued {
		return l.flag(name)
	}
	value, err := dequote(value)
	if err != nil {
		return err
	}
	switch name {
	case "permitopen":
		return addEndpoint(&l.open, value)
	case "permitlisten":
		if !strings.Contains(value, ":") { // a port alone is one on any address
			value = "*:" + value
		}
		return addEndpoint(&l.listen, value)
	case "environment":
		l.env = append(l.env, value)
	case "command":
		l.command = value
	case "principals":
		l.principals = strings.Split(value, ",")
	case "from":
		l.from = value
	case "expiry-time":
		l.expires, err = absoluteTime(value)
	case "tunnel":
		return l.setTunnel(value)
	default:
		return errors.New("not known")
	}
	return err
}

// setTunnel reads a unit; the last one holds. "any" is whatever is free.
func (l *limits) setTunnel(value string) error {
	n, err := strconv.ParseUint(value, 10, 31)
	if value == "any" {
		n, err = tun.AnyUnit, nil
	}
	l.tunnel = []uint32{uint32(n)}
	return err
}

func (l *limits) flag(name string) error {
	kind, no := strings.CutPrefix(name, "no-")
	switch {
	case name == "restrict":
		l.pty, l.ports, l.agent, l.x11, l.userRC = false, false, false, false, false
		l.tun = false // for good: tunnel="n" chooses a unit and gives nothing back
	case name == "cert-authority":
		l.authority = true
	case kind == "pty":
		l.pty = !no
	case kind == "port-forwarding":
		l.ports = !no
	case kind == "agent-forwarding":
		l.agent = !no
	case kind == "x11-forwarding":
		l.x11 = !no
	case kind == "user-rc":
		l.userRC = !no
	case name == "verify-required", name == "no-touch-required": // the login's matter
	default:
		return errors.New("not known")
	}
	return nil
}

// dequote takes off the quotes; only a quote can be escaped within.
func dequote(s string) (string, error) {
	if len(s) < 2 || s[0] != '"' || s[len(s)-1] != '"' {
		return "", errors.New("a value without quotes")
	}
	return strings.ReplaceAll(s[1:len(s)-1], `\"`, `"`), nil
}

// addEndpoint makes a list exact, also when what is added can't be read: a list
// that lacks one place is better than none, which would be any place.
func addEndpoint(list *[]Endpoint, s string) error {
	if *list == nil {
		*list = []Endpoint{}
	}
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		return err
	}
	*list = append(*list, Endpoint{host, port})
	return nil
}

// absoluteTime reads YYYYMMDD[HHMM[SS]][Z].
func absoluteTime(s string) (time.Time, error) {
	where := time.Local
	digits, utc := strings.CutSuffix(strings.ToUpper(s), "Z")
	if utc {
		where = time.UTC
	}
	const layout = "20060102150405"
	if n := len(digits); n != 8 && n != 12 && n != 14 {
		return time.Time{}, errors.New("not a time")
	}
	return time.ParseInLocation(layout[:len(digits)], digits, where)
}

// fits says whether sshd would have gone by the line, as far as can be seen.
func (l limits) fits(who Login, k terms.Key, now time.Time) bool {
	return (l.principals == nil || k.Cert != nil && k.Cert.Names(l.principals...)) &&
		(l.from == "" || matchAddr(l.from, who.Addr)) &&
		(l.expires.IsZero() || now.Before(l.expires))
}

// ofCert are the limits that a certificate itself sets: it permits what it
// names and nothing else.
func ofCert(c *terms.Cert) limits {
	return limits{
		pty: c.Has(terms.PermitsPTY), ports: c.Has(terms.PermitsPorts), agent: c.Has(terms.PermitsAgent),
		x11: c.Has(terms.PermitsX11), userRC: c.Has(terms.PermitsUserRC), command: c.Command,
		tun: true, // there is no word for it
	}
}

// and is what both permit. Of two lists, as in sshd, the first holds.
func (l limits) and(m limits) limits {
	l.pty, l.ports, l.agent = l.pty && m.pty, l.ports && m.ports, l.agent && m.agent
	l.x11, l.userRC, l.tun = l.x11 && m.x11, l.userRC && m.userRC, l.tun && m.tun
	if l.open == nil {
		l.open = m.open
	}
	if l.listen == nil {
		l.listen = m.listen
	}
	if l.tunnel == nil {
		l.tunnel = m.tunnel
	}
	if l.env == nil {
		l.env = m.env
	}
	if l.command == "" {
		l.command = m.command
	}
	return l
}

// limit lets p permit what l permits too, and no more.
func (p *Policy) limit(l limits) {
	p.TTY, p.Agent, p.X11 = p.TTY && l.pty, p.Agent && l.agent, p.X11 && l.x11
	p.UserRC = p.UserRC && l.userRC
	p.TunnelIP, p.TunnelEthernet = p.TunnelIP && l.tun, p.TunnelEthernet && l.tun
	if !l.ports {
		p.LocalTCP, p.RemoteTCP, p.LocalUnix, p.RemoteUnix = false, false, false, false
	}
	p.KeyOpen, p.KeyListen, p.KeyTunnel, p.KeyCommand = l.open, l.listen, l.tunnel, l.command
	for _, v := range l.env {
		if name, _, _ := strings.Cut(v, "="); p.PermitsUserEnv(name) {
			p.KeyEnv = addEnv(p.KeyEnv, v)
		}
	}
}
