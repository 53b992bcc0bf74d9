package hostkey

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"tssh/client/config"
	"tssh/client/voice"
	"tssh/proxy/needs"
	"tssh/proxy/pubkey"
)

func newSigner(t testing.TB) ssh.Signer {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// scene is a user with a known_hosts file who meets "box".
type scene struct {
	t      *testing.T
	h      *config.Host
	file   string
	addr   net.Addr
	answer string
	asked  string
	said   strings.Builder
	check  *Checker
}

func newScene(t *testing.T) *scene {
	s := &scene{t: t, file: filepath.Join(t.TempDir(), "known_hosts")}
	s.addr = &net.TCPAddr{IP: net.IPv4(192, 0, 2, 7), Port: 22}
	s.h = &config.Host{
		HostName: "Box", Port: 22, UserKnownHostsFile: []string{s.file}, StrictHostKeyChecking: "ask",
		FingerprintHash: "SHA256", CASignatureAlgorithms: []string{"ssh-ed25519"},
		HostKeyAlgorithms: []string{"ssh-ed25519-cert-v01@openssh.com", "ecdsa-sha2-nistp256", "ssh-ed25519", "rsa-sha2-512"},
	}
	return s
}

func (s *scene) knows(lines ...string) {
	s.t.Helper()
	if err := os.WriteFile(s.file, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

func (s *scene) meets(key ssh.PublicKey) error {
	s.t.Helper()
	s.said.Reset()
	log := voice.Log(func(l voice.Level, text string) {
		if l <= voice.Info {
			s.said.WriteString(text + "\n")
		}
	})
	ask := func(q string, _ voice.Kind) (string, error) {
		s.asked = q
		if s.answer == "" {
			return "", voice.ErrNobody
		}
		return s.answer, nil
	}
	c, err := New(context.Background(), s.h, s.addr, log, ask)
	if err != nil {
		s.t.Fatal(err)
	}
	s.check = c
	return c.Check(key)
}

func (s *scene) file1() string {
	b, err := os.ReadFile(s.file)
	if err != nil {
		return ""
	}
	return string(b)
}

func line(host string, key ssh.PublicKey) string {
	return host + " " + strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key)))
}

func TestKnownHostPassesWithoutAWord(t *testing.T) {
	key := newSigner(t).PublicKey()
	salted := strings.TrimSpace(formatLine("box", key, true))
	for _, known := range []string{
		line("box", key), line("BOX,other", key), line("b?x", key), line("*,!bax", key), salted,
	} {
		s := newScene(t)
		s.knows("# a comment", "rubbish", "box ssh-ed25519 AAAA!", "@odd box x y", known)
		if err := s.meets(key); err != nil || s.said.Len() > 0 {
			t.Errorf("%s: %v, said %q", known, err, s.said.String())
		}
	}
}

