package policy

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"tssh/proxy/tun"
)

func login() Login {
	return Login{
		User: "root", Groups: func() []string { return []string{"root"} },
		Addr:      netip.MustParseAddr("192.0.2.7"),
		LocalAddr: netip.MustParseAddr("198.51.100.1"), LocalPort: 22,
	}
}

// TestAsSSHD gives the same file to sshd -T and to Load.
func TestAsSSHD(t *testing.T) {
	sshd, key := findSSHD(t)
	for _, test := range []struct{ name, config string }{
		{"empty", ""},
		{"debian", "Include /etc/ssh/sshd_config.d/none*.conf\nKbdInteractiveAuthentication no\nUsePAM yes\nX11Forwarding yes\nPrintMotd no\nAcceptEnv LANG LC_*\nSubsystem\tsftp\t/usr/lib/openssh/sftp-server\n"},
		{"first wins", "X11Forwarding yes\nX11Forwarding no\nPermitTTY no\npermittty yes\nGatewayPorts clientspecified\nGatewayPorts no\n"},
		{"lists grow or not", "AcceptEnv A B\nAcceptEnv C*\nSetEnv A=1 B=2 A=3\nSetEnv C=3\nPermitOpen a:1 [::1]:2\nPermitOpen b:3\nPermitListen 80 c:90\nPermitListen 81\n"},
		{"match beats global", "AllowTcpForwarding yes\nX11Forwarding yes\nMatch User root\nAllowTcpForwarding no\nAllowTcpForwarding yes\nMatch all\nX11Forwarding no\n"},
		{"match lists replace", "AcceptEnv A\nSetEnv X=1\nPermitOpen a:1\nMatch User ro?t\nAcceptEnv B\nAcceptEnv C\nSetEnv Y=2\nPermitOpen none\n"},
		{"match fails", "Match User bob\nPermitTTY no\nMatch Group wheel,!root\nX11Forwarding yes\nMatch User *,!root\nAllowAgentForwarding no\n"},
		{"match group", "Match Group ro*\nForceCommand echo \"hello  there\" # not a comment\n"},
		{"match address", "Match Address 192.0.2.0/24,!192.0.2.9 LocalPort 22\nX11Forwarding yes\nMatch Address !192.0.2.7,*\nPermitTTY no\nMatch LocalAddress 198.51.100.*\nGatewayPorts yes\n"},
		{"match address pattern", "Match Address 192.0.2.?\nX11Forwarding yes\nMatch LocalPort 23\nPermitTTY no\n"},
		{"match host", "Match Host 192.0.2.*\nX11Forwarding yes\n"},
		{"directions", "AllowTcpForwarding local\nAllowStreamLocalForwarding remote\n"},
		{"all", "AllowTcpForwarding all\nAllowStreamLocalForwarding no\nStreamLocalBindMask 0117\nStreamLocalBindUnlink yes\n"},
		{"quotes and equals", "PermitTTY=no\nX11DisplayOffset = 20\nSetEnv \"A=b c\" 'D=e'\nXAuthLocation \"/opt/x y\"\n  # comment\n\n\tPermitUserRC no # why\nBanner \"/etc/issue\" # word\n"},
		{"disable", "DisableForwarding yes\nX11Forwarding yes\nAllowTcpForwarding yes\n"},
		{"user environment", "PermitUserEnvironment LANG,LC_*\nMaxSessions 3\nPrintLastLog no\n"},
		{"internal sftp", "Subsystem sftp internal-sftp -l INFO -f AUTH\nForceCommand none\nBanner none\n"},
		{"permitlisten star", "PermitListen *:2222 any.example:*\nPermitOpen *:80 host:*\n"},
		{"permittunnel", "PermitTunnel yes\nPermitTunnel no\n"},
		{"permittunnel one", "PermitTunnel point-to-point\nMatch User root\nPermitTunnel ethernet\n"},
		{"permit any", "PermitOpen any\nPermitListen any\n"},
		{"include in match", "Match User bob\nInclude yes.conf\nMatch User root\nInclude match.conf\nPermitTTY no\n"},
		{"include global", "Include match.conf yes.conf\nX11Forwarding no\nPermitTTY no\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir, "yes.conf", "X11Forwarding yes\n")
			write(t, dir, "match.conf", "AcceptEnv FROM_MATCH\nMatch User bob\nAllowTcpForwarding no\nMatch User root\nAllowAgentForwarding no\n")
			// sshd looks for relative names in /etc/ssh, Load beside the file.
			text := strings.NewReplacer("yes.conf", dir+"/yes.conf", "match.conf", dir+"/match.conf").Replace(test.config)
			file := write(t, dir, "sshd_config", text)
			who := login()
			want, err := effective(sshd, key, file, who, "192.0.2.7")
			if err != nil {
				t.Fatal(err)
			}
			p, err := Load(file, who)
			if err != nil {
				t.Error(err)
			}
			for keyword, got := range render(p) {
				if !reflect.DeepEqual(got, want[keyword]) {
					t.Errorf("%s is %q, sshd says %q", keyword, got, want[keyword])
				}
			}
		})
	}
}

