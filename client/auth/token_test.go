package auth

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"golang.org/x/crypto/ssh"

	"tssh/client/config"
	"tssh/client/sshconfig"
	"tssh/client/voice"
	"tssh/proxy/needs"
)

// tokenFile is what ssh-keygen -t ed25519-sk writes, and its key as the helper
// wants it.
func tokenFile(t testing.TB, flags byte) (file, serialized []byte, public ssh.PublicKey) {
	t.Helper()
	pub, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	const kind = "sk-ssh-ed25519@openssh.com"
	blob := ssh.Marshal(struct {
		Type   string
		Public []byte
		App    string
	}{kind, pub, "ssh:"})
	serialized = ssh.Marshal(struct {
		Type     string
		Public   []byte
		App      string
		Flags    byte
		Handle   []byte
		Reserved []byte
	}{kind, pub, "ssh:", flags, []byte("handle"), nil})
	private := append(binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, 5), 5), serialized...)
	private = append(private, ssh.Marshal(struct{ Comment string }{"me@token"})...)
	for i := byte(1); len(private)%8 != 0; i++ {
		private = append(private, i)
	}
	body := append([]byte("openssh-key-v1\x00"), ssh.Marshal(struct {
		Cipher, KDF, Options string
		Count                uint32
		Public, Private      []byte
	}{"none", "none", "", 1, blob, private})...)
	public, err = ssh.ParsePublicKey(blob)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "OPENSSH PRIVATE KEY", Bytes: body}), serialized, public
}

func TestTokenFileGivesTheHelperItsKey(t *testing.T) {
	file, serialized, public := tokenFile(t, tokenTouch)
	k, err := parseToken(file, nil)
	if err != nil || k == nil {
		t.Fatal(k, err)
	}
	got := k.raw.(token)
	if !bytes.Equal(got.serialized, serialized) || got.flags != tokenTouch || !sameKey(k.public, public) {
		t.Errorf("got %x, want %x", got.serialized, serialized)
	}
	if key := publicOfPrivate(file); key == nil || !sameKey(key, public) {
		t.Error("public half of the file not found")
	}
}

// TestHelperSigns runs a helper that answers what the real one would.
func TestHelperSigns(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the helper here is a shell script")
	}
	file, serialized, _ := tokenFile(t, 0)
	k, err := parseToken(file, nil)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	sig := ssh.Marshal(ssh.Signature{Format: "sk-ssh-ed25519@openssh.com", Blob: []byte("signed"), Rest: []byte{1, 0, 0, 0, 9}})
	answer := append([]byte{5}, ssh.Marshal(struct {
		Type uint32
		Sig  []byte
	}{1, sig})...)
	answer = append(binary.BigEndian.AppendUint32(nil, uint32(len(answer))), answer...)
	os.WriteFile(filepath.Join(dir, "answer"), answer, 0o600)
	helper := filepath.Join(dir, "helper")
	os.WriteFile(helper, []byte("#!/bin/sh\ncat >"+dir+"/asked\ncat "+dir+"/answer\n"), 0o700)
	t.Setenv("SSH_SK_HELPER", helper)
	s := &authentication{Config: Config{Host: &config.Host{SecurityKeyProvider: "internal"}}, ctx: context.Background()}
	got, err := s.tokenSigner("id", k)([]byte("data"), k.public.Type())
	if err != nil || string(got.Blob) != "signed" || len(got.Rest) != 5 {
		t.Fatalf("%+v, %v", got, err)
	}
	asked, err := os.ReadFile(filepath.Join(dir, "asked"))
	if err != nil || !bytes.Contains(asked, serialized) || !bytes.Contains(asked, []byte("data")) || asked[4] != 5 {
		t.Errorf("helper was asked %x, %v", asked, err)
	}
}

