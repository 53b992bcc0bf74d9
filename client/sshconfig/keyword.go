package sshconfig

import (
	"tssh/client/sshconfig/algorithm"
	"tssh/client/sshconfig/value"
	"tssh/proxy/wire"
)

// collector is a parser that looks at, or adds to, what was read before.
type collector func(e *evaluator, l *value.Line) ([]string, error)

// Verdict says what becomes of a keyword or a flag of ssh's here.
type Verdict string

// The verdicts of COMPAT.md.
const (
	Works   Verdict = "works"
	Partly  Verdict = "partly"  // with a limit that the note names
	Refused Verdict = "refused" // with one clear line
	Ignored Verdict = "ignored"
	Ours    Verdict = "ours" // ssh has no such thing
)

// Keyword is what COMPAT.md and completion say of a keyword.
type Keyword struct {
	Name    string
	Verdict Verdict
	Note    string // why it is not Works; of Ours what it means
	Preset  string // the default
}

// Keywords returns every keyword there is, in no order that matters.
func Keywords() []Keyword {
	all := []Keyword{
		{Name: "Host", Verdict: Works}, {Name: "Match", Verdict: Works}, {Name: "Include", Verdict: Works},
		{Name: "UseKeychain", Verdict: Ignored, Note: "Apple's; known on macOS only, so that its configurations can be read. ssh-add --apple-load-keychain gives the agent what the keychain has"},
	}
	for _, k := range keywords {
		verdict := k.verdict
		if verdict == "" {
			verdict = Works
		}
		all = append(all, Keyword{k.name, verdict, k.note, k.preset})
	}
	return all
}

// style is how -G prints a value.
type style int

const (
	plain  style = iota // name, values
	truth               // yes is "true", no is "false"
	each                // a line for each value
	hidden              // elsewhere, or not at all
)

// keyword is one line of the table that parsing, defaults, -G and COMPAT.md
// come from.
type keyword struct {
	name    string
	parse   value.Parser
	collect collector // in place of parse, where it takes more than the line
	preset  string    // the default, words apart by blanks; "" is none
	style   style
	many    bool // values of several lines are collected
	verdict Verdict
	note    string
}

// find returns the keyword of that name in lower case, or nil.
func find(name string) *keyword {
	if other, ok := aliases[name]; ok {
		name = other
	}
	for i := range keywords {
		if lower(keywords[i].name) == name {
			return &keywords[i]
		}
	}
	return nil
}

// aliases are other names that ssh has, or had, for its keywords. The last two
// are Debian's.
var aliases = map[string]string{
	"identityfile2":                   "identityfile",
	"dsaauthentication":               "pubkeyauthentication",
	"challengeresponseauthentication": "kbdinteractiveauthentication",
	"skeyauthentication":              "kbdinteractiveauthentication",
	"tisauthentication":               "kbdinteractiveauthentication",
	"keepalive":                       "tcpkeepalive",
	"hostbasedkeytypes":               "hostbasedacceptedalgorithms",
	"pubkeyacceptedkeytypes":          "pubkeyacceptedalgorithms",
	"smartcarddevice":                 "pkcs11provider",
	"tsshdport":                       "udpport",
	"protocolkeepalives":              "serveraliveinterval",
	"setuptimeout":                    "serveraliveinterval",
}

// gone are keywords that say nothing any more; ssh complains of those that
// stand for true, and goes on.
var gone = map[string]bool{
	"protocol": false, "cipher": false, "fallbacktorsh": false, "globalknownhostsfile2": false,
	"rhostsauthentication": false, "userknownhostsfile2": false, "useroaming": false,
	"usersh": false, "useprivilegedport": false,
	"afstokenpassing": true, "kerberosauthentication": true, "kerberostgtpassing": true,
	"rsaauthentication": true, "rhostsrsaauthentication": true, "compressionlevel": true,
}

const (
	noGSSAPI = "no GSSAPI is spoken; one line says so where the command line asks for it, other methods are tried"
	ofGSSAPI = "read, and printed by -G; goes with GSSAPIAuthentication"
	ofTunnel = "on Linux only; elsewhere asking for a tun device is an error"
	ofHosts  = "read, and printed by -G; goes with HostbasedAuthentication"

	noSNTRUP    = "sntrup761x25519-sha512 may be named, but is not offered"
	noUMAC      = "umac-64, umac-128 and their -etm may be named, but are not offered"
	noHostbased = "told in one line, and other methods are tried"
)

