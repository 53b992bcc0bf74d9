package config

import (
	"time"

	"tssh/client/config/endpoint"
	"tssh/client/config/fault"
	"tssh/proxy/wire"
)

// Host is what ssh_config(5) and the command line say about one destination,
// with every default filled in. A field has the name of its keyword. Tokens and
// ~ are expanded in it, but for Proxy*, LocalCommand, KnownHostsCommand and what
// says where to look for an agent: those are for Expand.
type Host struct {
	Original string // the host as it was typed: %n
	HostName string
	User     string
	Port     int // 1-65535

	// Lent is asked for with the host's key in view: of the login, which knows
	// whether the host is who it should be.
	Lent

	AddKeysToAgent                   string // no, yes, ask, confirm
	AddKeysToAgentLifetime           time.Duration
	AddressFamily                    string // any, inet, inet6
	BatchMode                        bool
	BindAddress                      string
	BindInterface                    string
	CanonicalDomains                 []string
	CanonicalizeFallbackLocal        bool
	CanonicalizeHostname             string // no, yes, always
	CanonicalizeMaxDots              int
	CanonicalizePermittedCNAMEs      []string
	CASignatureAlgorithms            []string
	CertificateFile                  []string
	ChannelTimeout                   []string // type=interval
	CheckHostIP                      bool
	Ciphers                          []string
	ClearAllForwardings              bool
	Compression                      bool
	ConnectionAttempts               int
	ConnectTimeout                   time.Duration // 0: the system's
	ControlMaster                    string        // no, yes, ask, auto, autoask
	ControlPath                      string        // "": none
	ControlPersist                   bool
	ControlPersistTimeout            time.Duration // 0 with ControlPersist: for ever
	EnableEscapeCommandline          bool
	EnableSSHKeysign                 bool
	EscapeChar                       int // -1: none
	ExitOnForwardFailure             bool
	FingerprintHash                  string // SHA256, MD5
	ForkAfterAuthentication          bool
	ForwardX11Timeout                time.Duration // 0: for ever
	ForwardX11Trusted                bool
	GatewayPorts                     bool
	GlobalKnownHostsFile             []string
	GSSAPIAuthentication             bool
	GSSAPIAsked                      bool // on the command line: worth a word that it can't be
	GSSAPIDelegateCredentials        bool
	HashKnownHosts                   bool
	HostbasedAcceptedAlgorithms      []string
	HostbasedAuthentication          bool
	HostKeyAlgorithms                []string
	HostKeyAlgorithmsSet             bool // by the user: then known_hosts does not reorder them
	HostKeyAlias                     string
	IdentitiesOnly                   bool
	IdentityAgent                    string   // "": SSH_AUTH_SOCK; none; a path
	IdentityFile                     []string // in order; the defaults when none is named
	IdentityFileSet                  bool     // by the user: a missing file is worth a word
	IPQoS                            []string
	KbdInteractiveAuthentication     bool
	KbdInteractiveDevices            string
	KexAlgorithms                    []string
	KnownHostsCommand                string
	LocalCommand                     string
	LogLevel                         string // QUIET FATAL ERROR INFO VERBOSE DEBUG1 DEBUG2 DEBUG3
	LogVerbose                       []string
	MACs                             []string
	NoHostAuthenticationForLocalhost bool
	NumberOfPasswordPrompts          int
	ObscureInterval                  time.Duration // of ObscureKeystrokeTiming; 0: keys leave as they are typed
	PasswordAuthentication           bool
	PermitLocalCommand               bool
	PermitRemoteOpen                 []string
	PKCS11Provider                   string
	PreferredAuthentications         []string
	ProxyCommand                     string // "": none; tokens not yet expanded
	ProxyJump                        []Jump // the first to connect to first; nil: none
	ProxyUseFdpass                   bool
	PubkeyAcceptedAlgorithms         []string
	PubkeyAuthentication             string // no, yes, unbound, host-bound
	RekeyLimit                       int64  // bytes; 0: the cipher's
	RekeyInterval                    time.Duration
	RemoteCommand                    string
	RequestTTY                       string // auto, no, yes, force
	RequiredRSASize                  int
	RevokedHostKeys                  []string
	SecurityKeyProvider              string
	SendEnv                          []string // patterns
	ServerAliveCountMax              int
	ServerAliveInterval              time.Duration
	SessionType                      string   // default, none, subsystem
	SetEnv                           []string // NAME=VALUE
	StdinNull                        bool
	StreamLocalBindMask              int
	StreamLocalBindUnlink            bool
	StrictHostKeyChecking            string // ask, yes, no, off, accept-new
	SyslogFacility                   string
	Tag                              string
	TCPKeepAlive                     bool // of the connection; those of forwards are kept alive anyway
	TunnelDevice                     string
	UpdateHostKeys                   string // no, yes, ask
	UserKnownHostsFile               []string
	VerifyHostKeyDNS                 string // no, yes, ask
	VersionAddendum                  string // goes behind our version; "": nothing
	VisualHostKey                    bool
	WarnWeakCrypto                   string // "": not said, yes, no, no-pq-kex
	XAuthLocation                    string

	// Keys of our own: "#!! Key value" in a file, or -o Key=value.

	UdpMode               wire.Transport // "": no
	UdpPort               string         // "61001-61999": ports and ranges, comma separated, checked
	UdpProxyMode          wire.Mode
	UdpFallback           bool // go on without UDP where that can't be had
	UdpMTU                int  // largest datagram in bytes; 0: from 1200 on, what is found to pass
	UdpRepair             bool // send again what the path loses, before QUIC misses it
	TsshdPath             string
	TerminfoInstall       bool // bring the terminal's description to servers that lack it
	UdpAliveTimeout       time.Duration
	UdpKeepOutput         wire.Keep // of programs, while we are away
	UdpHeartbeatTimeout   time.Duration
	UdpReconnectTimeout   time.Duration
	UdpReconnectExitKey   int // -1: none
	UdpSessionName        string
	UdpSessionAttach      bool
	ShowNotificationOnTop bool
	ShowFullNotifications bool
	ForwardUdpTimeout     time.Duration

	Machine *Machine // that this is for
}

// Lent is what of the user's machine the host gets to use. A host that is not who
// it should be gets the zero value, which lends nothing.
type Lent struct {
	ForwardAgent string // no or "", yes, or the path of an agent's socket
	ForwardX11   bool
	Tunnel       string // no or "", point-to-point, ethernet

	LocalForward     []Forward
	RemoteForward    []Forward
	DynamicForward   []Forward
	UdpLocalForward  []Forward
	UdpRemoteForward []Forward
}

// Agent reports whether sessions are to get an agent.
func (l Lent) Agent() bool { return l.ForwardAgent != "" && l.ForwardAgent != "no" }

// Device reports whether a tun device is to be joined with one of the host's.
func (l Lent) Device() bool { return l.Tunnel != "" && l.Tunnel != "no" }

// Ports reports whether anything is forwarded.
func (l Lent) Ports() bool {
	return len(l.LocalForward)+len(l.RemoteForward)+len(l.DynamicForward)+len(l.UdpLocalForward)+len(l.UdpRemoteForward) > 0
}

// Forward is one LocalForward, RemoteForward or DynamicForward.
type Forward = endpoint.Forward

// Jump is one host on the way, from ProxyJump.
type Jump = endpoint.Jump

// Error is what is wrong with the options or the files.
type Error = fault.Error
