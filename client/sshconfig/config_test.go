package sshconfig

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"tssh/client/config"
	"tssh/proxy/tun"

	"tssh/proxy/wire"
)

// machine is an Env without a machine: files in a temporary home, names and
// commands from the test.
type machine struct {
	Env
	dir   string
	ran   []string          // commands of Match exec
	names map[string]string // canonical names, by name
	asked []string
	warns []string
}

func newMachine(t *testing.T) *machine {
	t.Helper()
	dir := t.TempDir()
	m := &machine{dir: dir, names: map[string]string{}}
	m.Env = Env{
		Machine: config.Machine{
			User: "me", UID: "1000", Home: dir + "/home", Hostname: "laptop.example.org",
			Getenv: func(name string) (string, bool) { return "value of " + name, name == "SET" },
		},
		UserFile: dir + "/home/.ssh/config", SystemFile: dir + "/etc/ssh_config", Version: "OpenSSH_10.0",
		Run: func(command string) (bool, error) {
			m.ran = append(m.ran, command)
			return strings.HasPrefix(command, "true"), nil
		},
		Lookup: func(network, host string) (string, error) {
			m.asked = append(m.asked, network+" "+host)
			if cname, ok := m.names[strings.TrimSuffix(host, ".")]; ok {
				return cname, nil
			}
			return "", errors.New("no such host")
		},
		Addrs: func() ([]netip.Addr, error) {
			return []netip.Addr{netip.MustParseAddr("192.168.7.9"), netip.MustParseAddr("fe80::1%eth0")}, nil
		},
		Warn: func(line string) { m.warns = append(m.warns, line) },
	}
	for _, d := range []string{m.Home + "/.ssh", dir + "/etc"} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

// write makes a file in the machine's directory.
func (m *machine) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(m.dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// user and system write the two files.
func (m *machine) user(t *testing.T, text string)   { m.write(t, "home/.ssh/config", text) }
func (m *machine) system(t *testing.T, text string) { m.write(t, "etc/ssh_config", text) }

func (m *machine) resolve(t *testing.T, host string, settings ...Setting) *Resolved {
	t.Helper()
	h, err := Resolve(m.Env, Request{Host: host, Settings: settings})
	if err != nil {
		t.Fatalf("%s: %v", host, err)
	}
	return h
}

// refused returns what is said of a configuration that must not be accepted.
func (m *machine) refused(t *testing.T, host string, settings ...Setting) string {
	t.Helper()
	_, err := Resolve(m.Env, Request{Host: host, Settings: settings})
	if err == nil {
		t.Fatalf("%s: accepted", host)
	}
	if _, ok := errors.AsType[*config.Error](err); !ok {
		t.Fatalf("%s: %T is no *config.Error", host, err)
	}
	return strings.ReplaceAll(err.Error(), m.dir, "DIR")
}

func TestUserFileStandsBeforeSystemFile(t *testing.T) {
	m := newMachine(t)
	m.user(t, "User mine\nSendEnv A\nIdentityFile ~/a\n")
	m.system(t, "User theirs\nPort 99\nSendEnv B\nIdentityFile ~/b\n")
	h := m.resolve(t, "h")
	if h.User != "mine" || h.Port != 99 {
		t.Errorf("user %s, port %d", h.User, h.Port)
	}
	if !slices.Equal(h.SendEnv, []string{"A", "B"}) || !slices.Equal(h.IdentityFile, []string{m.Home + "/a", m.Home + "/b"}) {
		t.Errorf("SendEnv %q, IdentityFile %q", h.SendEnv, h.IdentityFile)
	}
}

func TestFileOfOneselfReplacesBoth(t *testing.T) {
	m := newMachine(t)
	m.user(t, "User mine\n")
	m.system(t, "Port 99\n")
	m.write(t, "other", "BindAddress x\n")
	for file, want := range map[string]string{m.dir + "/other": "x", "none": ""} {
		h, err := Resolve(m.Env, Request{Host: "h", File: file})
		if err != nil {
			t.Fatal(err)
		}
		if h.User != "me" || h.Port != 22 || h.BindAddress != want {
			t.Errorf("%s: %s %d %q", file, h.User, h.Port, h.BindAddress)
		}
	}
	_, err := Resolve(m.Env, Request{Host: "h", File: "/nonexistent"})
	if want := "Can't open user config file /nonexistent: No such file or directory"; err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

func TestIncludeLooksBesideItsOwnFile(t *testing.T) {
	m := newMachine(t)
	m.user(t, "Include conf.d\nInclude ~/more\n")
	m.system(t, "Include sys.d\n")
	m.write(t, "home/.ssh/conf.d", "User u\n")
	m.write(t, "home/more", "Port 5\n")
	m.write(t, "etc/sys.d", "BindAddress s\n")
	if h := m.resolve(t, "h"); h.User != "u" || h.Port != 5 || h.BindAddress != "s" {
		t.Errorf("%s %d %s", h.User, h.Port, h.BindAddress)
	}
	m.system(t, "Include ~/x\n")
	if got, want := m.refused(t, "h"), "DIR/etc/ssh_config line 1: bad include path ~/x.\nDIR/etc/ssh_config: terminating, 1 bad configuration options"; got != want {
		t.Errorf("said %q, want %q", got, want)
	}
}

func TestIncludeWithoutEndIsRefused(t *testing.T) {
	m := newMachine(t)
	m.user(t, "Include config\n")
	if got, want := m.refused(t, "h"), "Too many recursive configuration includes"; got != want {
		t.Errorf("said %q, want %q", got, want)
	}
}

func TestFileThatOthersMayWriteIsRefused(t *testing.T) {
	m := newMachine(t)
	m.user(t, "Include inner\n")
	m.write(t, "home/.ssh/inner", "Port 3\n")
	for _, name := range []string{"home/.ssh/inner", "home/.ssh/config"} {
		os.Chmod(m.dir+"/"+name, 0o622)
		if got, want := m.refused(t, "h"), "Bad owner or permissions on DIR/"+name; got != want {
			t.Errorf("said %q, want %q", got, want)
		}
	}
}

func TestMatchRunsNoCommandForNothing(t *testing.T) {
	m := newMachine(t)
	m.user(t, `
Match host other exec "true never"
  Port 1
Match exec "true %h %n %r %p %u %l %L %i %%" host h
  Port 2
Match exec "false" exec "true too late"
  Port 3
Match !exec "false again"
  User negated
`)
	h := m.resolve(t, "h")
	if h.Port != 2 || h.User != "negated" {
		t.Errorf("port %d, user %s", h.Port, h.User)
	}
	want := []string{"true h h me 22 me laptop.example.org laptop 1000 %", "false", "false again"}
	if !slices.Equal(m.ran, want) {
		t.Errorf("ran %q, want %q", m.ran, want)
	}
}

func TestMatchKnowsNewerCriteria(t *testing.T) {
	m := newMachine(t)
	m.user(t, `
Match tagged work,play
  Port 1
Match version OpenSSH_10.*
  BindAddress version
Match command "git-*"
  BindInterface command
Match sessiontype shell
  User shell
Match sessiontype exec,subsystem
  User exec
Match localnetwork 10.0.0.0/8,192.168.0.0/16
  HostKeyAlias near
Match localnetwork !192.168.7.0/24,192.168.0.0/16
  HostKeyAlgorithms ssh-ed25519
`)
	h := m.resolve(t, "h", Set("Tag", "play"))
	if h.Port != 1 || h.BindAddress != "version" || h.User != "shell" || h.HostKeyAlias != "near" || h.BindInterface != "" {
		t.Errorf("%+v", h)
	}
	if len(h.HostKeyAlgorithms) == 1 {
		t.Error("a network behind ! matched")
	}
	h, err := Resolve(m.Env, Request{Host: "h", Command: "git-upload-pack x"})
	if err != nil || h.Port != 22 || h.BindInterface != "command" || h.User != "exec" {
		t.Errorf("%v %+v", err, h)
	}
}

func TestNetworksOfMatchMustBeNetworks(t *testing.T) {
	m := newMachine(t)
	for _, network := range []string{"x", "10.0.0.1/8", "10.0.0.0/33"} {
		m.user(t, "Match localnetwork "+network+"\n")
		if got := m.refused(t, "h"); !strings.Contains(got, network) || !strings.Contains(got, "DIR/home/.ssh/config line 1: Bad Match condition") {
			t.Errorf("%s: said %q", network, got)
		}
	}
}

func TestShortNameBecomesCanonical(t *testing.T) {
	m := newMachine(t)
	m.names["web.two.example"] = "web.two.example"
	m.user(t, `
CanonicalizeHostname yes
CanonicalDomains one.example two.example
Host *.two.example
  Port 2
Match canonical host web.two.example
  User canonical
Match originalhost web
  BindAddress typed
`)
	h := m.resolve(t, "web")
	if h.HostName != "web.two.example" || h.Port != 2 || h.User != "canonical" || h.BindAddress != "typed" || h.Original != "web" {
		t.Errorf("%s %d %s %s", h.HostName, h.Port, h.User, h.BindAddress)
	}
	if want := []string{"ip web.one.example.", "ip web.two.example."}; !slices.Equal(m.asked, want) {
		t.Errorf("asked for %q, want %q", m.asked, want)
	}
	m.asked = nil
	if h := m.resolve(t, "a.b.c"); h.HostName != "a.b.c" || m.asked != nil {
		t.Errorf("%s: asked for %q of a name with enough dots", h.HostName, m.asked)
	}
	if h := m.resolve(t, "web", Set("ProxyJump", "j")); h.HostName != "web" || m.asked != nil {
		t.Errorf("%s: asked for %q of a name that the proxy resolves", h.HostName, m.asked)
	}
}

func TestAliasIsFollowedWherePermitted(t *testing.T) {
	m := newMachine(t)
	m.names["www.a.example"] = "node7.b.example."
	m.names["bare"] = "node8.b.example"
	m.user(t, "CanonicalizeHostname yes\nCanonicalDomains a.example\nCanonicalizePermittedCNAMEs *.a.example:*.b.example bare:*.b.example\n")
	for host, want := range map[string]string{"www": "node7.b.example", "bare": "node8.b.example"} {
		if h := m.resolve(t, host); h.HostName != want {
			t.Errorf("%s became %s, want %s", host, h.HostName, want)
		}
	}
	m.names["www.a.example"] = "evil.c.example"
	if h := m.resolve(t, "www"); h.HostName != "www.a.example" {
		t.Errorf("followed to %s", h.HostName)
	}
}

func TestOurKeysHideFromSSH(t *testing.T) {
	m := newMachine(t)
	m.user(t, `
#!! UdpMode yes
#!!UdpMode KCP
# !! UdpMode KCP
Host far
  #!! UdpPort 7000,61001-61005 7010
  #!!	UdpAliveTimeout 1h30m
  #!! ShowNotificationOnTop=no
  UdpReconnectTimeout 2m
#!! TsshdPath "/opt/my tsshd"
Host *
  #!! UdpMode no
`)
	h := m.resolve(t, "far")
	if h.UdpMode != "quic" || h.UdpPort != "7000,61001-61005,7010" || h.UdpAliveTimeout != 90*time.Minute ||
		h.ShowNotificationOnTop || !h.ShowFullNotifications || h.UdpReconnectTimeout != 2*time.Minute || h.TsshdPath != "/opt/my tsshd" {
		t.Errorf("%+v", h)
	}
	if h := m.resolve(t, "near"); h.UdpPort != "61001-61999" || h.UdpHeartbeatTimeout != 3*time.Second || h.TsshdPath != "" {
		t.Errorf("%+v", h)
	}
	h = m.resolve(t, "far", Setting{Line: "UdpMode=kcp"}, Setting{Line: "TsshdPort=1"})
	if h.UdpMode != "kcp" || h.UdpPort != "1" {
		t.Errorf("by -o: %s %s", h.UdpMode, h.UdpPort)
	}
	if h := m.resolve(t, "far", Set("UdpMode", "QUIC"), Override("UdpMode", "no")); h.UdpMode != "" {
		t.Errorf("overridden: %s", h.UdpMode)
	}
}

func TestBadValueOfOurKeyNamesWhatIsAccepted(t *testing.T) {
	m := newMachine(t)
	for line, want := range map[string]string{
		"UdpMode maybe":           `bad UdpMode "maybe": accepted is yes, no, QUIC, KCP`,
		"UdpPort 0":               `bad UdpPort "0": accepted is ports from 1 to 65535 and ranges of them, such as 61001-61999 or 7000,7010-7020`,
		"TsshdPort 9-8":           `bad UdpPort "9-8": accepted is ports`,
		"UdpPort 70000":           `bad UdpPort "70000"`,
		"UdpAliveTimeout 0":       `bad UdpAliveTimeout "0": accepted is a number of seconds from 1, or with a unit s, m, h, d or w`,
		"UdpHeartbeatTimeout 3y":  `bad UdpHeartbeatTimeout "3y"`,
		"ShowFullNotifications x": `bad ShowFullNotifications "x": accepted is yes, no`,
		"UdpKeepOutput 4X":        `bad UdpKeepOutput "4X": accepted is a number of bytes, or with K, M or G behind it, for terminals, and another one for commands without`,
		"UdpKeepOutput -1":        `bad UdpKeepOutput "-1": accepted is a number of bytes, or with K, M or G behind it, for terminals, and another one for commands without`,
		"UdpMTU 100":              `bad UdpMTU "100": accepted is 0, or 1200, which passes everywhere, up to 1452`,
		"UdpProxyMode quick":      `bad UdpProxyMode "quick": accepted is auto, udp, tcp, ssh`,
	} {
		m.user(t, "\n#!! "+line+"\n")
		if got := m.refused(t, "h"); !strings.HasPrefix(got, "DIR/home/.ssh/config line 2: "+want) {
			t.Errorf("%s: said %q, want %q", line, got, want)
		}
	}
	m.user(t, "#!! UdpMod yes\n")
	if got, want := m.refused(t, "h"), "DIR/home/.ssh/config: line 1: Bad configuration option: udpmod\n"; !strings.HasPrefix(got, want) {
		t.Errorf("said %q, want %q", got, want)
	}
}

func TestWhatSSHKnowsAndWeCannotDoIsLeftOut(t *testing.T) {
	m := newMachine(t)
	h := m.resolve(t, "h", Set("Ciphers", "rijndael-cbc@lysator.liu.se,aes256-ctr"), Set("KexAlgorithms", "sntrup761x25519-sha512,curve25519-sha256"))
	if !slices.Equal(h.Ciphers, []string{"aes256-ctr"}) || !slices.Equal(h.KexAlgorithms, []string{"curve25519-sha256"}) {
		t.Errorf("%q %q", h.Ciphers, h.KexAlgorithms)
	}
	for key, c := range map[string]struct{ list, said string }{
		"Ciphers":                     {"rijndael-cbc@lysator.liu.se", `no supported cipher algorithm in "rijndael-cbc@lysator.liu.se"`},
		"MACs":                        {"-hmac-*", `no supported MAC algorithm in "-hmac-*"`},
		"KexAlgorithms":               {"sntrup761x25519-sha512@openssh.com", `no supported key exchange algorithm in "sntrup761x25519-sha512@openssh.com"`},
		"HostKeyAlgorithms":           {"-*", `no supported host key algorithm in "-*"`},
		"PubkeyAcceptedAlgorithms":    {"webauthn-*", `no supported public key algorithm in "webauthn-*"`},
		"HostbasedAcceptedAlgorithms": {"webauthn-*", ""}, // nothing uses it
	} {
		err := m.resolve(t, "h", Setting{Line: key + "=" + c.list}).Check()
		if got := fmt.Sprint(err); got != cmp.Or(c.said, "<nil>") {
			t.Errorf("%s %s: said %q, want %q", key, c.list, got, c.said)
		}
	}
	if err := m.resolve(t, "h", Setting{Line: "PubkeyAcceptedAlgorithms=-*"}, Set("PubkeyAuthentication", "no")).Check(); err != nil {
		t.Errorf("no key is to be used, and of those that are none can be: %v", err)
	}
}

// What ssh has and we have not is told with -v where the user named it.
func TestWhatIsNotOfferedIsTold(t *testing.T) {
	m := newMachine(t)
	var told []string
	m.Debug = func(line string) { told = append(told, line) }
	m.resolve(t, "h")
	m.resolve(t, "h", Set("MACs", "umac-128-etm@openssh.com,hmac-sha2-256,umac-64@openssh.com"))
	if want := []string{"macs: not offered, since not supported here: umac-128-etm@openssh.com,umac-64@openssh.com"}; !slices.Equal(told, want) {
		t.Errorf("%q, want %q", told, want)
	}
}

func TestTokensExpandWhereTheyMay(t *testing.T) {
	m := newMachine(t)
	m.user(t, "User you\nPort 77\nHostName real.example\nProxyJump j:5\nHostKeyAlias Alias\n")
	h := m.resolve(t, "nick")
	for _, c := range []struct{ key, value, want string }{
		{"ProxyCommand", "nc %h %p %r %n %k %%", "nc real.example 77 you nick alias %"},
		{"ControlPath", "~/%L-%l-%n-%p-%r-%u-%i-%k-${SET}", m.Home + "/laptop-laptop.example.org-nick-77-you-me-1000-alias-value of SET"},
		{"IdentityFile", "%d/%h", m.Home + "/real.example"},
		{"LocalCommand", "x %T ${SET} ~", "x tun0 ${SET} ~"},
		{"KnownHostsCommand", "k %H %j", "k host j"},
		{"GlobalKnownHostsFile", "~/%h", m.Home + "/%h"},
		{"RemoteCommand", "echo ${SET} %h", "echo ${SET} real.example"},
	} {
		got, err := h.Expand(c.key, c.value, config.Tokens{'T': "tun0", 'H': "host"})
		if err != nil || got != c.want {
			t.Errorf("%s %s: %q, %v; want %q", c.key, c.value, got, err, c.want)
		}
	}
	for key, value := range map[string]string{"ProxyCommand": "%u", "ControlPath": "${UNSET}", "IdentityFile": "%", "HostName": "%n", "RemoteCommand": "%T"} {
		if got, err := h.Expand(key, value, nil); err == nil {
			t.Errorf("%s %s: expanded to %q", key, value, got)
		}
	}
}

// What is wrong with a path that is not used yet must not keep -G from printing.
func TestPathsAreExpandedForUseAndPrintedAsTheyStand(t *testing.T) {
	m := newMachine(t)
	m.user(t, "IdentityFile ~/.ssh/%h\nIdentityFile none\nCertificateFile %d/c\nGlobalKnownHostsFile ~/g\nRevokedHostKeys ~/r\n")
	h := m.resolve(t, "h")
	if !slices.Equal(h.IdentityFile, []string{m.Home + "/.ssh/h"}) || h.CertificateFile[0] != m.Home+"/c" ||
		h.GlobalKnownHostsFile[0] != m.Home+"/g" || h.RevokedHostKeys[0] != m.Home+"/r" || h.Check() != nil {
		t.Errorf("%q %q %q %q %v", h.IdentityFile, h.CertificateFile, h.GlobalKnownHostsFile, h.RevokedHostKeys, h.Check())
	}
	var b strings.Builder
	h.Print(&b)
	for _, line := range []string{"identityfile ~/.ssh/%h\n", "identityfile none\n", "certificatefile %d/c\n", "globalknownhostsfile ~/g\n"} {
		if !strings.Contains(b.String(), line) {
			t.Errorf("-G lacks %q", line)
		}
	}
	h = m.resolve(t, "h", Set("IdentityFile", "${UNSET}"))
	if err := h.Check(); err == nil || !strings.Contains(err.Error(), "env var ${UNSET} has no value") {
		t.Errorf("said %v", err)
	}
}

func TestWhatCannotBeDoneIsRefusedAtConnecting(t *testing.T) {
	m := newMachine(t)
	if err := m.resolve(t, "h", Set("Tunnel", "yes")).Check(); (err == nil) != tun.Supported {
		t.Errorf("Tunnel: %v", err)
	}
	for _, bad := range []string{"a\x01b", "\u00e4", strings.Repeat("x", 201)} {
		if err := m.resolve(t, "h", Set("VersionAddendum", bad)).Check(); err == nil {
			t.Errorf("%q is said to servers", bad)
		}
	}
}

func TestValueOfAVariableIsNotExpandedAgain(t *testing.T) {
	m := newMachine(t)
	m.Getenv = func(string) (string, bool) { return "%h ${X} ~", true }
	h := m.resolve(t, "h", Set("ControlPath", "/${X}"))
	if h.ControlPath != "/%h ${X} ~" {
		t.Errorf("became %q", h.ControlPath)
	}
}

func TestTypedFieldsSayWhatWasSet(t *testing.T) {
	m := newMachine(t)
	m.user(t, `
AddKeysToAgent confirm 5m
ControlPersist 10m
EscapeChar ^B
LogLevel quiet
RekeyLimit 1M 1h
StreamLocalBindMask 0077
PreferredAuthentications a,b
PermitRemoteOpen none
ForwardX11Timeout 0
ConnectTimeout none
IPQoS af21
RequestTTY force
StrictHostKeyChecking off
`)
	h := m.resolve(t, "h")
	if h.AddKeysToAgent != "confirm" || h.AddKeysToAgentLifetime != 5*time.Minute || !h.ControlPersist ||
		h.ControlPersistTimeout != 10*time.Minute || h.EscapeChar != 2 || h.LogLevel != "QUIET" ||
		h.RekeyLimit != 1<<20 || h.RekeyInterval != time.Hour || h.StreamLocalBindMask != 0o077 ||
		!slices.Equal(h.PreferredAuthentications, []string{"a", "b"}) || !slices.Equal(h.PermitRemoteOpen, []string{"none"}) ||
		h.ForwardX11Timeout != 0 || h.ConnectTimeout != 0 || !slices.Equal(h.IPQoS, []string{"af21", "af21"}) ||
		h.RequestTTY != "force" || h.StrictHostKeyChecking != "no" {
		t.Errorf("%+v", h)
	}
	h = m.resolve(t, "h", Set("AddKeysToAgent", "2h"), Set("EscapeChar", "none"), Set("LogLevel", "debug"))
	if h.AddKeysToAgent != "yes" || h.AddKeysToAgentLifetime != 2*time.Hour || h.EscapeChar != -1 || h.LogLevel != "DEBUG1" {
		t.Errorf("%+v", h)
	}
}

func TestDefaultsAreThoseOfSSH(t *testing.T) {
	m := newMachine(t)
	h := m.resolve(t, "h")
	if h.IdentityFileSet || h.HostKeyAlgorithmsSet || h.ForwardX11Trusted || h.UpdateHostKeys != "yes" ||
		h.LogLevel != "INFO" || h.EscapeChar != '~' || h.NumberOfPasswordPrompts != 3 || !h.TCPKeepAlive ||
		h.UserKnownHostsFile[0] != m.Home+"/.ssh/known_hosts" || h.UdpMode != "" || h.PermitRemoteOpen[0] != "any" {
		t.Errorf("%+v", h)
	}
	m.Debian = true
	if h := m.resolve(t, "h", Set("BatchMode", "yes")); !h.ForwardX11Trusted || h.ServerAliveInterval != 300*time.Second {
		t.Errorf("on Debian: %v %v", h.ForwardX11Trusted, h.ServerAliveInterval)
	}
}

func FuzzResolve(f *testing.F) {
	for _, s := range []string{"Port 22", "Match host h exec \"x %h\"\n User a", "#!! UdpPort 1-2,3", "LocalForward [::1]:1 a:2",
		"ProxyJump a@b:1,c", "Host !a *\nSetEnv \"A=b c\"", "Ciphers ^aes*", "IPQoS 0x10 ef", "CanonicalizePermittedCNAMEs *:*"} {
		f.Add(s)
	}
	env := Env{
		Machine: config.Machine{
			User: "u", Home: "/home/u", Hostname: "l", Getenv: func(string) (string, bool) { return "%h", true },
		},
		Version: "v",
		Run:     func(string) (bool, error) { return true, nil },
		Lookup:  func(string, string) (string, error) { return "c.example", nil },
		Addrs:   func() ([]netip.Addr, error) { return nil, nil },
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(strings.ToLower(text), "include") {
			return // reads files of this machine
		}
		name := dir + "/config"
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		h, err := Resolve(env, Request{Host: "h", File: name})
		if err != nil {
			if bad, ok := errors.AsType[*config.Error](err); !ok || len(bad.Lines) == 0 {
				t.Fatalf("%T %v", err, err)
			}
			return
		}
		var b strings.Builder
		h.Print(&b)
		if h.Port < 1 || h.Port > 65535 || len(h.Ciphers) == 0 && !strings.Contains(text, "-") {
			t.Fatalf("%+v", h)
		}
	})
}

func TestKeptOutput(t *testing.T) {
	for line, want := range map[string]wire.Keep{
		"":                         {Terminal: 4 << 20, Pipes: 64 << 20},
		"UdpKeepOutput 0":          {},
		"UdpKeepOutput 1m":         {Terminal: 1 << 20, Pipes: 64 << 20},
		"UdpKeepOutput 0 1G":       {Pipes: 1 << 30},
		"UdpKeepOutput 512K 0":     {Terminal: 512 << 10},
		"#!! UdpKeepOutput 16M 1M": {Terminal: 16 << 20, Pipes: 1 << 20},
	} {
		m := newMachine(t)
		m.user(t, line+"\n")
		if got := m.resolve(t, "host").UdpKeepOutput; got != want {
			t.Errorf("%q: %+v, not %+v", line, got, want)
		}
	}
}

// TestTokensOfJumpsAreThoseOfTheHostBehind: they are expanded to connect, and
// printed as they stand.
func TestTokensOfJumpsAreThoseOfTheHostBehind(t *testing.T) {
	m := newMachine(t)
	for value, want := range map[string]string{
		"gate.%h":               "[gate.real.example]",
		"%r@%n-gate,j%p:5":      "[you@host-gate j77:5]",
		"u%%x@plain":            "[u%x@plain]",
		"%z.example":            "unknown key %z",
		"[fe80::1%eth0]:9,x.%h": "[[fe80::1%eth0]:9 x.real.example]",
	} {
		h := m.resolve(t, "host", Set("ProxyJump", value), Set("User", "you"), Set("Port", "77"), Set("HostName", "real.example"))
		jumps, err := h.Jumps()
		if got := fmt.Sprint(jumps); err == nil && got != want || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %s, %v", value, got, err)
		}
	}
	// What was typed as the host gets no further than when it is typed as the hop.
	h := m.resolve(t, "host", Set("ProxyJump", "%h"), Set("HostName", "-oProxyCommand=x"))
	if jumps, err := h.Jumps(); err == nil {
		t.Errorf("%v", jumps)
	}
}