// keywords is the table, in the order in which ssh -G prints. It is not changed.
var keywords = []keyword{
	{name: "User", parse: value.Word, style: hidden},
	{name: "Hostname", parse: value.Word, style: hidden},
	{name: "Port", parse: value.Port, style: hidden},

	{name: "AddressFamily", parse: value.Choice("any", "inet", "inet6"), preset: "any"},
	{name: "BatchMode", parse: value.YesNo, preset: "no"},
	{name: "CanonicalizeFallbackLocal", parse: value.YesNo, preset: "yes"},
	{name: "CanonicalizeHostname", parse: value.Choice("yes", "no", "always", "true=yes", "false=no"), preset: "no", style: truth},
	{name: "CheckHostIP", parse: value.YesNo, preset: "no"},
	{name: "Compression", parse: value.Choice("yes", "no"), preset: "no"},
	{name: "ControlMaster", parse: value.Choice("yes", "no", "auto", "ask", "autoask", "true=yes", "false=no"), preset: "no", style: truth},
	{name: "EnableSSHKeysign", parse: value.YesNo, preset: "no", verdict: Partly, note: ofHosts},
	{name: "ClearAllForwardings", parse: value.YesNo},
	{name: "ExitOnForwardFailure", parse: value.YesNo},
	{name: "FingerprintHash", parse: value.Digest, preset: "SHA256"},
	{name: "ForwardX11", parse: value.YesNo, preset: "no"},
	{name: "ForwardX11Trusted", parse: value.YesNo},
	{name: "GatewayPorts", parse: value.YesNo, preset: "no"},
	{name: "GSSAPIAuthentication", parse: value.YesNo, preset: "no", verdict: Partly, note: noGSSAPI},
	{name: "GSSAPIKeyExchange", parse: value.YesNo, preset: "no", verdict: Partly, note: noGSSAPI},
	{name: "GSSAPIDelegateCredentials", parse: value.YesNo, preset: "no", verdict: Partly, note: ofGSSAPI},
	{name: "GSSAPITrustDns", parse: value.YesNo, preset: "no", verdict: Partly, note: ofGSSAPI},
	{name: "GSSAPIRenewalForcesRekey", parse: value.YesNo, preset: "no", verdict: Partly, note: ofGSSAPI},
	{name: "GSSAPIClientIdentity", parse: value.Word, verdict: Partly, note: ofGSSAPI},
	{name: "GSSAPIServerIdentity", parse: value.Word, verdict: Partly, note: ofGSSAPI},
	{name: "GSSAPIKexAlgorithms", parse: value.Word, verdict: Partly, note: ofGSSAPI},
	{name: "HashKnownHosts", parse: value.YesNo, preset: "no"},
	{name: "HostbasedAuthentication", parse: value.YesNo, preset: "no", verdict: Refused, note: noHostbased},
	{name: "IdentitiesOnly", parse: value.YesNo, preset: "no"},
	{name: "KbdInteractiveAuthentication", parse: value.YesNo, preset: "yes"},
	{name: "NoHostAuthenticationForLocalhost", parse: value.YesNo, preset: "no"},
	{name: "PasswordAuthentication", parse: value.YesNo, preset: "yes"},
	{name: "PermitLocalCommand", parse: value.YesNo, preset: "no"},
	{name: "ProxyUseFdpass", parse: value.YesNo, preset: "no"},
	{name: "PubkeyAuthentication", parse: value.Choice("yes", "no", "unbound", "host-bound", "true=yes", "false=no"), preset: "yes", style: truth},
	{name: "RequestTTY", parse: value.Choice("yes", "no", "auto", "force", "true=yes", "false=no"), preset: "auto", style: truth},
	{name: "SessionType", parse: value.Choice("none", "subsystem", "default"), preset: "default"},
	{name: "StdinNull", parse: value.YesNo, preset: "no"},
	{name: "ForkAfterAuthentication", parse: value.YesNo, preset: "no"},
	{name: "StreamLocalBindUnlink", parse: value.YesNo, preset: "no"},
	{name: "StrictHostKeyChecking", parse: value.Choice("yes", "no", "ask", "accept-new", "off=no", "true=yes", "false=no"), preset: "ask", style: truth},
	{name: "TCPKeepAlive", parse: value.Choice("yes", "no", "all", "transport=yes", "true=yes", "false=no"), preset: "yes"},
	{name: "Tunnel", parse: value.Choice("no", "ethernet", "point-to-point", "yes=point-to-point", "true=point-to-point", "false=no"), preset: "no", style: truth, verdict: Works, note: ofTunnel},
	{name: "VerifyHostKeyDNS", parse: value.YesNoAsk, preset: "no", style: truth},
	{name: "VisualHostKey", parse: value.YesNo, preset: "no"},
	{name: "UpdateHostKeys", parse: value.YesNoAsk, style: truth},
	{name: "EnableEscapeCommandline", parse: value.YesNo, preset: "no"},

	{name: "CanonicalizeMaxDots", parse: value.Integer, preset: "1"},
	{name: "ConnectionAttempts", parse: value.Integer, preset: "1"},
	{name: "ForwardX11Timeout", parse: value.Seconds, preset: "1200"},
	{name: "NumberOfPasswordPrompts", parse: value.Integer, preset: "3"},
	{name: "ServerAliveCountMax", parse: value.Integer, preset: "3"},
	{name: "ServerAliveInterval", parse: value.Seconds},
	{name: "RequiredRSASize", parse: value.Integer, preset: "1024"},

	{name: "BindAddress", parse: value.Word},
	{name: "BindInterface", parse: value.Word},
	{name: "Ciphers", parse: algorithms(algorithm.Cipher, "Bad SSH2 cipher spec '%s'.")},
	{name: "ControlPath", parse: value.Word},
	{name: "HostKeyAlgorithms", parse: algorithms(algorithm.Signature, "Bad key types '%s'.")},
	{name: "HostKeyAlias", parse: value.Lowered},
	{name: "HostbasedAcceptedAlgorithms", parse: algorithms(algorithm.Signature, "Bad key types '%s'."), verdict: Partly, note: ofHosts},
	{name: "IdentityAgent", collect: agentPath},
	{name: "IgnoreUnknown", parse: value.Word},
	{name: "KbdInteractiveDevices", parse: value.Word},
	{name: "KexAlgorithms", parse: algorithms(algorithm.Kex, "Bad SSH2 KexAlgorithms '%s'."), verdict: Partly, note: noSNTRUP},
	{name: "CASignatureAlgorithms", parse: algorithms(algorithm.CA, "Bad key types '%s'.")},
	{name: "LocalCommand", parse: value.Command},
	{name: "RemoteCommand", parse: value.Command},
	{name: "LogLevel", parse: value.LogLevel, preset: "INFO"},
	{name: "MACs", parse: algorithms(algorithm.MAC, "Bad SSH2 MAC spec '%s'."), verdict: Partly, note: noUMAC},
	{name: "PKCS11Provider", parse: value.Word, verdict: Partly, note: "keys of a token are used through the agent (ssh-add -s)"},
	{name: "PreferredAuthentications", parse: value.Word},
	{name: "SecurityKeyProvider", parse: value.Provider},
	{name: "PubkeyAcceptedAlgorithms", parse: algorithms(algorithm.Signature, "Bad key types '%s'.")},
	{name: "RevokedHostKeys", parse: value.Files},
	{name: "XAuthLocation", parse: value.Word},
	{name: "KnownHostsCommand", parse: value.Command},
	{name: "Tag", parse: value.Word},
	{name: "VersionAddendum", parse: value.Command},

	{name: "DynamicForward", collect: dynamicForward, style: hidden},
	{name: "LocalForward", collect: localForward, style: hidden},
	{name: "RemoteForward", collect: remoteForward, style: hidden},

	{name: "IdentityFile", parse: value.Word, style: each, many: true},
	{name: "CanonicalDomains", parse: value.Domains, preset: "none"},
	{name: "CertificateFile", parse: value.Word, style: each, many: true},
	{name: "GlobalKnownHostsFile", parse: value.Files, preset: "/etc/ssh/ssh_known_hosts /etc/ssh/ssh_known_hosts2"},
	{name: "UserKnownHostsFile", parse: value.Files, preset: "~/.ssh/known_hosts ~/.ssh/known_hosts2"},
	{name: "SendEnv", collect: sendEnv, style: each},
	{name: "SetEnv", parse: value.SetEnv, style: each},
	{name: "LogVerbose", parse: value.FirstWord, preset: "none", verdict: Ignored, note: "names lines of OpenSSH's own source"},
	{name: "ChannelTimeout", parse: value.Timeouts},
	{name: "ObscureKeystrokeTiming", parse: value.Obscure, verdict: Partly, note: "in TCP mode, where the server answers pings (OpenSSH 9.5)"},

	{name: "PermitRemoteOpen", parse: value.Permitted, preset: "any"},
	{name: "AddKeysToAgent", parse: value.AddKeys, preset: "no", style: truth},
	{name: "ForwardAgent", collect: forwardAgent, preset: "no"},
	{name: "ConnectTimeout", parse: value.Seconds, preset: "none"},
	{name: "TunnelDevice", parse: value.TunnelDevice, preset: "any:any", verdict: Works, note: ofTunnel},
	{name: "CanonicalizePermittedCNAMEs", parse: value.CNAMEs, preset: "none"},
	{name: "ControlPersist", parse: value.Persist, preset: "no"},
	{name: "EscapeChar", parse: value.EscapeChar, preset: "~", style: hidden},
	{name: "IPQoS", parse: value.IPQoS, preset: "lowdelay throughput"},
	{name: "RekeyLimit", parse: value.RekeyLimit, preset: "0 0"},
	{name: "StreamLocalBindMask", parse: value.Mask, preset: "0177"},
	{name: "SyslogFacility", parse: value.Facility, preset: "USER"},
	{name: "ProxyCommand", collect: proxyCommand},
	{name: "ProxyJump", collect: proxyJump},
	{name: "RefuseConnection", parse: value.Refusal},
	{name: "WarnWeakCrypto", parse: value.Choice("yes", "no", "no-pq-kex", "true=yes", "false=no"), verdict: Partly, note: "warns only where it is set to yes"},

	{name: "UdpMode", parse: value.UdpMode, preset: "no", verdict: Ours, note: "no is plain ssh over TCP; yes or QUIC, and KCP, make the session outlive its network"},
	{name: "UdpPort", parse: value.Ports, preset: "61001-61999", verdict: Ours, note: "ports that tsshd may listen on: ports, ranges, comma lists; a free one is taken at random. TsshdPort is another name"},
	{name: "UdpProxyMode", parse: value.Accepted("auto", "udp", "tcp", "ssh"), preset: "auto", verdict: Ours, note: "auto, UDP, TCP (the same port) or SSH (through the login: only port 22 is needed)"},
	{name: "UdpFallback", parse: value.Accepted("yes", "no", "true=yes", "false=no"), preset: "yes", verdict: Ours, note: "where roaming cannot be had, go on as ssh; no makes that an error"},
	{name: "UdpMTU", parse: value.MTU, preset: "0", verdict: Ours, note: "largest datagram in bytes; 0, the default, begins with 1200, which passes everywhere, and finds what the path takes; 1200 to 1452: this size"},
	{name: "UdpRepair", parse: value.Accepted("yes", "no", "true=yes", "false=no"), preset: "yes", verdict: Ours, note: "over UDP, in QUIC mode, what a path loses of bulk is sent again before QUIC takes it for a full queue"},
	{name: "TsshdPath", parse: value.Word, verdict: Ours, note: "tsshd on the server; without it the cache, then PATH, then an upload"},
	{name: "TerminfoInstall", parse: value.Accepted("yes", "no", "true=yes", "false=no"), preset: "yes", verdict: Ours, note: "where the server does not know the terminal, put its description into ~/.terminfo there"},
	{name: "UdpAliveTimeout", parse: value.Positive, preset: "86400", verdict: Ours, note: "offline longer than this, both sides end; units w d h m s"},
	{name: "UdpKeepOutput", parse: value.Kept(wire.UsualKeep.Pipes, wire.MaxKeep), preset: "4194304 67108864", verdict: Ours, note: "of a program's output while the client is away: bytes kept of a terminal's, the oldest go; a second number for commands without one, which wait then; units K M G; 0: the program waits at once"},
	{name: "UdpHeartbeatTimeout", parse: value.Positive, preset: "3", verdict: Ours, note: "silent longer than this, another way to the server is tried"},
	{name: "UdpReconnectTimeout", parse: value.Positive, preset: "15", verdict: Ours, note: "silent longer than this, the notice appears"},
	{name: "UdpReconnectExitKey", parse: value.ExitKey, preset: "^d", verdict: Ours, note: "the key that leaves while the notice is shown, as ^d; none: there is none. The session goes on"},
	{name: "UdpSessionName", parse: sessionName, verdict: Ours, note: "what the session is called, for --attach and --end; without it s1, s2 and so on"},
	{name: "UdpSessionAttach", parse: value.Accepted("yes", "no", "true=yes", "false=no"), preset: "no", verdict: Ours, note: "yes: a shell comes back to the session of that name, where there is one; without a name to the one that waits, where it is the only one"},
	{name: "ShowNotificationOnTop", parse: value.Accepted("yes", "no", "true=yes", "false=no"), preset: "yes", verdict: Ours, note: "the notice stands at the top of the screen, or on the cursor's line"},
	{name: "ShowFullNotifications", parse: value.Accepted("yes", "no", "true=yes", "false=no"), preset: "yes", verdict: Ours, note: "the notice has several lines, or one"},
	{name: "UdpLocalForward", collect: udpLocalForward, style: hidden, verdict: Ours, note: "as LocalForward, for datagrams"},
	{name: "UdpRemoteForward", collect: udpRemoteForward, style: hidden, verdict: Ours, note: "as RemoteForward, for datagrams"},
	{name: "ForwardUdpTimeout", parse: value.Positive, preset: "300", verdict: Ours, note: "a peer of a forward for datagrams is forgotten after this silence"},
}
