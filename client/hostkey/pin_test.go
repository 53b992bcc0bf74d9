package hostkey

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

// again is a second login of the scene's user.
func (s *scene) again(p *Pin, key ssh.PublicKey) error {
	s.t.Helper()
	c, err := New(context.Background(), s.h, s.addr, nil, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	return c.CheckAgain(key, p)
}

// TestLoginMadeAgainTakesTheSameHost, whatever the configuration lets pass as new.
func TestLoginMadeAgainTakesTheSameHost(t *testing.T) {
	key, other := newSigner(t).PublicKey(), newSigner(t).PublicKey()
	for _, strict := range []string{"no", "off", "accept-new", "ask", "yes"} {
		s := newScene(t)
		s.h.StrictHostKeyChecking, s.answer = strict, "yes"
		if strict == "yes" {
			s.knows(line("box", key))
		}
		if err := s.meets(key); err != nil {
			t.Fatal(err)
		}
		p := s.check.Pin()
		os.Remove(s.file) // as if nothing were recorded
		if err := s.again(p, key); err != nil {
			t.Errorf("%s: the same key: %v", strict, err)
		}
		for _, known := range []string{"# nothing", line("box", other), line("box", key)} {
			s.knows(known)
			if err := s.again(p, other); !errors.As(err, new(Refused)) {
				t.Errorf("%s, known %q: another key: %v", strict, known, err)
			}
		}
		// Revoked in between.
		s.knows(line("box", key), line("@revoked *", key))
		if err := s.again(p, key); err == nil {
			t.Errorf("%s: a key that was revoked passed", strict)
		}
		s.knows(line("box", key))
		list := filepath.Join(t.TempDir(), "revoked")
		s.h.RevokedHostKeys = []string{list}
		if err := s.again(p, key); err == nil {
			t.Errorf("%s: passed without the list of revoked keys", strict)
		}
		os.WriteFile(list, ssh.MarshalAuthorizedKey(other), 0o600)
		if err := s.again(p, key); err != nil {
			t.Errorf("%s: %v", strict, err)
		}
		os.WriteFile(list, ssh.MarshalAuthorizedKey(key), 0o600)
		if err := s.again(p, key); err == nil {
			t.Errorf("%s: a key on the list of revoked ones passed", strict)
		}
	}
	// Let pass though revoked: that was told, and is as before.
	s := newScene(t)
	s.h.StrictHostKeyChecking = "no"
	s.knows(line("@revoked *", key))
	if err := s.meets(key); err != nil || !s.check.Distrust {
		t.Fatal(err)
	}
	if err := s.again(s.check.Pin(), key); err != nil {
		t.Error(err)
	}
}

// TestRenewedCertificateIsTheSameHost where the authority vouched for it.
func TestRenewedCertificateIsTheSameHost(t *testing.T) {
	ca, stranger := newSigner(t), newSigner(t)
	first := certificate(t, ca, nil)
	expired := func(c *ssh.Certificate) { c.ValidBefore = uint64(time.Now().Add(-time.Hour).Unix()) }
	elsewhere := func(c *ssh.Certificate) { c.ValidPrincipals = []string{"elsewhere"} }
	for name, c := range map[string]struct {
		key  ssh.PublicKey
		pass bool
	}{
		"same":                      {first, true},
		"the key alone":             {first.Key, true},
		"same key, new certificate": {certificate(t, ca, func(c *ssh.Certificate) { c.Key, c.Serial = first.Key, 18 }), true},
		"new key":                   {certificate(t, ca, nil), true},
		"new key, expired":          {certificate(t, ca, expired), false},
		"new key, elsewhere":        {certificate(t, ca, elsewhere), false},
		"new key, nobody's":         {certificate(t, ca, func(c *ssh.Certificate) { c.ValidPrincipals = nil }), false},
		"another authority":         {certificate(t, stranger, nil), false},
		"a plain key":               {newSigner(t).PublicKey(), false},
		"its own expired":           {certificate(t, ca, func(c *ssh.Certificate) { c.Key = first.Key; expired(c) }), true},
	} {
		s := newScene(t)
		s.h.StrictHostKeyChecking = "no"
		s.knows(line("@cert-authority *", ca.PublicKey()), line("@cert-authority *", stranger.PublicKey()))
		if err := s.meets(first); err != nil {
			t.Fatal(err)
		}
		if err := s.again(s.check.Pin(), c.key); (err == nil) != c.pass {
			t.Errorf("%s: %v", name, err)
		}
	}
	// Taken for its key, with an authority that nobody knew.
	s := newScene(t)
	s.knows(line("box", first.Key))
	if err := s.meets(first); err != nil {
		t.Fatal(err)
	}
	p := s.check.Pin()
	s.knows(line("@cert-authority *", ca.PublicKey()))
	if err := s.again(p, certificate(t, ca, nil)); err == nil {
		t.Error("an authority that did not vouch before does now")
	}
	if err := s.again(p, certificate(t, stranger, func(c *ssh.Certificate) { c.Key = first.Key })); err != nil {
		t.Errorf("the same key: %v", err)
	}
}

// TestHostMayChangeToAKeyThatItProved: sshd was started anew with one key less.
func TestHostMayChangeToAKeyThatItProved(t *testing.T) {
	first, second := newSigner(t), newSigner(t)
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	third, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	p := &prover{keys: map[string]ssh.Signer{}}
	var payload []byte
	for _, k := range []ssh.Signer{first, second, third} {
		p.keys[string(k.PublicKey().Marshal())] = k
		payload = append(payload, ssh.Marshal(struct{ B []byte }{k.PublicKey().Marshal()})...)
	}
	s := newScene(t)
	s.h.UpdateHostKeys = "yes"
	s.knows(line("box", first.PublicKey()))
	if err := s.meets(first.PublicKey()); err != nil {
		t.Fatal(err)
	}
	p.lie = true
	s.check.Learn(payload, p, nil)
	if err := s.again(s.check.Pin(), second.PublicKey()); err == nil {
		t.Error("a key without proof passed")
	}
	p.lie = false
	s.check.Learn(payload, p, nil)
	if err := s.again(s.check.Pin(), second.PublicKey()); err != nil {
		t.Error(err)
	}
	// Of a server's several keys the trusted one is asked for first.
	s.h.HostKeyAlgorithms = []string{"ecdsa-sha2-nistp256", "rsa-sha2-512", "ssh-ed25519-cert-v01@openssh.com", "ssh-ed25519"}
	want := []string{"ssh-ed25519-cert-v01@openssh.com", "ssh-ed25519", "rsa-sha2-512", "ecdsa-sha2-nistp256"}
	if got := s.check.AlgorithmsAgain(s.check.Pin()); !slices.Equal(got, want) {
		t.Errorf("got %v", got)
	}
}