// TestPINIsAskedForWhenTheTokenWantsIt, once, and not before.
func TestPINIsAskedForWhenTheTokenWantsIt(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the helper here is a shell script")
	}
	file, _, _ := tokenFile(t, tokenPIN)
	k, err := parseToken(file, nil)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	message := func(m any) []byte {
		b := append([]byte{5}, ssh.Marshal(m)...)
		return append(binary.BigEndian.AppendUint32(nil, uint32(len(b))), b...)
	}
	os.WriteFile(filepath.Join(dir, "refusal"), message(struct{ Type, Code uint32 }{0, uint32(0xffffffd5)}), 0o600) // -43
	os.WriteFile(filepath.Join(dir, "answer"), message(struct {
		Type uint32
		Sig  []byte
	}{1, ssh.Marshal(ssh.Signature{Format: "sk-ssh-ed25519@openssh.com", Blob: []byte("signed"), Rest: []byte{1, 0, 0, 0, 9}})}), 0o600)
	helper := filepath.Join(dir, "helper")
	os.WriteFile(helper, []byte("#!/bin/sh\ncd "+dir+"\ngrep -q 1234 && exec cat answer\ncat refusal\n"), 0o700)
	t.Setenv("SSH_SK_HELPER", helper)
	for pin, right := range map[string]bool{"1234": true, "4321": false} {
		asked := 0
		s := &authentication{Config: Config{Host: &config.Host{SecurityKeyProvider: "internal"}, Ask: func(string, voice.Kind) (string, error) {
			asked++
			return pin, nil
		}}, ctx: context.Background()}
		sig, err := s.tokenSigner("id", k)([]byte("data"), k.public.Type())
		if (err == nil && string(sig.Blob) == "signed") != right || asked != 1 {
			t.Errorf("PIN %s: asked %d times, %v", pin, asked, err)
		}
	}
}

// TestTokenFileWithPassphrase opens what OpenSSH's tool made.
func TestTokenFileWithPassphrase(t *testing.T) {
	needs.Programs(t, "ssh-keygen")
	provider := "/usr/lib/openssh/regress/misc/sk-dummy/sk-dummy.so" // a stand-in for a token, of Debian's openssh-tests
	_, err := os.Stat(provider)
	needs.Nothing(t, err)
	for _, cipher := range []string{"aes256-ctr", "aes256-cbc"} {
		name := filepath.Join(t.TempDir(), "id")
		cmd := exec.Command("ssh-keygen", "-q", "-t", "ed25519-sk", "-Z", cipher, "-a", "3", "-N", "secret words", "-w", provider, "-f", name)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		file, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := parseToken(file, nil); !errors.As(err, new(*ssh.PassphraseMissingError)) {
			t.Errorf("%s: without a passphrase: %v", cipher, err)
		}
		if _, err := parseToken(file, []byte("secret word")); !isWrong(err) {
			t.Errorf("%s: with a wrong one: %v", cipher, err)
		}
		k, err := parseToken(file, []byte("secret words"))
		if err != nil {
			t.Fatalf("%s: %v", cipher, err)
		}
		if public := readPublic(name); public == nil || !sameKey(public, k.public) || k.raw.(token).flags != tokenTouch {
			t.Errorf("%s: got %+v", cipher, k)
		}
	}
}

func TestHelperThatRefusesIsNoSignature(t *testing.T) {
	refusal := append([]byte{5}, ssh.Marshal(struct{ Type, Code uint32 }{0, 60})...)
	refusal = append(binary.BigEndian.AppendUint32(nil, uint32(len(refusal))), refusal...)
	for _, b := range [][]byte{nil, {0}, refusal, append(refusal[:4:4], 4, 0, 0, 0, 1)} {
		if sig, err := helperAnswer(b, 5, 1); err == nil {
			t.Errorf("%x is a signature: %x", b, sig)
		}
	}
}

