package config

import "tssh/client/config/algorithm"

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
	Note    string // why it is not Works
}

// Keywords returns every keyword there is, in no order that matters.
func Keywords() []Keyword {
	all := []Keyword{
		{"Host", Works, ""}, {"Match", Works, ""}, {"Include", Works, ""},
		{"UseKeychain", Ignored, "Apple's; known on macOS only, so that its configurations can be read"},
	}
	for _, k := range keywords {
		verdict := k.verdict
		if verdict == "" {
			verdict = Works
		}
		all = append(all, Keyword{k.name, verdict, k.note})
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
	parse   parser
	preset  string // the default, words apart by blanks; "" is none
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
	noGSSAPI = "read, and printed by -G; this build speaks no GSSAPI"
	noZlib   = "accepted; the ssh library has no zlib, so nothing is compressed"
	noTunnel = "no tun devices are forwarded; asking for one is an error"
	onlyRead = "read, and printed by -G, without effect"
)

// keywords is the table, in the order in which ssh -G prints. It is not changed.
var keywords = []keyword{
	{name: "User", parse: word, style: hidden},
	{name: "Hostname", parse: word, style: hidden},
	{name: "Port", parse: port, style: hidden},

	{name: "AddressFamily", parse: choice("any", "inet", "inet6"), preset: "any"},
	{name: "BatchMode", parse: yesNo, preset: "no"},
	{name: "CanonicalizeFallbackLocal", parse: yesNo, preset: "yes"},
	{name: "CanonicalizeHostname", parse: choice("yes", "no", "always", "true=yes", "false=no"), preset: "no", style: truth},
	{name: "CheckHostIP", parse: yesNo, preset: "no"},
	{name: "Compression", parse: choice("yes", "no"), preset: "no", verdict: Partly, note: noZlib},
	{name: "ControlMaster", parse: choice("yes", "no", "auto", "ask", "autoask", "true=yes", "false=no"), preset: "no", style: truth},
	{name: "EnableSSHKeysign", parse: yesNo, preset: "no"},
	{name: "ClearAllForwardings", parse: yesNo},
	{name: "ExitOnForwardFailure", parse: yesNo},
	{name: "FingerprintHash", parse: digest, preset: "SHA256"},
	{name: "ForwardX11", parse: yesNo, preset: "no"},
	{name: "ForwardX11Trusted", parse: yesNo},
	{name: "GatewayPorts", parse: yesNo, preset: "no"},
	{name: "GSSAPIAuthentication", parse: yesNo, preset: "no", verdict: Partly, note: noGSSAPI},
	{name: "GSSAPIKeyExchange", parse: yesNo, preset: "no", verdict: Partly, note: noGSSAPI},
	{name: "GSSAPIDelegateCredentials", parse: yesNo, preset: "no", verdict: Partly, note: noGSSAPI},
	{name: "GSSAPITrustDns", parse: yesNo, preset: "no", verdict: Partly, note: noGSSAPI},
	{name: "GSSAPIRenewalForcesRekey", parse: yesNo, preset: "no", verdict: Partly, note: noGSSAPI},
	{name: "GSSAPIClientIdentity", parse: word, verdict: Partly, note: noGSSAPI},
	{name: "GSSAPIServerIdentity", parse: word, verdict: Partly, note: noGSSAPI},
	{name: "GSSAPIKexAlgorithms", parse: word, verdict: Partly, note: noGSSAPI},
	{name: "HashKnownHosts", parse: yesNo, preset: "no"},
	{name: "HostbasedAuthentication", parse: yesNo, preset: "no"},
	{name: "IdentitiesOnly", parse: yesNo, preset: "no"},
	{name: "KbdInteractiveAuthentication", parse: yesNo, preset: "yes"},
	{name: "NoHostAuthenticationForLocalhost", parse: yesNo, preset: "no"},
	{name: "PasswordAuthentication", parse: yesNo, preset: "yes"},
	{name: "PermitLocalCommand", parse: yesNo, preset: "no"},
	{name: "ProxyUseFdpass", parse: yesNo, preset: "no"},
	{name: "PubkeyAuthentication", parse: choice("yes", "no", "unbound", "host-bound", "true=yes", "false=no"), preset: "yes", style: truth},
	{name: "RequestTTY", parse: choice("yes", "no", "auto", "force", "true=yes", "false=no"), preset: "auto", style: truth},
	{name: "SessionType", parse: choice("none", "subsystem", "default"), preset: "default"},
	{name: "StdinNull", parse: yesNo, preset: "no"},
	{name: "ForkAfterAuthentication", parse: yesNo, preset: "no"},
	{name: "StreamLocalBindUnlink", parse: yesNo, preset: "no"},
	{name: "StrictHostKeyChecking", parse: choice("yes", "no", "ask", "accept-new", "off=no", "true=yes", "false=no"), preset: "ask", style: truth},
	{name: "TCPKeepAlive", parse: yesNo, preset: "yes"},
	{name: "Tunnel", parse: choice("no", "ethernet", "point-to-point", "yes=point-to-point", "true=point-to-point", "false=no"), preset: "no", style: truth, verdict: Refused, note: noTunnel},
	{name: "VerifyHostKeyDNS", parse: yesNoAsk, preset: "no", style: truth},
	{name: "VisualHostKey", parse: yesNo, preset: "no"},
	{name: "UpdateHostKeys", parse: yesNoAsk, style: truth},
	{name: "EnableEscapeCommandline", parse: yesNo, preset: "no"},

	{name: "CanonicalizeMaxDots", parse: integer, preset: "1"},
	{name: "ConnectionAttempts", parse: integer, preset: "1"},
	{name: "ForwardX11Timeout", parse: seconds, preset: "1200"},
	{name: "NumberOfPasswordPrompts", parse: integer, preset: "3"},
	{name: "ServerAliveCountMax", parse: integer, preset: "3"},
	{name: "ServerAliveInterval", parse: seconds},
	{name: "RequiredRSASize", parse: integer, preset: "1024"},

	{name: "BindAddress", parse: word},
	{name: "BindInterface", parse: word},
	{name: "Ciphers", parse: algorithms(algorithm.Cipher, "Bad SSH2 cipher spec '%s'.")},
	{name: "ControlPath", parse: word},
	{name: "HostKeyAlgorithms", parse: algorithms(algorithm.Signature, "Bad key types '%s'.")},
	{name: "HostKeyAlias", parse: lowered},
	{name: "HostbasedAcceptedAlgorithms", parse: algorithms(algorithm.Signature, "Bad key types '%s'.")},
	{name: "IdentityAgent", parse: agentPath},
	{name: "IgnoreUnknown", parse: word},
	{name: "KbdInteractiveDevices", parse: word},
	{name: "KexAlgorithms", parse: algorithms(algorithm.Kex, "Bad SSH2 KexAlgorithms '%s'.")},
	{name: "CASignatureAlgorithms", parse: algorithms(algorithm.CA, "Bad key types '%s'.")},
	{name: "LocalCommand", parse: command},
	{name: "RemoteCommand", parse: command},
	{name: "LogLevel", parse: logLevel, preset: "INFO"},
	{name: "MACs", parse: algorithms(algorithm.MAC, "Bad SSH2 MAC spec '%s'.")},
	{name: "PKCS11Provider", parse: word, verdict: Partly, note: "keys of a token are used through the agent (ssh-add -s)"},
	{name: "PreferredAuthentications", parse: word},
	{name: "SecurityKeyProvider", parse: provider},
	{name: "PubkeyAcceptedAlgorithms", parse: algorithms(algorithm.Signature, "Bad key types '%s'.")},
	{name: "RevokedHostKeys", parse: word},
	{name: "XAuthLocation", parse: word},
	{name: "KnownHostsCommand", parse: command},
	{name: "Tag", parse: word},
	{name: "VersionAddendum", parse: command, verdict: Ignored, note: onlyRead},

	{name: "DynamicForward", parse: dynamicForward, style: hidden},
	{name: "LocalForward", parse: localForward, style: hidden},
	{name: "RemoteForward", parse: remoteForward, style: hidden},

	{name: "IdentityFile", parse: word, style: each, many: true},
	{name: "CanonicalDomains", parse: domains, preset: "none"},
	{name: "CertificateFile", parse: word, style: each, many: true},
	{name: "GlobalKnownHostsFile", parse: files, preset: "/etc/ssh/ssh_known_hosts /etc/ssh/ssh_known_hosts2"},
	{name: "UserKnownHostsFile", parse: files, preset: "~/.ssh/known_hosts ~/.ssh/known_hosts2"},
	{name: "SendEnv", parse: sendEnv, style: each},
	{name: "SetEnv", parse: setEnv, style: each},
	{name: "LogVerbose", parse: firstWord, preset: "none", verdict: Ignored, note: "names lines of OpenSSH's own source"},
	{name: "ChannelTimeout", parse: wordsOnce, verdict: Ignored, note: onlyRead},
	{name: "ObscureKeystrokeTiming", parse: wordsOnce, verdict: Ignored, note: onlyRead},

	{name: "PermitRemoteOpen", parse: permitted, preset: "any"},
	{name: "AddKeysToAgent", parse: addKeys, preset: "no", style: truth},
	{name: "ForwardAgent", parse: forwardAgent, preset: "no"},
	{name: "ConnectTimeout", parse: seconds, preset: "none"},
	{name: "TunnelDevice", parse: tunnelDevice, preset: "any:any", verdict: Refused, note: noTunnel},
	{name: "CanonicalizePermittedCNAMEs", parse: cnames, preset: "none"},
	{name: "ControlPersist", parse: persist, preset: "no"},
	{name: "EscapeChar", parse: escapeChar, preset: "~", style: hidden},
	{name: "IPQoS", parse: ipQoS, preset: "lowdelay throughput"},
	{name: "RekeyLimit", parse: rekeyLimit, preset: "0 0"},
	{name: "StreamLocalBindMask", parse: mask, preset: "0177"},
	{name: "SyslogFacility", parse: facility, preset: "USER"},
	{name: "ProxyCommand", parse: proxyCommand},
	{name: "ProxyJump", parse: proxyJump},
	{name: "RefuseConnection", parse: command},
	{name: "WarnWeakCrypto", parse: wordsOnce, verdict: Ignored, note: onlyRead},

	{name: "UdpMode", parse: udpMode, preset: "no", verdict: Ours},
	{name: "UdpPort", parse: udpPorts, preset: "61001-61999", verdict: Ours},
	{name: "UdpProxyMode", parse: accepted("auto", "udp", "tcp", "ssh"), preset: "auto", verdict: Ours},
	{name: "UdpMTU", parse: udpMTU, preset: "0", verdict: Ours},
	{name: "TsshdPath", parse: word, verdict: Ours},
	{name: "UdpAliveTimeout", parse: ourSeconds, preset: "86400", verdict: Ours},
	{name: "UdpHeartbeatTimeout", parse: ourSeconds, preset: "3", verdict: Ours},
	{name: "UdpReconnectTimeout", parse: ourSeconds, preset: "15", verdict: Ours},
	{name: "ShowNotificationOnTop", parse: accepted("yes", "no", "true=yes", "false=no"), preset: "yes", verdict: Ours},
	{name: "ShowFullNotifications", parse: accepted("yes", "no", "true=yes", "false=no"), preset: "yes", verdict: Ours},
	{name: "UdpLocalForward", parse: udpLocalForward, style: hidden, verdict: Ours},
	{name: "UdpRemoteForward", parse: udpRemoteForward, style: hidden, verdict: Ours},
	{name: "ForwardUdpTimeout", parse: ourSeconds, preset: "300", verdict: Ours},
}
