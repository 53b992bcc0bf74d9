// Package policy says what sshd_config and the key that logged in permit the
// user whom tsshd serves, so that a session over UDP is allowed what the same login
// over ssh is.
//
// It is no wall: tsshd runs as the user, who could run any other program
// instead. What an administrator forbids by sshd_config to somebody with a shell is
// advice there as here; tsshd takes it.
package policy

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"tssh/proxy/tun"
)

// Policy is what sshd_config says for one login. The zero value permits nothing.
type Policy struct {
	AcceptEnv []string // patterns of variable names
	SetEnv    []string // NAME=value
	UserEnv   string   // PermitUserEnvironment: a list of patterns of variable names, some with a "!" before; empty: none

	LocalTCP, RemoteTCP   bool // AllowTcpForwarding, without which there are no sockets either
	LocalUnix, RemoteUnix bool // AllowStreamLocalForwarding
	Agent                 bool
	TTY                   bool

	TunnelIP, TunnelEthernet bool // PermitTunnel

	PermitOpen   []Endpoint // nil: any
	PermitListen []Endpoint // nil: any
	GatewayPorts Gateway

	UnixMask   uint32 // StreamLocalBindMask
	UnixUnlink bool   // StreamLocalBindUnlink

	X11          bool
	X11Offset    int
	X11Localhost bool
	XAuth        string // path; empty: none

	ForceCommand string            // empty: none
	Subsystems   map[string]string // name: command
	MaxSessions  int
	Banner       string // path; empty: none
	Motd         bool   // PrintMotd
	LastLog      bool
	PAM          bool
	UserRC       bool

	// The limits of the key that logged in, which hold besides.
	KeyOpen, KeyListen []Endpoint // nil: any
	KeyTunnel          []uint32   // the one unit of a tun device; nil: any
	KeyEnv             []string   // NAME=value, to be set
	KeyCommand         string     // unless there is a ForceCommand; empty: none

	Timeouts []Timeout     // ChannelTimeout
	Unused   time.Duration // UnusedConnectionTimeout; 0: none

	disableAll bool // DisableForwarding
	useDNS     bool // UseDNS: Match Host sees a name

	// The files that limit keys.
	keyFiles          []string // AuthorizedKeysFile
	trustsCAs         bool     // TrustedUserCAKeys
	principalsFile    string   // AuthorizedPrincipalsFile; empty: none
	principalsCommand bool     // AuthorizedPrincipalsCommand
}

// Gateway says who chooses the address of a remote forward.
type Gateway string

// The values of GatewayPorts.
const (
	GatewayNo     Gateway = "no"              // loopback always
	GatewayYes    Gateway = "yes"             // every address always
	GatewayClient Gateway = "clientspecified" // the client
)

// Endpoint is a host and port of PermitOpen or PermitListen.
type Endpoint struct {
	Host string // "*" is any
	Port string // "*" is any
}

// defaults are what OpenSSH does without a configuration.
func defaults() *Policy {
	return &Policy{
		LocalTCP: true, RemoteTCP: true, LocalUnix: true, RemoteUnix: true,
		Agent: true, TTY: true,
		GatewayPorts: GatewayNo, UnixMask: 0o177,
		X11Offset: 10, X11Localhost: true, XAuth: "/usr/bin/xauth",
		Subsystems: map[string]string{}, MaxSessions: 10,
		Motd: true, LastLog: true, UserRC: true,
		keyFiles: []string{".ssh/authorized_keys", ".ssh/authorized_keys2"},
	}
}

// Confine takes every forward from p.
func (p *Policy) Confine() {
	p.LocalTCP, p.RemoteTCP, p.LocalUnix, p.RemoteUnix, p.Agent, p.X11 = false, false, false, false, false, false
	p.TunnelIP, p.TunnelEthernet = false, false
}

