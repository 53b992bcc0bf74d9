package policy

import (
	"crypto/ed25519"
	"crypto/rand"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"tssh/proxy/proof"
	"tssh/proxy/terms"
)

// newKey is a public key, and its line in authorized_keys.
func newKey(t testing.TB) (terms.Key, string) {
	t.Helper()
	public, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ssh.NewPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	return proof.Of(key), strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key)))
}

func TestOptions(t *testing.T) {
	all := unlimited()
	with := func(change func(*limits)) limits {
		l := all
		change(&l)
		return l
	}
	for options, want := range map[string]limits{
		"":              all,
		"restrict":      {},
		"RESTRICT,PTY":  {pty: true},
		"pty,restrict":  {},
		"no-pty,no-pty": with(func(l *limits) { l.pty = false }),
		"no-port-forwarding,no-agent-forwarding,no-X11-forwarding,no-user-rc":  {pty: true, tun: true},
		"restrict,port-forwarding,agent-forwarding,X11-forwarding,user-rc,pty": with(func(l *limits) { l.tun = false }),
		`permitopen="a:1",permitopen="[::1]:*",permitlisten="80",permitlisten="b:*"`: with(func(l *limits) {
			l.open = []Endpoint{{"a", "1"}, {"::1", "*"}}
			l.listen = []Endpoint{{"*", "80"}, {"b", "*"}}
		}),
		`environment="A=b,c",environment="D=\"e\"",command="x, \"y\" \\n"`: with(func(l *limits) {
			l.env, l.command = []string{"A=b,c", `D="e"`}, `x, "y" \\n`
		}),
		`cert-authority,principals="a,b",from="10.*,!10.1.*",expiry-time="20300102Z",tunnel="1",verify-required`: with(func(l *limits) {
			l.authority, l.principals, l.from = true, []string{"a", "b"}, "10.*,!10.1.*"
			l.expires, l.tunnel = time.Date(2030, 1, 2, 0, 0, 0, 0, time.UTC), []uint32{1}
		}),
		`expiry-time="203001021314"`: with(func(l *limits) { l.expires = time.Date(2030, 1, 2, 13, 14, 0, 0, time.Local) }),
	} {
		if got, err := parseOptions(splitOptions(options)); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v; want %+v", options, got, err, want)
		}
	}
	// What can't be read limits no less for that.
	for options, want := range map[string]limits{
		"no-pty,of-the-future":                      with(func(l *limits) { l.pty = false }),
		"no-restrict":                               all,
		`permitopen="nonsense"`:                     with(func(l *limits) { l.open = []Endpoint{} }),
		`permitlisten=80,expiry-time="soon",no-pty`: with(func(l *limits) { l.pty = false }),
		`command="x`:                                all,
	} {
		if got, err := parseOptions(splitOptions(options)); err == nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v; want %+v and an error", options, got, err, want)
		}
	}
}

// TestEitherForbids: a list of sshd_config and one of the key must both permit.
func TestEitherForbids(t *testing.T) {
	key, line := newKey(t)
	who := login()
	who.Home = t.TempDir()
	file := write(t, who.Home, "sshd_config", "PermitOpen a:1 b:2\nPermitListen 80 81\nAllowAgentForwarding no\nX11Forwarding yes\nPermitUserEnvironment A*\nAuthorizedKeysFile none %h/%u.%U.%% other\n")
	write(t, who.Home, "root.0.%", strings.Repeat("x", maxKeyLine+9)+" "+line+"\n\n# "+line+"\n"+
		`permitopen="b:2",permitopen="c:3",permitlisten="81",permitlisten="82",environment="AB=1",environment="B=2",environment="AB=3" `+line+"\n"+line)
	p, err := Load(file, who)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.LimitTo([]terms.Key{key}, who); err != nil {
		t.Error(err)
	}
	for host, want := range map[string]bool{"a 1": false, "b 2": true, "c 3": false} {
		name, port, _ := strings.Cut(host, " ")
		if got := p.PermitsOpen(name, int(port[0]-'0')); got != want {
			t.Errorf("open %s: %v", host, got)
		}
	}
	for port, want := range map[int]bool{80: false, 81: true, 82: false} {
		if got := p.PermitsListen("localhost", port); got != want {
			t.Errorf("listen on %d: %v", port, got)
		}
	}
	if p.Agent || !p.X11 || !reflect.DeepEqual(p.KeyEnv, []string{"AB=1"}) {
		t.Errorf("agent %v, X11 %v, environment %q", p.Agent, p.X11, p.KeyEnv)
	}
}

