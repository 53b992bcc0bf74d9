package policy

import (
	"net"
	"slices"
	"strconv"
	"strings"
)

// settings are the lines of one layer, outside of Match or within.
type settings struct {
	first     map[string]line // the first line of each keyword
	acceptEnv []string        // all lines
	subsystem map[string]string
}

type line struct {
	rest string
	args []string
}

func (s *settings) add(keyword, rest string, args []string) {
	if len(args) == 0 {
		return // sshd would not have started
	}
	switch keyword {
	case "acceptenv":
		s.acceptEnv = append(s.acceptEnv, args...)
		return
	case "subsystem":
		if s.subsystem == nil {
			s.subsystem = make(map[string]string)
		}
		if _, taken := s.subsystem[args[0]]; !taken && len(args) > 1 {
			s.subsystem[args[0]] = strings.Join(args[1:], " ")
		}
		return
	}
	if s.first == nil {
		s.first = make(map[string]line)
	}
	_, taken := s.first[keyword]
	switch { // of these two sshd goes by a later line
	case keyword == "streamlocalbindmask":
		taken = false
	case keyword == "unusedconnectiontimeout" && strings.EqualFold(args[0], "none"):
		taken = false
	}
	if !taken {
		s.first[keyword] = line{rest, args}
	}
}

// globalOnly says whether a keyword has no meaning in a Match block, where a file
// that is included there may have it all the same.
func globalOnly(keyword string) bool {
	switch keyword {
	case "permituserenvironment", "printmotd", "printlastlog", "usepam", "usedns":
		return true
	}
	return false
}

// applyTo changes p as the lines say.
func (s *settings) applyTo(p *Policy) {
	if s.acceptEnv != nil {
		p.AcceptEnv = s.acceptEnv
	}
	for name, command := range s.subsystem {
		p.Subsystems[name] = command
	}
	for keyword, l := range s.first {
		p.apply(keyword, l)
	}
}

func (p *Policy) apply(keyword string, l line) {
	value := l.args[0]
	switch keyword {
	case "setenv":
		p.SetEnv = nil
		for _, v := range l.args {
			p.SetEnv = addEnv(p.SetEnv, v)
		}
	case "permituserenvironment":
		p.UserEnv = userEnv(value)
	case "allowtcpforwarding":
		p.LocalTCP, p.RemoteTCP = directions(value)
	case "allowstreamlocalforwarding":
		p.LocalUnix, p.RemoteUnix = directions(value)
	case "allowagentforwarding":
		p.Agent = isYes(value)
	case "permittty":
		p.TTY = isYes(value)
	case "permittunnel":
		p.TunnelIP, p.TunnelEthernet = tunnels(value)
	case "permitopen":
		p.PermitOpen = endpoints(l.args)
	case "permitlisten":
		p.PermitListen = endpoints(l.args)
	case "gatewayports":
		p.GatewayPorts = gateway(value)
	case "streamlocalbindmask":
		if mask, err := strconv.ParseUint(value, 8, 9); err == nil {
			p.UnixMask = uint32(mask)
		}
	case "streamlocalbindunlink":
		p.UnixUnlink = isYes(value)
	case "x11forwarding":
		p.X11 = isYes(value)
	case "x11displayoffset":
		number(&p.X11Offset, value)
	case "x11uselocalhost":
		p.X11Localhost = isYes(value)
	case "channeltimeout":
		p.Timeouts = timeouts(l.args)
	case "unusedconnectiontimeout":
		p.Unused, _ = ParseInterval(value)
	case "usedns":
		p.useDNS = isYes(value)
	case "disableforwarding":
		p.disableAll = isYes(value)
	case "xauthlocation":
		p.XAuth = unlessNone(value)
	default:
		p.applyLogin(keyword, l)
	}
}

// applyLogin is for what a login shows and runs.
func (p *Policy) applyLogin(keyword string, l line) {
	value := l.args[0]
	switch keyword {
	case "forcecommand": // the rest of the line, quotes and all
		p.ForceCommand = unlessNone(l.rest)
	case "maxsessions":
		number(&p.MaxSessions, value)
	case "banner":
		p.Banner = unlessNone(value)
	case "printmotd":
		p.Motd = isYes(value)
	case "printlastlog":
		p.LastLog = isYes(value)
	case "usepam":
		p.PAM = isYes(value)
	case "permituserrc":
		p.UserRC = isYes(value)
	case "authorizedkeysfile":
		p.keyFiles = l.args
	case "trustedusercakeys":
		p.trustsCAs = unlessNone(value) != ""
	case "authorizedprincipalsfile":
		p.principalsFile = unlessNone(value)
	case "authorizedprincipalscommand":
		p.principalsCommand = unlessNone(value) != ""
	}
}

// addEnv adds NAME=value, unless that name is there: the first wins.
func addEnv(list []string, v string) []string {
	name, _, _ := strings.Cut(v, "=")
	if slices.ContainsFunc(list, func(old string) bool { return strings.HasPrefix(old, name+"=") }) {
		return list
	}
	return append(list, v)
}

// isYes is false for everything that isn't clearly yes.
func isYes(s string) bool { return strings.EqualFold(s, "yes") }

func unlessNone(s string) string {
	if strings.EqualFold(s, "none") {
		return ""
	}
	return s
}

func number(n *int, s string) {
	if v, err := strconv.Atoi(s); err == nil && v >= 0 {
		*n = v
	}
}

func directions(s string) (local, remote bool) {
	switch strings.ToLower(s) {
	case "yes", "all":
		return true, true
	case "local":
		return true, false
	case "remote":
		return false, true
	}
	return false, false
}

func tunnels(s string) (ip, ethernet bool) {
	switch strings.ToLower(s) {
	case "yes":
		return true, true
	case "point-to-point":
		return true, false
	case "ethernet":
		return false, true
	}
	return false, false
}

func gateway(s string) Gateway {
	switch g := Gateway(strings.ToLower(s)); g {
	case GatewayYes, GatewayClient:
		return g
	}
	return GatewayNo
}

// userEnv is a list of patterns, but for two words, which are of lower case.
func userEnv(s string) string {
	switch s {
	case "yes":
		return "*"
	case "no":
		return ""
	}
	return s
}

// endpoints reads PermitOpen and PermitListen: nil is any, empty is none.
func endpoints(args []string) []Endpoint {
	if args[0] == "any" {
		return nil
	}
	list := []Endpoint{}
	for _, arg := range args {
		if arg == "none" {
			continue
		}
		if host, port, err := net.SplitHostPort(arg); err == nil {
			list = append(list, Endpoint{host, port})
		} else if !strings.Contains(arg, ":") { // a port on any host
			list = append(list, Endpoint{"*", arg})
		}
	}
	return list
}