// effective is what sshd says of a configuration for a login, by keyword.
func effective(sshd, key, file string, who Login, host string) (map[string][]string, error) {
	out, err := exec.Command(sshd, "-T", "-f", file, "-h", key, "-C", fmt.Sprintf("user=%s,host=%s,addr=%s,laddr=%s,lport=%d",
		who.User, host, who.Addr, who.LocalAddr, who.LocalPort)).CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("sshd -T: %w: %s", err, out)
	}
	return lines(string(out)), nil
}

func findSSHD(t *testing.T) (sshd, key string) {
	sshd, err := exec.LookPath("/usr/sbin/sshd")
	if err != nil {
		t.Skip("SKIPPED, not tested at all: no sshd here")
	}
	if u, err := user.Current(); err != nil || u.Uid != "0" {
		t.Skip("SKIPPED, not tested at all: sshd -T wants root here")
	}
	if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
		t.Skipf("SKIPPED, not tested at all: %v", err)
	}
	key = filepath.Join(t.TempDir(), "key")
	if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key).CombinedOutput(); err != nil {
		t.Skipf("SKIPPED, not tested at all: ssh-keygen: %v: %s", err, out)
	}
	return sshd, key
}

func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	file := filepath.Join(dir, name)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// lines is sshd -T's output by keyword.
func lines(out string) map[string][]string {
	m := make(map[string][]string)
	for l := range strings.Lines(out) {
		keyword, rest, _ := strings.Cut(strings.TrimSpace(l), " ")
		m[keyword] = append(m[keyword], rest)
	}
	slices.Sort(m["subsystem"])
	return m
}

// render writes a policy as sshd -T would.
func render(p *Policy) map[string][]string {
	yes := func(b bool) []string { return []string{map[bool]string{true: "yes", false: "no"}[b]} }
	both := func(local, remote bool) []string {
		return []string{map[[2]bool]string{{true, true}: "yes", {true, false}: "local", {false, true}: "remote", {}: "no"}[[2]bool{local, remote}]}
	}
	text := func(s string) []string {
		if s == "" {
			s = "none"
		}
		return []string{s}
	}
	ends := func(list []Endpoint) []string {
		if list == nil {
			return []string{"any"}
		}
		var words []string
		for _, e := range list {
			host := e.Host
			if strings.Contains(host, ":") {
				host = "[" + host + "]"
			}
			words = append(words, host+":"+e.Port)
		}
		if words == nil {
			words = []string{"none"}
		}
		return []string{strings.Join(words, " ")}
	}
	m := map[string][]string{
		"acceptenv": p.AcceptEnv, "setenv": p.SetEnv,
		"allowagentforwarding": yes(p.Agent), "permittty": yes(p.TTY),
		"permitopen": ends(p.PermitOpen), "permitlisten": ends(p.PermitListen),
		"gatewayports":        {string(p.GatewayPorts)},
		"streamlocalbindmask": {fmt.Sprintf("0%o", p.UnixMask)}, "streamlocalbindunlink": yes(p.UnixUnlink),
		"x11forwarding": yes(p.X11), "x11displayoffset": {strconv.Itoa(p.X11Offset)}, "x11uselocalhost": yes(p.X11Localhost),
		"xauthlocation": text(p.XAuth), "forcecommand": text(p.ForceCommand), "banner": text(p.Banner),
		"maxsessions": {strconv.Itoa(p.MaxSessions)}, "printmotd": yes(p.Motd), "printlastlog": yes(p.LastLog), "usepam": yes(p.PAM),
		"permituserrc": yes(p.UserRC), "usedns": yes(p.useDNS),
		"authorizedkeysfile":       {strings.ReplaceAll(strings.Join(p.keyFiles, " "), "~/", "/root/")},
		"authorizedprincipalsfile": text(p.principalsFile),
		"unusedconnectiontimeout":  text(map[bool]string{true: fmt.Sprint(int(p.Unused.Seconds()))}[p.Unused > 0]),
	}
	m["permittunnel"] = []string{map[[2]bool]string{{true, true}: "yes", {true, false}: "point-to-point",
		{false, true}: "ethernet", {}: "no"}[[2]bool{p.TunnelIP, p.TunnelEthernet}]}
	if !p.disableAll {
		m["allowtcpforwarding"] = both(p.LocalTCP, p.RemoteTCP)
		m["allowstreamlocalforwarding"] = both(p.LocalUnix, p.RemoteUnix)
	} else {
		delete(m, "allowagentforwarding")
		delete(m, "x11forwarding")
		delete(m, "permittunnel")
		m["disableforwarding"] = yes(!p.LocalTCP && !p.RemoteTCP && !p.LocalUnix && !p.RemoteUnix && !p.Agent && !p.X11 && !p.TunnelIP && !p.TunnelEthernet)
	}
	switch {
	case p.UserEnv == "*":
		m["permituserenvironment"] = yes(true)
	case p.UserEnv == "":
		m["permituserenvironment"] = yes(false)
	default:
		m["permituserenvironment"] = []string{p.UserEnv}
	}
	for name, command := range p.Subsystems {
		m["subsystem"] = append(m["subsystem"], name+" "+command)
	}
	slices.Sort(m["subsystem"])
	return m
}