func TestHostOnAnotherPortIsAnotherName(t *testing.T) {
	key := newSigner(t).PublicKey()
	s := newScene(t)
	s.h.Port = 2222
	s.h.StrictHostKeyChecking = "yes"
	s.knows(line("[box]:2223", key))
	if err := s.meets(key); !errors.As(err, new(Refused)) {
		t.Errorf("another port's key: %v", err)
	}
	for _, name := range []string{"[box]:2222", "[box]:*", "box"} {
		s.knows(line(name, key))
		if err := s.meets(key); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	s.knows(line("box", newSigner(t).PublicKey()), line("[box]:2222", key))
	if err := s.meets(key); err != nil {
		t.Errorf("key of another port beside ours: %v", err)
	}
}

func TestNewHostIsAskedAboutAndRemembered(t *testing.T) {
	key := newSigner(t).PublicKey()
	for answer, want := range map[string]bool{"yes": true, "YES": true, " yes ": true, "no": false, "": false,
		pubkey.Fingerprint(key, "SHA256"): true} {
		s := newScene(t)
		s.answer = answer
		err := s.meets(key)
		if (err == nil) != want {
			t.Errorf("answer %q: %v", answer, err)
		}
		if got := s.file1(); want && got != line("box", key)+"\n" || !want && got != "" {
			t.Errorf("answer %q: file is %q", answer, got)
		}
		question := fmt.Sprintf("The authenticity of host 'box (192.0.2.7)' can't be established.\n"+
			"ED25519 key fingerprint is %s.\nThis key is not known by any other names.\n"+
			"Are you sure you want to continue connecting (yes/no/[fingerprint])? ", pubkey.Fingerprint(key, ""))
		if s.asked != question {
			t.Errorf("asked %q", s.asked)
		}
		if want && s.said.String() != "Warning: Permanently added 'box' (ED25519) to the list of known hosts.\n" {
			t.Errorf("said %q", s.said.String())
		}
	}
}

func TestStrictness(t *testing.T) {
	key, other := newSigner(t).PublicKey(), newSigner(t).PublicKey()
	for _, c := range []struct {
		mode     string
		known    ssh.PublicKey
		pass     bool
		added    bool
		distrust bool
	}{
		{"yes", nil, false, false, false},
		{"accept-new", nil, true, true, false},
		{"no", nil, true, true, false},
		{"off", nil, true, true, false},
		{"yes", other, false, false, false},
		{"ask", other, false, false, false},
		{"accept-new", other, false, false, false},
		{"no", other, true, false, true},
	} {
		s := newScene(t)
		s.h.StrictHostKeyChecking = c.mode
		s.answer = "yes"
		if c.known != nil {
			s.knows(line("box", c.known))
		}
		err := s.meets(key)
		if (err == nil) != c.pass || s.check.Distrust != c.distrust {
			t.Errorf("%+v: %v, distrust %v", c, err, s.check.Distrust)
		}
		if strings.Contains(s.file1(), line("box", key)) != c.added {
			t.Errorf("%+v: file %q", c, s.file1())
		}
		if c.known != nil && !strings.Contains(s.said.String(), "@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @") {
			t.Errorf("%+v: no warning in %q", c, s.said.String())
		}
	}
}

func TestRevokedKeyIsRefusedEvenWhenKnown(t *testing.T) {
	key := newSigner(t).PublicKey()
	s := newScene(t)
	s.knows(line("box", key), line("@revoked *", key))
	if err := s.meets(key); err == nil || !strings.Contains(s.said.String(), "REVOKED HOST KEY DETECTED!") {
		t.Fatalf("%v, said %q", err, s.said.String())
	}
}

func certificate(t *testing.T, ca ssh.Signer, change func(*ssh.Certificate)) *ssh.Certificate {
	t.Helper()
	c := &ssh.Certificate{
		Key: newSigner(t).PublicKey(), CertType: ssh.HostCert, KeyId: "id", Serial: 17, ValidPrincipals: []string{"box"},
		ValidBefore: ssh.CertTimeInfinity,
	}
	if change != nil {
		change(c)
	}
	if err := c.SignCert(rand.Reader, ca); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestCertificates(t *testing.T) {
	ca, stranger := newSigner(t), newSigner(t)
	forged := certificate(t, stranger, nil)
	forged.SignatureKey = ca.PublicKey()
	tampered := certificate(t, ca, func(c *ssh.Certificate) { c.ValidPrincipals = []string{"elsewhere"} })
	tampered.ValidPrincipals = []string{"box"}
	for name, c := range map[string]struct {
		cert *ssh.Certificate
		pass bool
	}{
		"good":       {certificate(t, ca, nil), true},
		"stranger's": {certificate(t, stranger, nil), false},
		"forged":     {forged, false},
		"tampered":   {tampered, false},
		"a user's":   {certificate(t, ca, func(c *ssh.Certificate) { c.CertType = ssh.UserCert }), false},
		"expired":    {certificate(t, ca, func(c *ssh.Certificate) { c.ValidBefore = uint64(time.Now().Add(-time.Hour).Unix()) }), false},
		"early":      {certificate(t, ca, func(c *ssh.Certificate) { c.ValidAfter = uint64(time.Now().Add(time.Hour).Unix()) }), false},
		"another's":  {certificate(t, ca, func(c *ssh.Certificate) { c.ValidPrincipals = []string{"bax"} }), false},
		"wild":       {certificate(t, ca, func(c *ssh.Certificate) { c.ValidPrincipals = []string{"bax", "b?x*"} }), true},
		"too wild":   {certificate(t, ca, func(c *ssh.Certificate) { c.ValidPrincipals = []string{"!bax", "b?x?", "bax,box"} }), false},
		"nobody's":   {certificate(t, ca, func(c *ssh.Certificate) { c.ValidPrincipals = nil }), false},
		"anybody's":  {certificate(t, ca, func(c *ssh.Certificate) { c.ValidPrincipals = []string{""} }), false},
		"all wild":   {certificate(t, ca, func(c *ssh.Certificate) { c.ValidPrincipals = []string{"*"} }), true},
		"critical":   {certificate(t, ca, func(c *ssh.Certificate) { c.CriticalOptions = map[string]string{"x": ""} }), false},
	} {
		s := newScene(t)
		s.h.StrictHostKeyChecking = "yes"
		s.knows(line("@cert-authority *", ca.PublicKey()))
		if err := s.meets(c.cert); (err == nil) != c.pass {
			t.Errorf("%s: %v, said %q", name, err, s.said.String())
		}
	}
	// The key in a certificate that nobody vouches for may be known by itself.
	s := newScene(t)
	cert := certificate(t, stranger, nil)
	s.knows(line("box", cert.Key))
	if err := s.meets(cert); err != nil {
		t.Errorf("known key in a certificate: %v", err)
	}
	s.knows(line("@cert-authority *", ca.PublicKey()), line("@revoked *", ca.PublicKey()))
	if err := s.meets(certificate(t, ca, nil)); err == nil {
		t.Error("certificate of a revoked authority passed")
	}
}

func TestKnownTypesAreOfferedFirst(t *testing.T) {
	s := newScene(t)
	s.knows(line("box", newSigner(t).PublicKey()))
	s.meets(newSigner(t).PublicKey())
	want := []string{"ssh-ed25519-cert-v01@openssh.com", "ecdsa-sha2-nistp256", "ssh-ed25519", "rsa-sha2-512"}
	if got := s.check.Algorithms(); !slices.Equal(got, want) { // the best one's key is known
		t.Errorf("got %v", got)
	}
	s.h.HostKeyAlgorithms = []string{"ecdsa-sha2-nistp256", "ssh-ed25519", "rsa-sha2-512"}
	if got := s.check.Algorithms(); !slices.Equal(got, []string{"ssh-ed25519", "ecdsa-sha2-nistp256", "rsa-sha2-512"}) {
		t.Errorf("got %v", got)
	}
	s.h.HostKeyAlgorithmsSet = true
	if got := s.check.Algorithms(); got[0] != "ecdsa-sha2-nistp256" {
		t.Errorf("the user's order was changed: %v", got)
	}
}

// prover is a server that signs for its keys, or lies.
type prover struct {
	keys  map[string]ssh.Signer
	lie   bool
	extra bool // send a byte too much
}

func (p *prover) SessionID() []byte { return []byte("session") }

func (p *prover) SendRequest(name string, _ bool, payload []byte) (bool, []byte, error) {
	var answer []byte
	for r := (&reader{b: payload}); r.more(); {
		blob := r.string()
		s := p.keys[string(blob)]
		if p.lie {
			for _, other := range p.keys {
				if string(other.PublicKey().Marshal()) != string(blob) {
					s = other
				}
			}
		}
		signed := ssh.Marshal(struct {
			Name         string
			Session, Key []byte
		}{name, p.SessionID(), blob})
		sig, err := s.Sign(rand.Reader, signed)
		if s.PublicKey().Type() == ssh.KeyAlgoRSA {
			sig, err = s.(ssh.AlgorithmSigner).SignWithAlgorithm(rand.Reader, signed, ssh.KeyAlgoRSASHA512)
		}
		if err != nil {
			return false, nil, err
		}
		answer = append(answer, ssh.Marshal(struct{ S []byte }{ssh.Marshal(sig)})...)
	}
	if p.extra {
		answer = append(answer, 0)
	}
	return true, answer, nil
}

// TestHashedAndMissingNamesAreAdded, each to the key that lacks it, and a file
// that is not there is not made.
func TestHashedAndMissingNamesAreAdded(t *testing.T) {
	first, second := newSigner(t), newSigner(t)
	p := &prover{keys: map[string]ssh.Signer{}}
	var payload []byte
	for _, k := range []ssh.Signer{first, second} {
		p.keys[string(k.PublicKey().Marshal())] = k
		payload = append(payload, ssh.Marshal(struct{ B []byte }{k.PublicKey().Marshal()})...)
	}
	s := newScene(t)
	other := s.file + ".other"
	s.h.UpdateHostKeys, s.h.HashKnownHosts = "yes", true
	s.h.UserKnownHostsFile = []string{s.file, other}
	mine := strings.TrimSpace(formatLine("box", first.PublicKey(), true)) + " mine\n"
	if err := os.WriteFile(other, []byte(mine), 0o600); err != nil {
		t.Fatal(err)
	}
	learn := func() {
		t.Helper()
		if err := s.meets(first.PublicKey()); err != nil {
			t.Fatal(err)
		}
		s.check.Learn(payload, p, nil)
	}
	learn()
	if _, err := os.Stat(s.file); err == nil {
		t.Error("made a file that was not there")
	}
	s.knows("# no end of line")
	os.WriteFile(s.file, []byte("# no end of line"), 0o600)
	learn()
	lines := strings.Split(s.file1(), "\n")
	if e, ok := parseEntry(lines[min(1, len(lines)-1)]); len(lines) != 3 || lines[0] != "# no end of line" || !ok || !e.matches("box") ||
		string(e.key.Marshal()) != string(second.PublicKey().Marshal()) {
		t.Errorf("got %q", lines)
	}
	if b, _ := os.ReadFile(other); string(b) != mine {
		t.Errorf("the other file: %q", b)
	}
}

// TestOnlyTheUsersDirectoryIsMade for a first known host.
func TestOnlyTheUsersDirectoryIsMade(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("USERPROFILE", home)
	key := newSigner(t).PublicKey()
	for name, made := range map[string]bool{"no/such/known": false, ".ssh/sub/known": false, ".ssh2/known": false, ".ssh/known": true} {
		s := newScene(t)
		s.h.StrictHostKeyChecking = "no"
		s.h.UserKnownHostsFile = []string{filepath.Join(home, name)}
		if err := s.meets(key); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		_, err := os.Stat(filepath.Dir(s.h.UserKnownHostsFile[0]))
		if (err == nil) != made {
			t.Errorf("%s: %v", name, err)
		}
		if said := s.said.String(); strings.Contains(said, "Failed to add the host to the list of known hosts") == made {
			t.Errorf("%s: said %q", name, said)
		}
		os.RemoveAll(filepath.Join(home, ".ssh"))
	}
}

func TestHostChangesItsKeysWithoutAFright(t *testing.T) {
	first, second := newSigner(t), newSigner(t)
	obsolete := newSigner(t).PublicKey()
	p := &prover{keys: map[string]ssh.Signer{}}
	var payload []byte
	for _, k := range []ssh.Signer{first, second} {
		p.keys[string(k.PublicKey().Marshal())] = k
		payload = append(payload, ssh.Marshal(struct{ B []byte }{k.PublicKey().Marshal()})...)
	}
	s := newScene(t)
	s.h.UpdateHostKeys = "yes"
	mine := line("box", first.PublicKey()) + "  the rack\tin the cellar\r"
	before := []string{mine, line("box", obsolete), line("else", obsolete), "# mine", "rubbish"}
	s.knows(before...)
	if err := s.meets(first.PublicKey()); err != nil {
		t.Fatal(err)
	}
	p.lie = true
	s.check.Learn(payload, p, nil)
	if got := s.file1(); got != strings.Join(before, "\n")+"\n" {
		t.Fatalf("a key without proof was learned: %s", got)
	}
	p.lie, p.extra = false, true
	s.check.Learn(payload, p, nil)
	if got := s.file1(); got != strings.Join(before, "\n")+"\n" {
		t.Fatalf("a proof with bytes behind it was taken: %s", got)
	}
	p.extra = false
	s.check.Learn(payload, p, nil)
	want := strings.Join([]string{mine, line("else", obsolete), "# mine", "rubbish", line("box", second.PublicKey())}, "\n") + "\n"
	if got := s.file1(); got != want {
		t.Fatalf("got\n%swant\n%s", got, want)
	}
}

func TestRandomartAndListsAreSSHKeygens(t *testing.T) {
	needs.Programs(t, "ssh-keygen")
	dir := t.TempDir()
	run := func(args ...string) string {
		t.Helper()
		out, err := exec.Command("ssh-keygen", args...).CombinedOutput()
		if err != nil {
			t.Fatalf("ssh-keygen %v: %v\n%s", args, err, out)
		}
		return string(out)
	}
	key := func(kind, name string) ssh.PublicKey {
		run("-q", "-t", kind, "-N", "", "-f", filepath.Join(dir, name))
		b, err := os.ReadFile(filepath.Join(dir, name+".pub"))
		if err != nil {
			t.Fatal(err)
		}
		k, _, _, _, err := ssh.ParseAuthorizedKey(b)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	for _, kind := range []string{"ed25519", "ecdsa", "rsa"} {
		k := key(kind, kind)
		for _, hash := range []string{"SHA256", "MD5"} {
			out := run("-lv", "-E", strings.ToLower(hash), "-f", filepath.Join(dir, kind+".pub"))
			if !strings.Contains(out, pubkey.Randomart(k, hash)) || !strings.Contains(out, pubkey.Fingerprint(k, hash)) {
				t.Errorf("%s %s: got\n%s\nssh-keygen has\n%s", kind, hash, pubkey.Randomart(k, hash), out)
			}
		}
	}
	krl := filepath.Join(dir, "krl")
	spec := filepath.Join(dir, "spec")
	os.WriteFile(spec, []byte("serial: 3-5\nserial: 17\nid: lost\n"), 0o600)
	ca := key("ed25519", "ca")
	gone := key("ed25519", "gone")
	run("-q", "-k", "-f", krl, "-s", filepath.Join(dir, "ca.pub"), spec, filepath.Join(dir, "gone.pub"))
	b, err := os.ReadFile(krl)
	if err != nil {
		t.Fatal(err)
	}
	cert := func(serial uint64, id string) ssh.PublicKey {
		return &ssh.Certificate{Key: newSigner(t).PublicKey(), SignatureKey: ca, Serial: serial, KeyId: id, Signature: &ssh.Signature{}}
	}
	for name, c := range map[string]struct {
		key  ssh.PublicKey
		want bool
	}{
		"listed key": {gone, true}, "other key": {ca, false}, "serial 4": {cert(4, "x"), true}, "serial 17": {cert(17, "x"), true},
		"serial 6": {cert(6, "x"), false}, "id": {cert(99, "lost"), true}, "good": {cert(99, "x"), false},
	} {
		if got, err := revokedByKRL(b, c.key); got != c.want || err != nil {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	for n := range b {
		revokedByKRL(b[:max(n, len(krlMagic))], gone) // must not panic
	}
}

func FuzzKnownHosts(f *testing.F) {
	f.Add("@revoked |1|AAAA|BBBB ssh-ed25519 AAAA")
	f.Add("a,b*,!c ssh-rsa AAAA comment")
	blob, _, _, _, err := ssh.ParseAuthorizedKey([]byte("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f"))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if e, ok := parseEntry(text); ok {
			e.matches("box")
		}
		splitWords(text)
		revokedByKRL([]byte(krlMagic+text), &ssh.Certificate{Key: blob, SignatureKey: blob})
	})
}
