package policy

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os/user"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

// TestRandomConfigurations gives configurations that nobody would write to sshd
// and to Load, for logins of all kinds, and compares all that Load reads. Those
// that sshd does not start with are passed over.
func TestRandomConfigurations(t *testing.T) {
	sshd, key := findSSHD(t)
	seed := uint64(time.Now().UnixNano())
	r := &random{rand.New(rand.NewPCG(seed, 0)), t.TempDir()}
	compared, tries := 0, 60
	for try := range tries {
		file := r.config()
		for range 2 {
			who, host := r.login(t)
			want, err := effective(sshd, key, file, who, host)
			if err != nil {
				break // every login meets that
			}
			compared++
			p, err := Load(file, who)
			if err != nil {
				t.Errorf("seed %d, try %d: %v", seed, try, err)
			}
			got := render(p)
			got["channeltimeout"] = nil
			for _, l := range p.Timeouts {
				got["channeltimeout"] = append(got["channeltimeout"], fmt.Sprintf("%s=%d", l.Pattern, int(l.After.Seconds())))
			}
			if got["channeltimeout"] != nil {
				got["channeltimeout"] = []string{strings.Join(got["channeltimeout"], " ")}
			}
			if all := want["channeltimeout"]; len(all) == 1 && all[0] == "none" {
				delete(want, "channeltimeout")
			}
			for keyword := range got {
				if !reflect.DeepEqual(got[keyword], want[keyword]) {
					t.Errorf("seed %d, try %d: %s of %s from %s (%s) to %s port %d is %q, sshd says %q in\n%s", seed, try, keyword,
						who.User, who.Addr, host, who.LocalAddr, who.LocalPort, got[keyword], want[keyword], r.show(t, file))
				}
			}
		}
		if t.Failed() {
			return
		}
	}
	if t.Logf("seed %d: %d of %d compared", seed, compared, 2*tries); compared < tries/2 {
		t.Errorf("seed %d: sshd took too few configurations for a test", seed)
	}
}

// random makes configurations.
type random struct {
	*rand.Rand
	dir string
}

func (r *random) of(words ...string) string { return words[r.IntN(len(words))] }

// some is one to n of words, put together.
func (r *random) some(n int, sep string, words ...string) string {
	list := make([]string, 1+r.IntN(n))
	for i := range list {
		list[i] = r.of(words...)
	}
	return strings.Join(list, sep)
}

func (r *random) login(t *testing.T) (who Login, host string) {
	who = Login{
		User:      r.of("root", "daemon", "nobody", "www-data"),
		Addr:      netip.MustParseAddr(r.of("192.0.2.7", "192.0.2.70", "203.0.113.1", "2001:db8::7", "::1")),
		LocalAddr: netip.MustParseAddr(r.of("198.51.100.1", "2001:db8:1::1")), LocalPort: 22 + r.IntN(2),
	}
	u, err := user.Lookup(who.User)
	if err != nil {
		t.Skipf("SKIPPED, not tested at all: %v", err)
	}
	who.Groups = func() (names []string) {
		ids, _ := u.GroupIds()
		for _, id := range ids {
			if g, err := user.LookupGroupId(id); err == nil {
				names = append(names, g.Name)
			}
		}
		return names
	}
	host = r.of(who.Addr.String(), "Laptop.Example.org", "pc.example.com")
	who.Name = func() string { return host }
	return who, host
}

// config writes a configuration and what it includes.
func (r *random) config() (file string) {
	names := []string{"a.conf", "b.conf", ".hidden.conf", "c.disabled"}
	for _, name := range names {
		r.write(name, r.lines(r.IntN(4), ""))
	}
	// Names are sshd's to look for only with UseDNS.
	return r.write("sshd_config", "UseDNS yes\n"+r.lines(2+r.IntN(14), r.of(r.dir+"/*.conf", r.dir+"/[!a]*", r.dir+"/*", "nosuch-relative.conf", r.dir+"/a.conf "+r.dir+"/b.conf")))
}

func (r *random) write(name, text string) string {
	file := filepath.Join(r.dir, name)
	if err := writeFile(file, text); err != nil {
		panic(err)
	}
	return file
}

func (r *random) show(t *testing.T, file string) string {
	var all strings.Builder
	for _, name := range []string{file, filepath.Join(r.dir, "a.conf"), filepath.Join(r.dir, "b.conf"), filepath.Join(r.dir, ".hidden.conf"), filepath.Join(r.dir, "c.disabled")} {
		fmt.Fprintf(&all, "--- %s\n%s", filepath.Base(name), readFile(t, name))
	}
	return all.String()
}

// lines are n lines, of which some include the files of include.
func (r *random) lines(n int, include string) string {
	var text strings.Builder
	matched := false
	for range n {
		line := ""
		switch k := r.IntN(10); {
		case k < 2:
			line, matched = "Match "+r.criteria(), true
		case k == 2 && include != "":
			line = "Include " + include
		case k < 5 && !matched:
			line = r.global(include != "")
		default:
			line = r.anywhere()
		}
		text.WriteString(r.disguise(line) + "\n")
	}
	return text.String()
}

// disguise writes a line in another of the ways that mean the same.
func (r *random) disguise(line string) string {
	keyword, rest, _ := strings.Cut(line, " ")
	between := r.of(" ", " ", "  ", "\t", "=", " = ", "= ")
	switch r.IntN(8) {
	case 0:
		keyword = strings.ToUpper(keyword)
	case 2: // after which sshd passes over no "="
		keyword, between = `"`+keyword+`"`, " "
	case 1:
		keyword = "  \t" + strings.ToLower(keyword)
	}
	return keyword + between + rest + r.of("", "", "", " ", "\t", " # PermitTTY no", "\f", "\r")
}