func TestUnreadable(t *testing.T) {
	p, err := Load(filepath.Join(t.TempDir(), "sshd_config"), login())
	if err == nil {
		t.Error("nobody is told")
	}
	if p.X11 || p.GatewayPorts != GatewayNo || p.UserEnv != "" || p.AcceptsEnv("LD_PRELOAD") {
		t.Errorf("not careful: %+v", p)
	}
	if _, ok := p.Subsystem("sftp"); !ok || !p.AcceptsEnv("LC_ALL") || !p.TTY {
		t.Errorf("not usable: %+v", p)
	}
}

// TestNotUnderstood has lines that newer servers may know.
func TestNotUnderstood(t *testing.T) {
	file := write(t, t.TempDir(), "c", "Match Moon full\nPermitTTY no\nMatch all\nX11Forwarding perhaps\nAllowTcpForwarding maybe\nNewThing yes\nSetEnv \"A=b\n")
	p, err := Load(file, login())
	if err == nil || !strings.Contains(err.Error(), "line 1") || !strings.Contains(err.Error(), "line 7") {
		t.Errorf("error %v names neither line", err)
	}
	if !p.TTY || p.X11 || p.LocalTCP || p.RemoteTCP {
		t.Errorf("%+v", p)
	}
}

// TestUserEnvironment has lists in which a pattern is excepted.
func TestUserEnvironment(t *testing.T) {
	for _, c := range []struct {
		value, name string
		want        bool
	}{
		{"yes", "LD_PRELOAD", true},
		{"no", "LANG", false},
		{"*,!LD_*", "LD_PRELOAD", false},
		{"*,!LD_*", "LANG", true},
		{"!LD_*,*", "LD_PRELOAD", false},
		{"!LD_*", "LANG", false}, // nothing is named that is permitted
		{"LANG,LC_*", "LC_ALL", true},
		{"LANG,LC_*", "lang", false},
		{"Yes", "LANG", false}, // a pattern, as for sshd
	} {
		file := write(t, t.TempDir(), "c", "PermitUserEnvironment "+c.value+"\n")
		p, err := Load(file, login())
		if got := p.PermitsUserEnv(c.name); err != nil || got != c.want {
			t.Errorf("%s with %s: %v, %v", c.name, c.value, got, err)
		}
	}
}

func TestChannelTimeout(t *testing.T) {
	file := write(t, t.TempDir(), "c", "ChannelTimeout session:shell=0 session:*=5m *-connection=1h30m direct*=1.5 nonsense x=y\nUnusedConnectionTimeout 2m30\n")
	p, err := Load(file, login())
	if err != nil || p.Unused != 150*time.Second {
		t.Errorf("%v, %v", p.Unused, err)
	}
	for kind, want := range map[string]time.Duration{
		"session:shell": 0, "session:command": 5 * time.Minute, "session:subsystem:sftp": 5 * time.Minute,
		"x11-connection": 90 * time.Minute, "direct-tcpip": 1500 * time.Millisecond, "forwarded-tcpip": 0,
	} {
		if got := p.ChannelTimeout(kind); got != want {
			t.Errorf("%s: %v, not %v", kind, got, want)
		}
	}
	for _, s := range []string{"", "m", "1x", "1..5", ".", "-1", "99999999999999999999w", "5 m"} {
		if d, ok := ParseInterval(s); ok {
			t.Errorf("%q is %v", s, d)
		}
	}
}

