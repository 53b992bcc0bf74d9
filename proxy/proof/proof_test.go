package proof

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"reflect"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"tssh/proxy/terms"
)

func newSigner(t *testing.T) ssh.Signer {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestKeyOfACertificate(t *testing.T) {
	authority, user := newSigner(t), newSigner(t).PublicKey()
	if k := Of(user); k.Fingerprint != sha256.Sum256(user.Marshal()) || k.Cert != nil {
		t.Errorf("a plain key: %+v", k)
	}
	many := []string{"alice", strings.Repeat("x", 200), strings.Repeat("y", 200), "bob"}
	c := &ssh.Certificate{Key: user, CertType: ssh.UserCert, ValidPrincipals: many, Permissions: ssh.Permissions{
		CriticalOptions: map[string]string{"force-command": "date"},
		Extensions:      map[string]string{"permit-pty": "", "permit-user-rc": "", "login@example.com": "x"},
	}}
	if err := c.SignCert(rand.Reader, authority); err != nil {
		t.Fatal(err)
	}
	want := terms.Key{Fingerprint: sha256.Sum256(authority.PublicKey().Marshal()), Cert: &terms.Cert{Permits: "pr", Principals: many[:2], Command: "date"}}
	k := Of(c)
	if !reflect.DeepEqual(k, want) {
		t.Errorf("got %+v, want %+v", k, want)
	}
	if !k.Cert.Has(terms.PermitsPTY) || k.Cert.Has(terms.PermitsPorts) || !k.Cert.Names("carol", "alice") || k.Cert.Names("bob") {
		t.Errorf("%+v permits or names what it should not", k.Cert)
	}

	// All of it, as often as can be, is one word that csh takes.
	o := terms.Offer{Transport: "quic", Ports: "61001-61999", Keys: []terms.Key{k, Of(user), k, k, k, k}}
	got, err := terms.ParseOffer(o.String())
	k.Cert.Command = "" // is not sent
	nameless := terms.Key{Fingerprint: k.Fingerprint, Cert: &terms.Cert{Permits: "pr"}}
	if err != nil || len(o.String()) > 900 || !reflect.DeepEqual(got.Keys, []terms.Key{k, Of(user), nameless, nameless}) {
		t.Errorf("%d bytes, %+v, %v", len(o.String()), got.Keys, err)
	}
	if got, err := terms.ParseOffer(strings.Replace(o.String(), ".pr.", ".prz.", 1)); err != nil || got.Keys[0].Cert.Permits != "prz" {
		t.Errorf("with a letter of a later release: %+v, %v", got.Keys, err)
	}
}
