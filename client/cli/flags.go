package cli

import (
	"strings"

	"tssh/client/config"
)

// flag is one option of the command line.
type flag struct {
	name    string // one letter, or a long name
	value   string // what its value is called; "" when it takes none; optional
	help    string // one line
	verdict config.Verdict
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
	{"1", "", "protocol version 1", config.Refused, "ssh no longer has it either", protocol1},
	{"2", "", "protocol version 2, the only one", config.Ignored, "as ssh does", nothing},
	{"4", "", "use IPv4 addresses only", config.Works, "", override("AddressFamily", "inet")},
	{"6", "", "use IPv6 addresses only", config.Works, "", override("AddressFamily", "inet6")},
	{"A", "", "forward the authentication agent", config.Works, "", override("ForwardAgent", "yes")},
	{"a", "", "do not forward the authentication agent", config.Works, "", override("ForwardAgent", "no")},
	{"B", "bind_interface", "connect from the address of this interface", config.Works, "", overrideValue("BindInterface")},
	{"b", "bind_address", "connect from this address", config.Works, "", overrideValue("BindAddress")},
	{"C", "", "compress", config.Works, "", override("Compression", "yes")},
	{"c", "cipher_spec", "ciphers, in order of preference", config.Works, "", complaining("Ciphers", "Unknown cipher type '%s'")},
	{"D", "[bind_address:]port", "listen here as a SOCKS proxy through the server", config.Works, "", appending("DynamicForward", "Bad dynamic forwarding specification '%s'")},
	{"E", "log_file", "append the log to a file, not to stderr", config.Works, "", text(func(c *Command) *string { return &c.LogFile })},
	{"e", "escape_char", "the escape character; none turns escapes off", config.Works, "", complaining("EscapeChar", "Bad escape character '%s'.")},
	{"F", "configfile", "read this configuration file; none reads no file", config.Works, "", text(func(c *Command) *string { return &c.ConfigFile })},
	{"f", "", "go to the background before the command runs", config.Works, "", background},
	{"G", "", "print the configuration for this host, and exit", config.Works, "", yes(func(c *Command) *bool { return &c.PrintConfig })},
	{"g", "", "let remote hosts connect to local forwarded ports", config.Works, "", override("GatewayPorts", "yes")},
	{"I", "pkcs11", "use this PKCS#11 library", config.Partly, "keys of a token are used through the agent (ssh-add -s)", unlessEmpty("PKCS11Provider")},
	{"i", "identity_file", "a private key to log in with", config.Works, "", identity},
	{"J", "destination", "go through these hosts, comma separated", config.Works, "", jump},
	{"K", "", "log in by GSSAPI, and delegate its credentials", config.Partly, "no GSSAPI is spoken; one line says so, other methods are tried", gssapi},
	{"k", "", "do not delegate GSSAPI credentials", config.Works, "", override("GSSAPIDelegateCredentials", "no")},
	{"L", "address", "forward a local port or socket to the remote side", config.Works, "", forwarding("LocalForward", "Bad local forwarding specification '%s'")},
	{"l", "login_name", "log in as this user", config.Works, "", settingValue("User")},
	{"M", "", "be the master of a shared connection; twice: ask first", config.Works, "", master},
	{"m", "mac_spec", "message authentication codes, in order of preference", config.Works, "", complaining("MACs", "Unknown mac type '%s'")},
	{"N", "", "run no remote command", config.Works, "", noCommand},
	{"n", "", "read nothing from stdin", config.Works, "", override("StdinNull", "yes")},
	{"O", "ctl_cmd", "tell a master: check, conninfo, channels, forward, cancel, exit, stop, proxy", config.Works, "", control},
	{"o", "option", "an option as in a configuration file", config.Works, "", optionLine},
	{"P", "tag", "choose configuration by Match tagged", config.Works, "", settingValue("Tag")},
	{"p", "port", "connect to this port", config.Works, "", port},
	{"Q", "query_option", "list what is supported; -Q help lists the queries", config.Works, "", query},
	{"q", "", "quiet", config.Works, "", quiet},
	{"R", "address", "forward a remote port or socket to the local side", config.Works, "", forwarding("RemoteForward", "Bad remote forwarding specification '%s'")},
	{"S", "ctl_path", "the control socket of a shared connection", config.Works, "", unlessEmpty("ControlPath")},
	{"s", "", "the command is the name of a subsystem", config.Works, "", subsystem},
	{"T", "", "allocate no terminal", config.Works, "", noTTY},
	{"t", "", "allocate a terminal; twice: even without one here", config.Works, "", forceTTY},
	{"V", "", "print the version, and exit", config.Works, "", version},
	{"v", "", "log more; up to three times", config.Works, "", verbose},
	{"W", "host:port", "connect stdin and stdout to this host and port", config.Works, "", stdio},
	{"w", "local_tun[:remote_tun]", "forward a tun device", config.Works, "on Linux only", tunnel},
	{"X", "", "forward X11", config.Works, "", override("ForwardX11", "yes")},
	{"x", "", "do not forward X11", config.Works, "", override("ForwardX11", "no")},
	{"Y", "", "forward X11, trusted", config.Works, "", trustedX11},
	{"y", "", "log to syslog", config.Works, "", yes(func(c *Command) *bool { return &c.Syslog })},
	{"Z", "", "list the keys that a login would try, in order, and exit", config.Works, "", yes(func(c *Command) *bool { return &c.ListKeys })},

	{"udp", "", "keep the session alive over UDP (QUIC)", config.Ours, "", override("UdpMode", "yes")},
	{"quic", "", "the same, QUIC by name", config.Ours, "", override("UdpMode", "QUIC")},
	{"kcp", "", "keep the session alive over UDP (KCP)", config.Ours, "", override("UdpMode", "KCP")},
	{"tcp", "", "plain ssh over TCP", config.Ours, "", override("UdpMode", "no")},
	{"tsshd-path", "path", "tsshd on the server", config.Ours, "", overrideValue("TsshdPath")},
	{"tsshd-port", "ports", "ports tsshd may listen on: 61001-61999,7000", config.Ours, "", overrideValue("UdpPort")},
	{"attach", optional, "come back to a session on the host, also one that another client has", config.Ours, "", attach},
	{"sessions", "", "list your sessions on the host", config.Ours, "", yes(func(c *Command) *bool { return &c.Sessions })},
	{"end", "name", "end a session on the host: its programs are hung up", config.Ours, "", end},
	{"status", "", "show the sessions that run here", config.Ours, "", yes(func(c *Command) *bool { return &c.Status })},
	{"json", "", "with --status and --sessions: as JSON", config.Ours, "", yes(func(c *Command) *bool { return &c.JSON })},
	{"doctor", "", "look for what stands in the way", config.Ours, "", yes(func(c *Command) *bool { return &c.Doctor })},
	{"demo", "", "try it: a session on this machine through a network that can be cut", config.Ours, "", yes(func(c *Command) *bool { return &c.Demo })},
	{"servers", "", "list the machines that tsshd can be sent to", config.Ours, "", yes(func(c *Command) *bool { return &c.Servers })},
	{"completion", "shell", "print completion for bash, zsh, fish or powershell", config.Ours, "", completion},
	{"version", "", "print the version, and exit", config.Ours, "", longVersion},
	{"help", "", "print this, and exit", config.Ours, "", help},
}