func TestRSASignsAsTheServerSaid(t *testing.T) {
	key, err := ssh.ParsePublicKey(ssh.Marshal(struct {
		Type string
		E, N []byte
	}{"ssh-rsa", []byte{1, 0, 1}, append([]byte{0, 0xff}, bytes.Repeat([]byte{7}, 255)...)}))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		server string
		mine   []string
		want   string
	}{
		{"ssh-ed25519,rsa-sha2-256", nil, "rsa-sha2-256"},
		{"rsa-sha2-256,rsa-sha2-512", nil, "rsa-sha2-512"},
		{"rsa-sha2-256,rsa-sha2-512", []string{"rsa-sha2-256", "rsa-sha2-512"}, "rsa-sha2-256"},
		{"ssh-rsa", nil, ""}, // SHA-1 is not used unless asked for
		{"ssh-rsa", []string{"ssh-rsa"}, "ssh-rsa"},
		{"", nil, "rsa-sha2-512"}, // a server that says nothing
	} {
		s := &authentication{Config: Config{Host: &config.Host{PubkeyAcceptedAlgorithms: c.mine}}, c: said{c.server}}
		if got, _ := s.algorithm(key); got != c.want {
			t.Errorf("%+v: %q", c, got)
		}
	}
}

// lateServer takes RSA of this user only, which it says with its first answer.
type lateServer struct {
	liar
	answers int
}

func (l *lateServer) ReadPacket() ([]byte, error) {
	l.answers++
	return l.liar.ReadPacket()
}

func (l *lateServer) Extension(name string) (string, bool) {
	if l.answers < 2 {
		return "ssh-ed25519", name == "server-sig-algs"
	}
	return "ssh-ed25519,rsa-sha2-512", name == "server-sig-algs"
}

func TestKeyIsTriedWhenTheServerTakesItAfterAll(t *testing.T) {
	dir := t.TempDir()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(key, "")
	if err != nil {
		t.Fatal(err)
	}
	file := dir + "/key"
	if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
		t.Fatal(err)
	}
	server := &lateServer{liar: liar{says: [][]byte{accept, fail("publickey"), {msgSuccess}}}}
	h, err := sshconfig.Resolve(sshconfig.Local(), sshconfig.Request{Host: "h", File: "none", Settings: []sshconfig.Setting{
		sshconfig.Set("IdentityFile", file), sshconfig.Set("IdentityAgent", "none"), sshconfig.Set("BatchMode", "yes")}})
	if err != nil {
		t.Fatal(err)
	}
	proof, err := Login(t.Context(), server, Config{Host: h.Host})
	if err != nil || proof.Method != "publickey" {
		t.Errorf("%+v, %v; sent %q", proof, err, server.got)
	}
}

// said is a server's word about signatures.
type said struct{ algorithms string }

func (s said) Extension(string) (string, bool)            { return s.algorithms, s.algorithms != "" }
func (said) ReadPacket() ([]byte, error)                  { panic("nothing to read") }
func (said) WritePacket([]byte) error                     { panic("nothing to write") }
func (said) SessionID() []byte                            { return nil }
func (said) ServerVersion() string                        { return "" }
func (said) HostKey() (k ssh.PublicKey, blob, sig []byte) { return nil, nil, nil }

func FuzzKeyFiles(f *testing.F) {
	file, _, _ := tokenFile(f, 5)
	f.Add(file)
	block, _ := pem.Decode(file)
	f.Add(block.Bytes)
	f.Fuzz(func(t *testing.T, b []byte) {
		parseToken(b, nil)
		publicOfPrivate(b)
		parsePublic(b)
		tokenKey(b)
		helperAnswer(b, 5, 1)
	})
}

func TestKeysAreListedInTheirOrder(t *testing.T) {
	dir := t.TempDir()
	file, _, public := tokenFile(t, 5)
	if err := os.WriteFile(dir+"/token", file, 0o600); err != nil {
		t.Fatal(err)
	}
	h, err := sshconfig.Resolve(sshconfig.Local(), sshconfig.Request{Host: "h", File: "none", Settings: []sshconfig.Setting{
		sshconfig.Set("IdentityFile", dir+"/none"), sshconfig.Set("IdentityFile", dir+"/token"), sshconfig.Set("IdentityAgent", "none")}})
	if err != nil {
		t.Fatal(err)
	}
	got := List(Config{Host: h.Host})
	want := []string{dir + "/none explicit", dir + "/token ED25519-SK " + ssh.FingerprintSHA256(public) + " explicit"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
