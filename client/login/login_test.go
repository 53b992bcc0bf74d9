package login

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"tssh/client/config"
	"tssh/client/transport"
	"tssh/proxy/needs"
)

// What can't be bound or resolved is told in ssh's words.
func TestAddressesOfNoUseAreToldAsSSHDoes(t *testing.T) {
	h := newHost(t, &ssh.ServerConfig{})
	failure := fmt.Sprintf("ssh: connect to host 127.0.0.1 port %d: failure", h.port())
	for _, c := range []struct{ line, said, last string }{
		{"BindInterface nope0", "getifaddrs: nope0: no suitable addresses", failure},
		{"BindAddress ::1", "getaddrinfo: ::1: Address family for hostname not supported", failure},
		{"AddressFamily inet6", "", "ssh: Could not resolve hostname 127.0.0.1: Address family for hostname not supported"},
		{"HostName fe80::1%%nosuch", "", "ssh: Could not resolve hostname fe80::1%nosuch: Name or service not known"},
	} {
		u := newUser(t)
		_, err := u.dial(u.config(h, c.line))
		if told := strings.Join(u.said, "|"); err == nil || err.Error() != c.last || told != c.said {
			t.Errorf("%s: said %q, then %v", c.line, told, err)
		}
	}
}

func TestRefusedConnectionIsToldAsSSHDoes(t *testing.T) {
	u := newUser(t)
	h := newHost(t, &ssh.ServerConfig{})
	c := u.config(h)
	h.l.Close()
	_, err := u.dial(c)
	if want := fmt.Sprintf("ssh: connect to host 127.0.0.1 port %d: Connection refused", h.port()); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// passwords accepts one password.
func passwords(right string) *ssh.ServerConfig {
	return &ssh.ServerConfig{PasswordCallback: func(_ ssh.ConnMetadata, p []byte) (*ssh.Permissions, error) {
		if string(p) != right {
			return nil, errors.New("wrong")
		}
		return nil, nil
	}}
}

func TestPasswordIsAskedAgain(t *testing.T) {
	h := newHost(t, passwords("right"))
	u := newUser(t, "wrong", "right")
	u.trusts(h)
	l, err := u.dial(u.config(h))
	if err != nil {
		t.Fatal(err)
	}
	works(t, l)
	u.wasAsked("me@127.0.0.1's password: ", "me@127.0.0.1's password: ")
	u.wasTold("Permission denied, please try again.")
	// Later it is known, and nobody is asked.
	again, err := l.Redial(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	works(t, again)
	if len(u.asked) != 2 {
		t.Errorf("asked %q", u.asked)
	}
}

func TestWrongPasswordsEndInDenial(t *testing.T) {
	h := newHost(t, passwords("right"))
	u := newUser(t, "1", "2", "3", "4")
	u.trusts(h)
	_, err := u.dial(u.config(h, "NumberOfPasswordPrompts 2"))
	if err == nil || err.Error() != "me@127.0.0.1: Permission denied (password)." {
		t.Fatal(err)
	}
	if len(u.asked) != 2 {
		t.Errorf("asked %q", u.asked)
	}
}

// TestChaffIsAnswered by a server that says so, and nobody above sees it.
func TestChaffIsAnswered(t *testing.T) {
	h := newHost(t, passwords("right"))
	u := newUser(t, "right")
	u.trusts(h)
	l, err := u.dial(u.config(h))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	chaff := l.Chaff()
	if chaff == nil {
		t.Fatal("the server answers pings, and that is not seen")
	}
	for range 100 {
		if err := chaff(); err != nil {
			t.Fatal(err)
		}
	}
	works(t, l)
}

func TestBatchModeAsksNothing(t *testing.T) {
	h := newHost(t, passwords("right"))
	u := newUser(t, "right")
	u.trusts(h)
	key, _ := newKey(t)
	_, err := u.dial(u.config(h, "BatchMode yes", "IdentityFile "+keyFile(t, key, "secret")))
	if err == nil || err.Error() != "me@127.0.0.1: Permission denied (password)." || len(u.asked) > 0 {
		t.Fatalf("%v, asked %q", err, u.asked)
	}
}

// keys accepts some public keys.
func keys(right ...ssh.PublicKey) *ssh.ServerConfig {
	return &ssh.ServerConfig{PublicKeyCallback: func(_ ssh.ConnMetadata, k ssh.PublicKey) (*ssh.Permissions, error) {
		for _, r := range right {
			if bytes.Equal(r.Marshal(), k.Marshal()) {
				return nil, nil
			}
		}
		return nil, errors.New("unknown")
	}}
}

func TestKeyThenCode(t *testing.T) {
	key, signer := newKey(t)
	next := ssh.ServerAuthCallbacks{KeyboardInteractiveCallback: func(_ ssh.ConnMetadata, ask ssh.KeyboardInteractiveChallenge) (*ssh.Permissions, error) {
		a, err := ask("Two factors", "Look at your phone\x1b[2J", []string{"Code: "}, []bool{true})
		if err != nil || a[0] != "123456" {
			return nil, errors.New("wrong")
		}
		return nil, nil
	}}
	h := newHost(t, &ssh.ServerConfig{PublicKeyCallback: func(_ ssh.ConnMetadata, k ssh.PublicKey) (*ssh.Permissions, error) {
		if !bytes.Equal(k.Marshal(), signer.PublicKey().Marshal()) {
			return nil, errors.New("unknown")
		}
		return nil, &ssh.PartialSuccessError{Next: next}
	}})
	u := newUser(t, "123456")
	u.trusts(h)
	l, err := u.dial(u.config(h, "IdentityFile "+keyFile(t, key, "")))
	if err != nil {
		t.Fatal(err)
	}
	works(t, l)
	u.wasAsked("(me@127.0.0.1) Code: ")
	u.wasTold("Two factors", "Look at your phone\\033[2J") // no escape reaches the terminal
}

func TestPassphraseIsAskedOnce(t *testing.T) {
	key, signer := newKey(t)
	h := newHost(t, keys(signer.PublicKey()))
	u := newUser(t, "bad", "secret")
	u.trusts(h)
	file := keyFile(t, key, "secret")
	l, err := u.dial(u.config(h, "IdentityFile "+file))
	if err != nil {
		t.Fatal(err)
	}
	prompt := "Enter passphrase for key '" + file + "': "
	u.wasAsked(prompt, prompt)
	again, err := l.Redial(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	works(t, again)
	u.wasAsked(prompt, prompt)
}

func TestPassphraseIsNotAskedForAKeyThatIsNotWanted(t *testing.T) {
	key, _ := newKey(t)
	h := newHost(t, keys())
	u := newUser(t, "secret")
	u.trusts(h)
	if _, err := u.dial(u.config(h, "IdentityFile "+keyFile(t, key, "secret"))); err == nil {
		t.Fatal("logged in")
	}
	u.wasAsked()
}

func TestKeyThatOthersCanReadIsNotUsed(t *testing.T) {
	key, signer := newKey(t)
	h := newHost(t, keys(signer.PublicKey()))
	u := newUser(t)
	u.trusts(h)
	file := keyFile(t, key, "")
	os.Chmod(file, 0o640)
	_, err := u.dial(u.config(h, "IdentityFile "+file))
	if err == nil || len(u.said) != 7 || u.said[3] != "Permissions 0640 for '"+file+"' are too open." {
		t.Fatalf("%v, said %q", err, u.said)
	}
}

// serveAgent is an agent with some keys, and the path of its socket.
func serveAgent(t *testing.T, private ...any) string {
	t.Helper()
	ring := agent.NewKeyring()
	for _, k := range private {
		if err := ring.Add(agent.AddedKey{PrivateKey: k}); err != nil {
			t.Fatal(err)
		}
	}
	dir, err := os.MkdirTemp("", "agent")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	path := filepath.Join(dir, "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go agent.ServeAgent(ring, conn)
		}
	}()
	return path
}

func TestAgentSigns(t *testing.T) {
	first, _ := newKey(t)
	second, signer := newKey(t)
	h := newHost(t, keys(signer.PublicKey()))
	u := newUser(t)
	u.trusts(h)
	path := serveAgent(t, first, second)
	l, err := u.dial(u.config(h, "IdentityAgent "+path))
	if err != nil {
		t.Fatal(err)
	}
	works(t, l)
	// IdentitiesOnly: the agent signs for keys whose public half is named.
	if _, err := u.dial(u.config(h, "IdentityAgent "+path, "IdentitiesOnly yes")); err == nil {
		t.Error("logged in by a key that was not named")
	}
	public := filepath.Join(t.TempDir(), "id.pub")
	os.WriteFile(public, ssh.MarshalAuthorizedKey(signer.PublicKey()), 0o644)
	if _, err := u.dial(u.config(h, "IdentityAgent "+path, "IdentitiesOnly yes", "IdentityFile "+public)); err != nil {
		t.Error(err)
	}
	for _, line := range u.debug {
		if strings.Contains(line, "Offering public key: "+public) {
			return
		}
	}
	t.Errorf("named key was not offered: %q", u.debug)
}

func TestCertificateBesideTheKey(t *testing.T) {
	key, signer := newKey(t)
	_, ca := newKey(t)
	cert := &ssh.Certificate{Key: signer.PublicKey(), CertType: ssh.UserCert, ValidPrincipals: []string{"me"}, ValidBefore: ssh.CertTimeInfinity}
	if err := cert.SignCert(rand.Reader, ca); err != nil {
		t.Fatal(err)
	}
	checker := &ssh.CertChecker{IsUserAuthority: func(k ssh.PublicKey) bool { return bytes.Equal(k.Marshal(), ca.PublicKey().Marshal()) }}
	h := newHost(t, &ssh.ServerConfig{PublicKeyCallback: checker.Authenticate})
	u := newUser(t)
	u.trusts(h)
	file := keyFile(t, key, "")
	os.WriteFile(file+"-cert.pub", ssh.MarshalAuthorizedKey(cert), 0o644)
	l, err := u.dial(u.config(h, "IdentityFile "+file))
	if err != nil {
		t.Fatal(err)
	}
	works(t, l)
}

func TestThroughTwoHosts(t *testing.T) {
	far := newHost(t, passwords("far"))
	middle, near := newHost(t, passwords("middle")), newHost(t, passwords("near"))
	u := newUser(t, "near", "middle", "far", "middle")
	for _, h := range []*host{far, middle, near} {
		u.trusts(h)
	}
	o := u.options()
	o.Resolve = func(name, _ string, _ int) (*config.Host, error) {
		return map[string]*config.Host{"near": u.config(near), "middle": u.config(middle, "ProxyCommand false")}[name], nil
	}
	// How the second is reached is the list's to say.
	l, err := Dial(context.Background(), u.config(far, "ProxyJump near,middle"), o)
	if err != nil {
		t.Fatal(err)
	}
	works(t, l)
	if l.Direct || l.Remote != nil {
		t.Error("a host behind others has an address")
	}
	l.Close()
	if err := l.Wait(); err == nil {
		t.Error("closed, and still there")
	}
}

func TestJumpInCirclesEnds(t *testing.T) {
	h := newHost(t, passwords("x"))
	u := newUser(t)
	o := u.options()
	o.Resolve = func(string, string, int) (*config.Host, error) { return u.config(h, "ProxyJump again"), nil }
	if _, err := Dial(context.Background(), u.config(h, "ProxyJump again"), o); err == nil {
		t.Fatal("arrived")
	}
}

func TestProxyCommand(t *testing.T) {
	h := newHost(t, passwords("x"))
	u := newUser(t, "x")
	u.trusts(h)
	t.Setenv("LOGIN_TEST_NETCAT", h.l.Addr().String())
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	l, err := u.dial(u.config(h, "ProxyCommand "+self))
	if err != nil {
		t.Fatal(err)
	}
	works(t, l)
	if err := l.Close(); err != nil { // waits for the command
		t.Error(err)
	}
}

func TestCommandThatEndsIsToldAsSSHDoes(t *testing.T) {
	h := newHost(t, passwords("x"))
	u := newUser(t)
	// It is there until it has our first line: before that it is a broken pipe.
	_, err := u.dial(u.config(h, "ProxyCommand head -n1 >/dev/null"))
	if err == nil || err.Error() != "Connection closed by UNKNOWN port 65535" {
		t.Errorf("got %v", err)
	}
}

// gone is a connection of which the other end reads no more.
type gone struct{ net.Conn }

func (gone) Write([]byte) (int, error) { return 0, syscall.EPIPE }

func TestCommandThatIsGoneIsToldAsSSHDoes(t *testing.T) {
	h := newHost(t, passwords("x"))
	u := newUser(t)
	conn, _ := net.Pipe()
	defer conn.Close()
	l := &Login{host: u.config(h), opts: u.options(), conn: unnamed{gone{conn}}}
	_, err := transport.Handshake(l.conn, transport.Config{Log: l.opts.Log})
	if words := l.lastWords(err).Error(); words != "banner exchange: Connection to UNKNOWN port 65535: Broken pipe" {
		t.Errorf("got %q", words)
	}
	u.wasTold()
}

// TestRedialRefusesAnotherHost: who is on the path picks the moment, and a
// configuration that takes any new host must not give them the password.
func TestRedialRefusesAnotherHost(t *testing.T) {
	for _, strict := range []string{"no", "off", "accept-new", "ask"} {
		tried := 0
		cfg := passwords("x")
		right := cfg.PasswordCallback
		cfg.PasswordCallback = func(c ssh.ConnMetadata, p []byte) (*ssh.Permissions, error) {
			tried++
			return right(c, p)
		}
		h := newHost(t, cfg)
		u := newUser(t, "x")
		if strict == "ask" {
			u = newUser(t, "yes", "x")
		}
		l, err := u.dial(u.config(h, "StrictHostKeyChecking "+strict))
		if err != nil {
			t.Fatal(err)
		}
		again, err := l.Redial(context.Background())
		if err != nil || tried != 2 {
			t.Fatalf("%s: to the same host: %v", strict, err)
		}
		again.Close()
		_, other := newKey(t)
		h.cfg.AddHostKey(other) // takes the place of the first: same type
		os.Remove(u.known)
		u.said = nil
		for _, from := range []*Login{l, again} {
			got, err := from.Redial(context.Background())
			if err == nil {
				got.Close()
				t.Fatalf("%s: went to a host with another key", strict)
			}
			if !strings.Contains(err.Error(), "not the one that was trusted when the session began") {
				t.Errorf("%s: %v", strict, err)
			}
		}
		if tried != 2 {
			t.Errorf("%s: the password was given to another host", strict)
		}
		if b, _ := os.ReadFile(u.known); len(b) > 0 {
			t.Errorf("%s: recorded %s", strict, b)
		}
		u.wasTold() // nothing, into a session that goes on: the error says it
	}
}

// TestHostWithAWrongKeyGetsNothing of what its configuration would lend it, and
// no password; logins that are made again neither.
func TestHostWithAWrongKeyGetsNothing(t *testing.T) {
	key, signer := newKey(t)
	cfg := keys(signer.PublicKey())
	cfg.PasswordCallback = passwords("x").PasswordCallback
	h := newHost(t, cfg)
	_, other := newKey(t)
	u := newUser(t, "x", "x")
	os.WriteFile(u.known, fmt.Appendf(nil, "[127.0.0.1]:%d %s", h.port(), ssh.MarshalAuthorizedKey(other.PublicKey())), 0o600)
	lines := []string{"StrictHostKeyChecking no", "ForwardAgent yes", "ForwardX11 yes", "Tunnel yes", "LocalForward 8080:a:1",
		"RemoteForward 8081:a:1", "DynamicForward 1080", "UdpLocalForward 53:a:53", "UdpRemoteForward 54:a:53"}
	if _, err := u.dial(u.config(h, lines...)); err == nil {
		t.Error("logged in by a password")
	}
	u.wasAsked()
	c := u.config(h, append(lines, "IdentityFile "+keyFile(t, key, ""))...)
	l, err := u.dial(c)
	if err != nil {
		t.Fatal(err)
	}
	again, err := l.Redial(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	for _, l := range []*Login{l, again} {
		if got := l.Lent(); !reflect.DeepEqual(got, config.Lent{}) {
			t.Errorf("lent %+v", got)
		}
	}
	if !c.Lent.Agent() || !c.PasswordAuthentication {
		t.Error("the configuration was changed")
	}
}

// TestRedialRefusesAnotherHostOnTheWay in each place of the chain.
func TestRedialRefusesAnotherHostOnTheWay(t *testing.T) {
	key, signer := newKey(t)
	file := keyFile(t, key, "")
	anyone := func() *ssh.ServerConfig {
		return &ssh.ServerConfig{PublicKeyCallback: func(_ ssh.ConnMetadata, k ssh.PublicKey) (*ssh.Permissions, error) {
			if string(k.Marshal()) != string(signer.PublicKey().Marshal()) {
				return nil, errors.New("unknown")
			}
			return nil, nil
		}}
	}
	for place := range 3 {
		hosts := []*host{newHost(t, anyone()), newHost(t, anyone()), newHost(t, anyone())}
		u := newUser(t)
		lines := []string{"StrictHostKeyChecking no", "UserKnownHostsFile " + os.DevNull, "IdentityFile " + file}
		o := u.options()
		o.Resolve = func(name, _ string, _ int) (*config.Host, error) {
			return map[string]*config.Host{"near": u.config(hosts[2], lines...), "middle": u.config(hosts[1], lines...)}[name], nil
		}
		l, err := Dial(context.Background(), u.config(hosts[0], append(lines, "ProxyJump near,middle")...), o)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		again, err := l.Redial(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		works(t, again)
		again.Close()
		_, other := newKey(t)
		hosts[place].cfg.AddHostKey(other)
		if again, err := l.Redial(context.Background()); err == nil {
			again.Close()
			t.Errorf("another host in place %d of the way", place)
		} else if !strings.Contains(err.Error(), "not the one that was trusted when the session began") {
			t.Errorf("place %d: %v", place, err)
		}
	}
}

// TestForgottenLoginAsksAgain: what nobody will need is not kept.
func TestForgottenLoginAsksAgain(t *testing.T) {
	h := newHost(t, passwords("right"))
	u := newUser(t, "right")
	u.trusts(h)
	l, err := u.dial(u.config(h))
	if err != nil {
		t.Fatal(err)
	}
	l.Forget()
	works(t, l)
	if again, err := l.Redial(context.Background()); err == nil {
		again.Close()
		t.Error("the password was still there")
	}
}

// TestAgainstOpenSSH logs in to the real server: the first request carries a
// signature, over the host's key too, and keys are renewed under load.
func TestAgainstOpenSSH(t *testing.T) {
	const sshd = "/usr/sbin/sshd"
	needs.Programs(t, sshd)
	if os.Getuid() == 0 {
		_, err := os.Stat("/run/sshd") // without which root's does not start
		needs.Nothing(t, err)
	}
	dir := t.TempDir()
	hostKey, hostSigner := newKey(t)
	key, signer := newKey(t)
	authorized := filepath.Join(dir, "authorized_keys")
	os.WriteFile(authorized, ssh.MarshalAuthorizedKey(signer.PublicKey()), 0o600)
	conf := filepath.Join(dir, "sshd_config")
	os.WriteFile(conf, fmt.Appendf(nil, "HostKey %s\nAuthorizedKeysFile %s\nStrictModes no\nUsePAM no\nPermitRootLogin yes\nLogLevel QUIET\n",
		keyFile(t, hostKey, ""), authorized), 0o600)
	u := newUser(t)
	os.WriteFile(u.known, fmt.Appendf(nil, "box %s", ssh.MarshalAuthorizedKey(hostSigner.PublicKey())), 0o600)
	env := config.Local()
	set := func(k, v string) config.Setting { return config.Set(k, v) }
	c, err := config.Resolve(env, config.Request{Host: "box", File: "none", Settings: []config.Setting{
		set("ProxyCommand", sshd+" -i -f "+conf), set("UserKnownHostsFile", u.known), set("GlobalKnownHostsFile", "none"),
		set("IdentityFile", keyFile(t, key, "")), set("RekeyLimit", "64K"), set("StrictHostKeyChecking", "yes"),
	}})
	if err != nil {
		t.Fatal(err)
	}
	l, err := u.dial(c)
	if err != nil {
		t.Fatalf("%v; said %q", err, u.said)
	}
	s, err := l.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	sent := make([]byte, 500000)
	rand.Read(sent)
	s.Stdin = bytes.NewReader(sent)
	var got bytes.Buffer
	s.Stdout, s.Stderr = &got, io.Discard
	if err := s.Run("cat"); err != nil || !bytes.Equal(got.Bytes(), sent) {
		t.Fatalf("%d bytes came back of %d, %v", got.Len(), len(sent), err)
	}
	u.mu.Lock()
	log := strings.Join(u.debug, "\n")
	u.mu.Unlock()
	if n := strings.Count(log, "SSH2_MSG_NEWKEYS sent"); n < 3 {
		t.Errorf("keys were made %d times", n)
	}
	for _, never := range []string{"Server accepts key", "Authentications that can continue"} {
		if strings.Contains(log, never) {
			t.Errorf("a round trip too many: %s", never)
		}
	}
	if !strings.Contains(log, "using publickey-hostbound-v00@openssh.com") {
		t.Error("the signature was not bound to the host")
	}
}

// TestWeakCryptoIsWarnedOf only where the user wants to know.
func TestWeakCryptoIsWarnedOf(t *testing.T) {
	h := newHost(t, &ssh.ServerConfig{NoClientAuth: true})
	for want, lines := range map[bool][][]string{
		true: {{"WarnWeakCrypto yes", "KexAlgorithms curve25519-sha256"}},
		false: {{"KexAlgorithms curve25519-sha256"}, {"WarnWeakCrypto yes"}, {"WarnWeakCrypto no", "KexAlgorithms curve25519-sha256"},
			{"WarnWeakCrypto no-pq-kex", "KexAlgorithms curve25519-sha256"}},
	} {
		for _, l := range lines {
			u := newUser(t)
			u.trusts(h)
			if _, err := u.dial(u.config(h, l...)); err != nil {
				t.Fatal(err)
			}
			if told := strings.Join(u.said, "\n"); strings.HasPrefix(told, "** WARNING: connection is not using a post-quantum key exchange algorithm.\n") != want || told != "" && !want {
				t.Errorf("%q: told %q", l, told)
			}
		}
	}
}

// TestVersionAddendumReachesTheServer, whose signature covers it.
func TestVersionAddendumReachesTheServer(t *testing.T) {
	var said string
	h := newHost(t, &ssh.ServerConfig{NoClientAuth: true, NoClientAuthCallback: func(m ssh.ConnMetadata) (*ssh.Permissions, error) {
		said = string(m.ClientVersion())
		return nil, nil
	}})
	for addendum, want := range map[string]string{"of the  night shift": " of the  night shift", "none": ""} {
		u := newUser(t)
		u.trusts(h)
		l, err := u.dial(u.config(h, "VersionAddendum "+addendum))
		if err != nil {
			t.Fatal(err)
		}
		works(t, l)
		if said != "SSH-2.0-tssh_1.0"+want || string(l.ClientVersion()) != said {
			t.Errorf("said %q and %q, want %q at the end", said, l.ClientVersion(), want)
		}
	}
	u := newUser(t)
	for _, bad := range []string{"a\x01b", "\u00e4", strings.Repeat("x", 201)} {
		if err := u.config(h, "VersionAddendum "+bad).Check(); err == nil {
			t.Errorf("%q is said to servers", bad)
		}
	}
}

// TestIdleChannelEnds: what is asked of a host on the way holds for the way.
func TestIdleChannelEnds(t *testing.T) {
	h := newHost(t, &ssh.ServerConfig{NoClientAuth: true})
	u := newUser(t)
	u.trusts(h)
	l, err := u.dial(u.config(h, "ChannelTimeout session=1"))
	if err != nil {
		t.Fatal(err)
	}
	end := func() chan error {
		ch, in, err := l.OpenChannel("session", nil)
		if err != nil {
			t.Fatal(err)
		}
		go ssh.DiscardRequests(in)
		over := make(chan error, 1)
		go func() {
			_, err := ch.Read(make([]byte, 1))
			over <- err
		}()
		return over
	}
	carrier := end()
	l.LimitIdle()
	if err := <-end(); err != io.EOF {
		t.Errorf("the end of an idle channel: %v", err)
	}
	select {
	case err := <-carrier:
		t.Errorf("opened before there were limits, and ended: %v", err)
	default:
	}
	works(t, l) // the connection stands
}

// What the user asks for and can't have is told in one line each; what the
// system's file asks for, as Debian's does, is not: no login would be quiet.
func TestMethodsThatCannotBeAreTold(t *testing.T) {
	key, signer := newKey(t)
	h := newHost(t, keys(signer.PublicKey()))
	for _, c := range []struct {
		typed, file string
		want        []string
	}{
		{"GSSAPIAuthentication yes", "", []string{"GSSAPI authentication is not supported; going on with other methods"}},
		{"GSSAPIKeyExchange yes", "", []string{"GSSAPI authentication is not supported; going on with other methods"}},
		{"GSSAPIAuthentication no", "GSSAPIAuthentication yes", nil},
		{"BatchMode yes", "GSSAPIAuthentication yes", nil},
		{"BatchMode yes", "HostbasedAuthentication yes", []string{"hostbased authentication is not supported; going on with other methods"}},
		{"PKCS11Provider /x.so", "", []string{"PKCS11Provider is not supported; give the token to the agent: ssh-add -s /x.so"}},
	} {
		u := newUser(t)
		u.trusts(h)
		file := filepath.Join(t.TempDir(), "config")
		text := fmt.Sprintf("%s\nHostName 127.0.0.1\nPort %d\nUserKnownHostsFile %s\nIdentityFile %s\n", c.file, h.port(), u.known, keyFile(t, key, ""))
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		name, value, _ := strings.Cut(c.typed, " ")
		host, err := config.Resolve(config.Local(), config.Request{Host: "box", File: file, Settings: []config.Setting{config.Set(name, value)}})
		if err != nil {
			t.Fatal(err)
		}
		l, err := u.dial(host)
		if err != nil {
			t.Fatalf("%+v: %v", c, err)
		}
		works(t, l)
		u.wasTold(c.want...)
	}
}
