package login

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

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