func (r *random) criteria() string {
	var all []string
	for range 1 + r.IntN(2) {
		not := r.of("", "", "!")
		list := ""
		kind := r.of("User", "Group", "Host", "Address", "LocalAddress", "LocalPort", "all")
		switch kind {
		case "all":
			return r.of("all", "ALL", "All")
		case "User":
			list = r.some(3, ",", "*", "root", "r??t", not+"root", "d*", "nobody", not+"nobody", "www-data", "Root")
		case "Group":
			list = r.some(3, ",", "*", "root", not+"root", "d?emon", "nogroup", "www*", not+"www-data")
		case "Host":
			list = r.some(3, ",", "*", "*.example.org", not+"laptop.*", "*.COM", "192.0.2.*", "2001:*", not+"203.0.113.1")
		case "Address":
			list = r.some(3, ",", "192.0.2.0/24", "192.0.2.7", not+"192.0.2.7", "192.0.2.7?", "2001:db8::/32", not+"2001:db8::7/128", "0.0.0.0/0", "::/0", "*", "2001:DB8::7", "::1")
		case "LocalAddress":
			list = r.some(2, ",", "198.51.100.*", "198.51.100.1/32", not+"198.51.100.1", "2001:db8:1::/64")
		case "LocalPort":
			list = r.of("22", "23")
		}
		if r.IntN(4) == 0 {
			list = `"` + list + `"`
		}
		all = append(all, r.of(kind, strings.ToLower(kind), strings.ToUpper(kind))+r.of(" ", " ", "=", " = ")+list)
	}
	return strings.Join(all, " ")
}

func (r *random) yes() string { return r.of("yes", "no", "Yes", "NO") }

// global is a line that must stand outside of Match. Two of them are not even given to a
// file that may be included there, where releases differ in what they make of it.
func (r *random) global(outermost bool) string {
	switch n := r.IntN(7); {
	case n == 0 && outermost:
		return "PermitUserEnvironment " + r.of("yes", "no", "Yes", "true", "LANG,LC_*", "*,!LD_*", "!LD_*,*", `"A*,!AB"`)
	case n == 1:
		return "PrintMotd " + r.yes()
	case n == 2:
		return "PrintLastLog " + r.yes()
	case n == 3:
		return "UsePAM " + r.yes()
	case n == 4:
		return "XAuthLocation " + r.of("/usr/bin/xauth", "none", `"/opt/x y/xauth"`, "/a")
	case n == 5 && outermost:
		return "Subsystem " + r.of("sftp", "other", "SFTP") + " " + r.of("internal-sftp", "/usr/lib/sftp-server -l INFO", `internal-sftp  -f   "AUTH"`, "/x 'a b'")
	default:
		return "UseDNS yes"
	}
}

func (r *random) anywhere() string {
	ends := []string{"a:1", "[::1]:2", "*:80", "host.example:*", "10.0.0.1:65535", "*:*"}
	vars := []string{"A=1", "B=", "A=2", `"C=a b"`, "D='x y'", `E=a\"b`, `"F=\\"`, "G=a#b", `H=a\\\ b`, `"I=a\ b"`}
	switch r.IntN(23) {
	case 0:
		return "AllowTcpForwarding " + r.of("yes", "no", "all", "local", "remote", "Local")
	case 1:
		return "AllowStreamLocalForwarding " + r.of("yes", "no", "all", "local", "remote")
	case 2:
		return "AllowAgentForwarding " + r.yes()
	case 3:
		return "PermitTTY " + r.yes()
	case 4:
		return "PermitTunnel " + r.of("yes", "no", "point-to-point", "ethernet")
	case 5:
		return "PermitOpen " + r.of("any", "none", r.some(3, " ", ends...), r.some(3, " ", ends...))
	case 6:
		return "PermitListen " + r.of("any", "none", "8080", "8080 *:81", r.some(3, " ", ends...))
	case 7:
		return "GatewayPorts " + r.of("yes", "no", "clientspecified", "ClientSpecified")
	case 8:
		return "StreamLocalBindMask " + r.of("0177", "0117", "22", "0", "777", "0022")
	case 9:
		return "StreamLocalBindUnlink " + r.yes()
	case 10:
		return "X11Forwarding " + r.yes()
	case 11:
		return "X11DisplayOffset " + r.of("10", "0", "77")
	case 12:
		return "X11UseLocalhost " + r.yes()
	case 13:
		return "DisableForwarding " + r.yes()
	case 14:
		return "AcceptEnv " + r.some(3, " ", "LANG", "LC_*", "?", "A", `"Q R"`)
	case 15:
		return "SetEnv " + r.some(4, " ", vars...)
	case 16:
		return "ForceCommand " + r.of("none", "None", "internal-sftp", `echo "a  b" 'c'`, `"quoted command"`, "x=y z", `a\ b`)
	case 17:
		return "MaxSessions " + r.of("0", "1", "10", "500")
	case 18:
		return "Banner " + r.of("none", "NONE", "/etc/issue", `"/etc/my issue"`)
	case 19:
		return "PermitUserRC " + r.yes()
	case 20:
		return "AuthorizedKeysFile " + r.of("none", ".ssh/authorized_keys", "/etc/keys/%u .ssh/k", "~/.ssh/a %h/b", `"a b"`)
	case 21:
		return "ChannelTimeout " + r.of("none", r.some(3, " ", "session:*=300", "direct-tcpip=60", "*=0", "x11-connection=7", "session:shell=120"))
	default:
		return "UnusedConnectionTimeout " + r.of("none", "5", "2m", "1h30m", "1w2d3h4m5s", "1M")
	}
}