func TestEndlessInclude(t *testing.T) {
	dir := t.TempDir()
	file := write(t, dir, "c", "Include "+dir+"/c\nPermitTTY no\n")
	if p, err := Load(file, login()); err == nil || p.TTY {
		t.Errorf("%v, %v", p.TTY, err)
	}
}

func TestPermits(t *testing.T) {
	p := defaults()
	p.PermitOpen = endpoints([]string{"db.example:5432", "*:80", "[::1]:*"})
	p.PermitListen = endpoints([]string{"8080", "local*:9000"})
	for _, c := range []struct {
		got, want bool
		what      string
	}{
		{p.PermitsOpen("db.example", 5432), true, "open named"},
		{p.PermitsOpen("DB.example", 5432), false, "open by another spelling"},
		{p.PermitsOpen("db.example", 5433), false, "open another port"},
		{p.PermitsOpen("any.example", 80), true, "open any host"},
		{p.PermitsOpen("::1", 1), true, "open any port"},
		{p.PermitsListen("", 8080), true, "listen anywhere"},
		{p.PermitsListen("LOCALHOST", 9000), true, "listen by pattern"},
		{p.PermitsListen("localhost", 9001), false, "listen elsewhere"},
	} {
		if c.got != c.want {
			t.Errorf("%s: %v", c.what, c.got)
		}
	}
	p.TunnelIP = true
	for _, c := range []struct {
		key    []uint32
		mode   tun.Mode
		asked  uint32
		chosen uint32
		ok     bool
	}{
		{nil, tun.PointToPoint, 3, 3, true},
		{nil, tun.Ethernet, 3, 0, false},
		{nil, 3, 3, 0, false},
		{nil, 0, 3, 0, false},
		{[]uint32{7}, tun.PointToPoint, 7, 7, true},
		{[]uint32{7}, tun.PointToPoint, 8, 7, false},
		{[]uint32{7}, tun.PointToPoint, tun.AnyUnit, 7, true},
		{[]uint32{tun.AnyUnit}, tun.PointToPoint, tun.AnyUnit, tun.AnyUnit, true},
	} {
		p.KeyTunnel = c.key
		if chosen, ok := p.PermitsTunnel(c.mode, c.asked); ok != c.ok || ok && chosen != c.chosen {
			t.Errorf("tunnel of unit %d in mode %d with a key for %v: %d, %v", c.asked, c.mode, c.key, chosen, ok)
		}
	}
	if (&Policy{}).PermitsOpen("a", 1) || (&Policy{}).PermitsListen("a", 1) {
		t.Error("the zero policy permits")
	}
}

func FuzzSplitArgs(f *testing.F) {
	f.Add(`a "b c" 'd\'e' \"f # g`)
	f.Fuzz(func(t *testing.T, s string) {
		keyword, rest := splitKeyword(s)
		if !strings.HasPrefix(strings.TrimLeft(s, blanks), `"`) && strings.ContainsAny(keyword, blanks+`="`) {
			t.Errorf("keyword %q", keyword)
		}
		args, err := splitArgs(rest)
		if err == nil && len(strings.Join(args, "")) > len(rest) {
			t.Errorf("%q from %q", args, rest)
		}
		if !match("*"+rest, "x"+rest) && !match(s, s) {
			t.Errorf("neither %q nor %q matches itself", rest, s)
		}
	})
}

// FuzzLoad reads any configuration: it ends, and what it can't be is not permitted.
func FuzzLoad(f *testing.F) {
	f.Add("Match User root\nPermitTTY no\nMatch all\nPermitOpen a:1 [::1]:*\n")
	f.Add("DisableForwarding yes\nGatewayPorts clientspecified\nAcceptEnv * \"a b\"")
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(strings.ToLower(text), "include") {
			return // not the files of this machine
		}
		file := filepath.Join(t.TempDir(), "c")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		p, _ := Load(file, login())
		if p.disableAll && (p.PermitsOpen("a", 1) || p.PermitsListen("a", 1) || p.Agent || p.X11) {
			t.Errorf("%q: forwards all the same", text)
		}
	})
}

func writeFile(name, text string) error { return os.WriteFile(name, []byte(text), 0o600) }

func readFile(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
