package complete

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func source(t *testing.T) Source {
	t.Helper()
	home := t.TempDir()
	for name, text := range map[string]string{
		".ssh/config":           "Host alpha beta *.pattern !not\nhost=gamma\nInclude more/*.conf ~/else\nInclude config\n# Host comment\nMatch host x\n",
		".ssh/more/a.conf":      "Host delta \"quo ted\"\n\tInclude more/b.conf\n",
		".ssh/more/b.conf":      "HOST epsilon\nInclude more/a.conf\n",
		"else":                  "Host zeta\n",
		".ssh/known_hosts":      "known,192.0.2.7 ssh-ed25519 AAAA\n[ported]:2222 ssh-ed25519 AAAA\n|1|abc=|def= ssh-ed25519 AAAA\n@cert-authority *.ca ssh-rsa A\n@revoked gone ssh-rsa A\nbad\n\n\x1b[31mred ssh-rsa A\n",
		"etc/ssh_config":        "Host system\n",
		"etc/ssh_known_hosts":   "shared ssh-rsa A\n",
		".ssh/more/broken.conf": "Host \"open\n\x00\xff\nHost whole\n",
	} {
		path := filepath.Join(home, name)
		os.MkdirAll(filepath.Dir(path), 0o700)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return Source{Home: home, System: filepath.Join(home, "etc")}
}

// A name that a shell would carry out, or take for an option, is offered to none of
// them, wherever it comes from.
func TestNamesThatShellsCarryOutAreNotOffered(t *testing.T) {
	names := []string{
		"$(touch${IFS}x)", "`x`", "a;x", "a&x", "a|x", "a>x", "a<x", "a(x)", "{a,b}", "${HOME}", "$HOME", "a\\b", "a'b", "~root", "#a", "-oProxyCommand=x",
		"-Fx", "a[b]c", "a^b", "a=b", "\x1b[31m", "a\u202eb", "a\u009bb", strings.Repeat("long", 300), "a\xffb",
	}
	from := source(t)
	var known, config strings.Builder
	for _, name := range names {
		known.WriteString(name + " ssh-ed25519 AAAA\n[" + name + "]:22 ssh-ed25519 AAAA\nx," + name + " ssh-ed25519 AAAA\n")
		config.WriteString("Host " + name + "\nHost \"" + name + "\"\n")
	}
	for name, text := range map[string]string{"known_hosts": known.String(), "config": config.String()} {
		if err := os.WriteFile(filepath.Join(from.Home, ".ssh", name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	allowed := map[string]bool{"shared": true, "system": true, "x": true, "b": true, "a": true, "ab": true, "HOME": true}
	for _, c := range Words([]string{""}, from) {
		if !allowed[c.Word] {
			t.Errorf("offers %q", c.Word)
		}
	}
}

func TestWhatFollows(t *testing.T) {
	from := source(t)
	const allHosts = "192.0.2.7 alpha beta delta epsilon gamma known ported shared system whole zeta"
	for line, want := range map[string]string{
		"":                           allHosts,
		"al":                         "alpha",
		"me@be":                      "me@beta",
		"-v al":                      "alpha",
		"-p 22 -i /x al":             "alpha",
		"-J al":                      "alpha",
		"-J beta,u@ga":               "beta,u@gamma",
		"-Jal":                       "-Jalpha",
		"-vJ de":                     "delta",
		"-W k":                       "known",
		"-W known:2":                 "",
		"-o proxyjump=al":            "proxyjump=alpha",
		"-oProxyJump=x,al":           "-oProxyJump=x,alpha",
		"-o UdpMode=":                "UdpMode=no UdpMode=yes UdpMode=QUIC UdpMode=KCP",
		"-o udpproxymode=s":          "udpproxymode=SSH",
		"-o StrictHostKeyChecking=a": "StrictHostKeyChecking=ask StrictHostKeyChecking=accept-new",
		"-o TCPKeepAlive=":           "TCPKeepAlive=yes TCPKeepAlive=no",
		"-o udpm":                    "UdpMode= UdpMTU=",
		"-oUdpMo":                    "-oUdpMode=",
		"-o Ciphers=+aes256-g":       "Ciphers=+aes256-gcm@openssh.com",
		"-c x,aes256-g":              "x,aes256-gcm@openssh.com",
		"-c chacha":                  "chacha20-poly1305@openssh.com",
		"-m hmac-sha2-512-":          "hmac-sha2-512-etm@openssh.com",
		"-O ex":                      "exit",
		"-Q kex":                     "kex kex-gss",
		"-F ":                        ":files",
		"-i ":                        ":files",
		"-p ":                        "",
		"--kc":                       "--kcp",
		"--completion=z":             "--completion=zsh",
		"--completion po":            "powershell",
		"host --ud":                  "--udp",
		"host l":                     "",
		"host ls --ud":               "",
		"host -v l":                  "",
		"-- al":                      "alpha",
		"-- host -":                  "",
		"-o Nonsense=":               "",
		"-o":                         "-o",
	} {
		var got []string
		for _, c := range Words(strings.Split(line, " "), from) {
			got = append(got, c.Word)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q: %q, want %q", line, strings.Join(got, " "), want)
		}
	}
	if got := Words(nil, Source{}); got != nil {
		t.Errorf("nothing to read: %v", got)
	}
}

func TestSessionsAreCompleted(t *testing.T) {
	var line string
	from := Source{Home: t.TempDir(), System: t.TempDir(), Sessions: func(all []string) []string {
		line = strings.Join(all, " ")
		return []string{"work", "w2", "work", "", "x; rm -rf ~", "$(id)", "`id`", "a b"}
	}}
	for line, want := range map[string]string{
		"--attach=w": "--attach=w2 --attach=work", "--end w": "w2 work", "--end=": "--end=w2 --end=work",
		"--attach h": "", // the value stands behind "=" only; this is a host
	} {
		var got []string
		for _, c := range Words(strings.Split(line, " "), from) {
			got = append(got, c.Word)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %q, not %q", line, got, want)
		}
	}
	from.Behind = []string{"host"}
	if Words([]string{"-p", "7", "--attach="}, from); line != "-p 7 host" {
		t.Errorf("the host is behind: the sessions of %q are asked for", line)
	}
	from.Behind = nil
	for _, words := range []string{"-p 7 host --attach=", "-p 7 host --end x"} {
		if Words(strings.Split(words, " "), from); line != "-p 7 host" {
			t.Errorf("%s: the sessions of %q are asked for", words, line)
		}
	}
}