// Careful is for a host whose configuration can't be read: what OpenSSH does
// by default and what practically every system adds to it, and no more.
func Careful() *Policy {
	p := defaults()
	p.AcceptEnv = []string{"LANG", "LC_*"}
	p.Subsystems["sftp"] = InternalSFTP
	p.PAM = true // so that the message of the day is what PAM shows
	p.Motd = false
	return p
}

// InternalSFTP is the command that stands for sshd's own sftp server.
const InternalSFTP = "internal-sftp"

// AcceptsEnv says whether the client may set a variable.
func (p *Policy) AcceptsEnv(name string) bool {
	return matchesAny(p.AcceptEnv, name)
}

// PermitsUserEnv says whether ~/.ssh/environment may set a variable.
func (p *Policy) PermitsUserEnv(name string) bool {
	return matchList(p.UserEnv, name, match) == positive
}

func matchesAny(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return match(p, name) })
}

// PermitsOpen says whether the client may connect to host and port. As in sshd,
// names are compared as they are, never looked up.
func (p *Policy) PermitsOpen(host string, port int) bool {
	opens := func(e Endpoint) bool {
		return e.permitsPort(port) && (e.Host == "*" || e.Host == host)
	}
	return p.LocalTCP && anyOf(p.PermitOpen, opens) && anyOf(p.KeyOpen, opens)
}

// PermitsOpenUnix says whether the client may connect to a socket. As in sshd a
// list of hosts and ports leaves out all sockets, unless any host and port is in it.
func (p *Policy) PermitsOpenUnix(path string) bool {
	opens := func(e Endpoint) bool { return e.Port == "*" && (e.Host == "*" || e.Host == path) }
	return p.LocalUnix && p.LocalTCP && anyOf(p.PermitOpen, opens) && anyOf(p.KeyOpen, opens)
}

// PermitsListenUnix says whether the client may have a socket listened on. As in
// sshd lists of ports don't matter.
func (p *Policy) PermitsListenUnix() bool { return p.RemoteUnix && p.RemoteTCP }

// PermitsTunnel says whether the client may have a tun device, and which unit
// where the key says so to a client that leaves it open.
func (p *Policy) PermitsTunnel(m tun.Mode, unit uint32) (chosen uint32, ok bool) {
	if m == tun.PointToPoint && !p.TunnelIP || m == tun.Ethernet && !p.TunnelEthernet || m != tun.PointToPoint && m != tun.Ethernet {
		return 0, false
	}
	if p.KeyTunnel == nil {
		return unit, true
	}
	return p.KeyTunnel[0], unit == tun.AnyUnit || unit == p.KeyTunnel[0]
}

// anyOf judges by a list of which nil is any.
func anyOf(list []Endpoint, permits func(Endpoint) bool) bool {
	return list == nil || slices.ContainsFunc(list, permits)
}

// PermitsListen says whether the client may have host and port listened on.
func (p *Policy) PermitsListen(host string, port int) bool {
	listens := func(e Endpoint) bool {
		return e.permitsPort(port) && match(strings.ToLower(e.Host), strings.ToLower(host))
	}
	return p.RemoteTCP && anyOf(p.PermitListen, listens) && anyOf(p.KeyListen, listens)
}

func (e Endpoint) permitsPort(port int) bool {
	return e.Port == "*" || e.Port == strconv.Itoa(port)
}

// Forced is the command that runs whatever the client asks for; "" is none.
func (p *Policy) Forced() string {
	if p.ForceCommand != "" {
		return p.ForceCommand
	}
	return p.KeyCommand
}

// Subsystem is the command of a subsystem.
func (p *Policy) Subsystem(name string) (command string, ok bool) {
	command, ok = p.Subsystems[name]
	return command, ok
}

// IsInternalSFTP says whether a command is sshd's own sftp server, and gives its arguments.
func IsInternalSFTP(command string) (args string, ok bool) {
	first, args, _ := strings.Cut(command, " ")
	return strings.TrimSpace(args), first == InternalSFTP
}