// TestUnknownLimits: where they can't be known, that is said, and what is known holds.
func TestUnknownLimits(t *testing.T) {
	key, line := newKey(t)
	other, otherLine := newKey(t)
	who := login()
	who.Home = t.TempDir()
	if err := os.Mkdir(who.Home+"/.ssh", 0o700); err != nil {
		t.Fatal(err)
	}
	limited := func(keys ...terms.Key) (*Policy, error) {
		p := Careful()
		err := p.LimitTo(keys, who)
		return p, err
	}
	if p, err := limited(); err != nil || !p.TTY {
		t.Errorf("no key: %v", err)
	}
	if p, err := limited(key); err == nil || !p.TTY || !strings.Contains(err.Error(), "in no file") {
		t.Errorf("no file: %v", err)
	}
	write(t, who.Home, ".ssh/authorized_keys", "no-pty "+line+"\n")
	write(t, who.Home, ".ssh/authorized_keys2", "no-agent-forwarding "+otherLine+"\n")
	if p, err := limited(key); err != nil || p.TTY || !p.Agent {
		t.Errorf("the first file: %+v, %v", p, err)
	}
	if p, err := limited(other); err != nil || !p.TTY || p.Agent {
		t.Errorf("the second file: %+v, %v", p, err)
	}
	if p, err := limited(key, other); err != nil || p.TTY || p.Agent {
		t.Errorf("two keys: %+v, %v", p, err)
	}
	// A line that does not seem to fit: no other can have let the key in.
	write(t, who.Home, ".ssh/authorized_keys", `from="*.example.com",no-pty `+line+"\n")
	if p, err := limited(key); err != nil || p.TTY {
		t.Errorf("a name in from=: %+v, %v", p, err)
	}
	write(t, who.Home, ".ssh/authorized_keys", `magic="x",no-pty `+line+"\n")
	if p, err := limited(key); err == nil || p.TTY || !strings.Contains(err.Error(), "authorized_keys line 1") {
		t.Errorf("an option of the future: %+v, %v", p, err)
	}
	// A plain key is not its authority's certificate.
	write(t, who.Home, ".ssh/authorized_keys", "cert-authority,no-pty "+line+"\n")
	if p, err := limited(key); err == nil || !p.TTY {
		t.Errorf("a key that is an authority: %+v, %v", p, err)
	}
	cert := terms.Key{Fingerprint: key.Fingerprint, Cert: &terms.Cert{Permits: "pa", Principals: []string{"root"}}}
	if p, err := limited(cert); err != nil || p.TTY || !p.Agent || p.LocalTCP {
		t.Errorf("a certificate: %+v, %v", p, err)
	}
	write(t, who.Home, ".ssh/authorized_keys", "")
	if p, err := limited(cert); err == nil || !p.TTY || p.LocalTCP {
		t.Errorf("a certificate of nobody: %+v, %v", p, err)
	}
	os.Remove(who.Home + "/.ssh/authorized_keys")
	if err := os.Mkdir(who.Home+"/.ssh/authorized_keys", 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := limited(key); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("a directory: %v", err)
	}
}

func FuzzKeyLine(f *testing.F) {
	key, line := newKey(f)
	f.Add([]byte(`restrict,permitopen="a:1",from="10.*",command="a \"b\"" ` + line))
	f.Add([]byte(`expiry-time="20300101Z",principals="a" a # b`))
	f.Fuzz(func(t *testing.T, text []byte) {
		s := search{key: key, who: login()}
		s.keyLine(text)
		s.key.Cert = &terms.Cert{Principals: []string{"a"}}
		for _, judge := range []func([]byte) (limits, bool, error){s.keyLine, s.principalLine} {
			if l, ok, _ := judge(text); ok {
				l.fits(s.who, s.key, time.Now())
				new(Policy).limit(l)
			}
		}
	})
}
