package login

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"tssh/client/sshconfig"
	"tssh/proxy/needs"
)

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
	env := sshconfig.Local()
	set := func(k, v string) sshconfig.Setting { return sshconfig.Set(k, v) }
	c, err := sshconfig.Resolve(env, sshconfig.Request{Host: "box", File: "none", Settings: []sshconfig.Setting{
		set("ProxyCommand", sshd+" -i -f "+conf), set("UserKnownHostsFile", u.known), set("GlobalKnownHostsFile", "none"),
		set("IdentityFile", keyFile(t, key, "")), set("RekeyLimit", "64K"), set("StrictHostKeyChecking", "yes"),
	}})
	if err != nil {
		t.Fatal(err)
	}
	l, err := u.dial(c.Host)
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
