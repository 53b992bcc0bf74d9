package cli

import (
	"strings"

	"tssh/client/sshconfig"
)

// flag is one option of the command line.
type flag struct {
	name    string // one letter, or a long name
	value   string // what its value is called; "" when it takes none; optional
	help    string // one line
	verdict sshconfig.Verdict
	note    string // why it is not Works
	apply   func(r *reader, value string) error
}

// optional is the name of a value that may be left out, and then is "".
const optional = "[=name]"

// typed is a flag with its value as it is typed.
func (f *flag) typed() string {
	dashes := "--"
	if len(f.name) == 1 {
		dashes = "-"
	}
	if f.value == optional {
		return dashes + f.name + f.value
	}
	return strings.TrimSpace(dashes + f.name + " " + f.value)
}

// find returns the flag of that name, or nil.
func find(name string) *flag {
	for i := range flags {
		if flags[i].name == name {
			return &flags[i]
		}
	}
	return nil
}

// flags is everything that can be said, in the order of ssh(1); long options of
// ours follow. It is not changed.
var flags = []flag{
	{"1", "", "protocol version 1", sshconfig.Refused, "ssh no longer has it either", protocol1},
	{"2", "", "protocol version 2, the only one", sshconfig.Ignored, "as ssh does", nothing},
	{"4", "", "use IPv4 addresses only", sshconfig.Works, "", override("AddressFamily", "inet")},
	{"6", "", "use IPv6 addresses only", sshconfig.Works, "", override("AddressFamily", "inet6")},
	{"A", "", "forward the authentication agent", sshconfig.Works, "", override("ForwardAgent", "yes")},
	{"a", "", "do not forward the authentication agent", sshconfig.Works, "", override("ForwardAgent", "no")},
	{"B", "bind_interface", "connect from the address of this interface", sshconfig.Works, "", overrideValue("BindInterface")},
	{"b", "bind_address", "connect from this address", sshconfig.Works, "", overrideValue("BindAddress")},
	{"C", "", "compress", sshconfig.Works, "", override("Compression", "yes")},
	{"c", "cipher_spec", "ciphers, in order of preference", sshconfig.Works, "", complaining("Ciphers", "Unknown cipher type '%s'")},
	{"D", "[bind_address:]port", "listen here as a SOCKS proxy through the server", sshconfig.Works, "", appending("DynamicForward", "Bad dynamic forwarding specification '%s'")},
	{"E", "log_file", "append the log to a file, not to stderr", sshconfig.Works, "", text(func(c *Command) *string { return &c.LogFile })},
	{"e", "escape_char", "the escape character; none turns escapes off", sshconfig.Works, "", complaining("EscapeChar", "Bad escape character '%s'.")},
	{"F", "configfile", "read this configuration file; none reads no file", sshconfig.Works, "", text(func(c *Command) *string { return &c.ConfigFile })},
	{"f", "", "go to the background before the command runs", sshconfig.Works, "", background},
	{"G", "", "print the configuration for this host, and exit", sshconfig.Works, "", yes(func(c *Command) *bool { return &c.PrintConfig })},
	{"g", "", "let remote hosts connect to local forwarded ports", sshconfig.Works, "", override("GatewayPorts", "yes")},
	{"I", "pkcs11", "use this PKCS#11 library", sshconfig.Partly, "keys of a token are used through the agent (ssh-add -s)", unlessEmpty("PKCS11Provider")},
	{"i", "identity_file", "a private key to log in with", sshconfig.Works, "", identity},
	{"J", "destination", "go through these hosts, comma separated", sshconfig.Works, "", jump},
	{"K", "", "log in by GSSAPI, and delegate its credentials", sshconfig.Partly, "no GSSAPI is spoken; one line says so, other methods are tried", gssapi},
	{"k", "", "do not delegate GSSAPI credentials", sshconfig.Works, "", override("GSSAPIDelegateCredentials", "no")},
	{"L", "address", "forward a local port or socket to the remote side", sshconfig.Works, "", forwarding("LocalForward", "Bad local forwarding specification '%s'")},
	{"l", "login_name", "log in as this user", sshconfig.Works, "", settingValue("User")},
	{"M", "", "be the master of a shared connection; twice: ask first", sshconfig.Works, "", master},
	{"m", "mac_spec", "message authentication codes, in order of preference", sshconfig.Works, "", complaining("MACs", "Unknown mac type '%s'")},
	{"N", "", "run no remote command", sshconfig.Works, "", noCommand},
	{"n", "", "read nothing from stdin", sshconfig.Works, "", override("StdinNull", "yes")},
	{"O", "ctl_cmd", "tell a master: check, conninfo, channels, forward, cancel, exit, stop, proxy", sshconfig.Works, "", control},
	{"o", "option", "an option as in a configuration file", sshconfig.Works, "", optionLine},
	{"P", "tag", "choose configuration by Match tagged", sshconfig.Works, "", settingValue("Tag")},
	{"p", "port", "connect to this port", sshconfig.Works, "", port},
	{"Q", "query_option", "list what is supported; -Q help lists the queries", sshconfig.Works, "", query},
	{"q", "", "quiet", sshconfig.Works, "", quiet},
	{"R", "address", "forward a remote port or socket to the local side", sshconfig.Works, "", forwarding("RemoteForward", "Bad remote forwarding specification '%s'")},
	{"S", "ctl_path", "the control socket of a shared connection", sshconfig.Works, "", unlessEmpty("ControlPath")},
	{"s", "", "the command is the name of a subsystem", sshconfig.Works, "", subsystem},
	{"T", "", "allocate no terminal", sshconfig.Works, "", noTTY},
	{"t", "", "allocate a terminal; twice: even without one here", sshconfig.Works, "", forceTTY},
	{"V", "", "print the version, and exit", sshconfig.Works, "", version},
	{"v", "", "log more; up to three times", sshconfig.Works, "", verbose},
	{"W", "host:port", "connect stdin and stdout to this host and port", sshconfig.Works, "", stdio},
	{"w", "local_tun[:remote_tun]", "forward a tun device", sshconfig.Works, "on Linux only", tunnel},
	{"X", "", "forward X11", sshconfig.Works, "", override("ForwardX11", "yes")},
	{"x", "", "do not forward X11", sshconfig.Works, "", override("ForwardX11", "no")},
	{"Y", "", "forward X11, trusted", sshconfig.Works, "", trustedX11},
	{"y", "", "log to syslog", sshconfig.Works, "", yes(func(c *Command) *bool { return &c.Syslog })},
	{"Z", "", "list the keys that a login would try, in order, and exit", sshconfig.Works, "", yes(func(c *Command) *bool { return &c.ListKeys })},

	{"udp", "", "keep the session alive over UDP (QUIC)", sshconfig.Ours, "", override("UdpMode", "yes")},
	{"quic", "", "the same, QUIC by name", sshconfig.Ours, "", override("UdpMode", "QUIC")},
	{"kcp", "", "keep the session alive over UDP (KCP)", sshconfig.Ours, "", override("UdpMode", "KCP")},
	{"tcp", "", "plain ssh over TCP", sshconfig.Ours, "", override("UdpMode", "no")},
	{"tsshd-path", "path", "tsshd on the server", sshconfig.Ours, "", overrideValue("TsshdPath")},
	{"tsshd-port", "ports", "ports tsshd may listen on: 61001-61999,7000", sshconfig.Ours, "", overrideValue("UdpPort")},
	{"attach", optional, "come back to a session on the host, also one that another client has", sshconfig.Ours, "", attach},
	{"sessions", "", "list your sessions on the host", sshconfig.Ours, "", yes(func(c *Command) *bool { return &c.Sessions })},
	{"end", "name", "end a session on the host: its programs are hung up", sshconfig.Ours, "", end},
	{"status", "", "show the sessions that run here", sshconfig.Ours, "", yes(func(c *Command) *bool { return &c.Status })},
	{"json", "", "with --status and --sessions: as JSON", sshconfig.Ours, "", yes(func(c *Command) *bool { return &c.JSON })},
	{"doctor", "", "look for what stands in the way", sshconfig.Ours, "", yes(func(c *Command) *bool { return &c.Doctor })},
	{"demo", "", "try it: a session on this machine through a network that can be cut", sshconfig.Ours, "", yes(func(c *Command) *bool { return &c.Demo })},
	{"servers", "", "list the machines that tsshd can be sent to", sshconfig.Ours, "", yes(func(c *Command) *bool { return &c.Servers })},
	{"completion", "shell", "print completion for bash, zsh, fish or powershell", sshconfig.Ours, "", completion},
	{"version", "", "print the version, and exit", sshconfig.Ours, "", longVersion},
	{"help", "", "print this, and exit", sshconfig.Ours, "", help},
}
