package keyfile

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"tssh/proxy/needs"
)

func run(t *testing.T, name string, args ...string) (string, error) {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	return string(out), err
}

func must(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := run(t, name, args...); err != nil {
		t.Fatalf("%s %q: %v %s", name, args, err, out)
	}
}

const phrase = "corréct horse"

// opens holds that a file opens to the key that ssh-keygen says is in it.
func opens(t *testing.T, file, passphrase string) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	os.Chmod(file, 0o600)
	want, err := exec.Command("ssh-keygen", "-y", "-P", passphrase, "-f", file).Output()
	if err != nil { // as of Ed25519 in PKCS #8, which OpenSSH opens since 9.6
		t.Logf("ssh-keygen does not open it: %v", err)
		want = nil
	}
	same := func(raw any) bool {
		s, err := ssh.NewSignerFromKey(raw)
		if err != nil {
			t.Error(err)
			return false
		}
		got := strings.TrimSpace(string(ssh.MarshalAuthorizedKey(s.PublicKey())))
		return want == nil || strings.HasPrefix(string(want), got)
	}
	var said string // the comment
	if words := strings.SplitN(strings.TrimSpace(string(want)), " ", 3); len(words) == 3 && bytes.Contains(b, []byte("OPENSSH")) {
		said = words[2]
	}
	if passphrase == "" {
		raw, comment, err := Open(b, nil)
		if err != nil || !same(raw) || comment != said {
			t.Errorf("%v %q %v, want %s", raw, comment, err, want)
		}
		return
	}
	if _, _, err := Open(b, nil); !errors.As(err, new(*ssh.PassphraseMissingError)) {
		t.Errorf("without a passphrase: %v", err)
	}
	if _, _, err := Open(b, []byte(phrase+"x")); !errors.Is(err, ErrWrong) {
		t.Errorf("with a wrong passphrase: %v", err)
	}
	for _, text := range [][]byte{b, bytes.ReplaceAll(b, []byte("\n"), []byte("\r\n")), append([]byte("before\n\n"), b...),
		append(bytes.Clone(b), "behind\n"...), bytes.TrimSuffix(b, []byte("\n"))} {
		if raw, comment, err := Open(text, []byte(passphrase)); err != nil || !same(raw) || comment != said {
			t.Errorf("%v, %q: %.60q", err, comment, text)
		}
	}
}

// TestKeysOfSSHKeygenOpen, of every cipher, type and format that it writes.
func TestKeysOfSSHKeygenOpen(t *testing.T) {
	needs.Programs(t, "ssh-keygen")
	kinds := [][]string{{"ed25519"}, {"ecdsa", "-b", "256"}, {"ecdsa", "-b", "384"}, {"ecdsa", "-b", "521"}, {"rsa", "-b", "1024"}, {"dsa"}}
	sealed := [][]string{{"-a", "1", "-m", "RFC4716"}, {"-a", "1", "-m", "PEM"}, {"-a", "1", "-m", "PKCS8"}, {"-a", "1", "-Z", "3des-cbc"}}
	for _, c := range []string{"aes128-ctr", "aes192-ctr", "aes256-ctr", "aes128-cbc", "aes192-cbc", "aes256-cbc",
		"aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "chacha20-poly1305@openssh.com"} {
		sealed = append(sealed, []string{"-a", "1", "-Z", c})
	}
	for i, kind := range kinds {
		for j, how := range sealed {
			if i > 0 && j > 3 && i+j != 9 { // not each with each
				continue
			}
			t.Run(strings.Join(append(kind, how...), " "), func(t *testing.T) {
				for _, p := range []string{"", phrase} {
					file := filepath.Join(t.TempDir(), "key")
					args := append(append([]string{"-q", "-N", p, "-C", "a comment", "-f", file, "-t"}, kind...), how...)
					if out, err := run(t, "ssh-keygen", args...); err != nil {
						t.Skipf("SKIPPED, not tested at all: ssh-keygen: %s", out) // no DSA any more, or no such cipher
					}
					opens(t, file, p)
				}
			})
		}
	}
}

// TestKeysOfOpenSSLOpen, sealed in each way that ssh opens.
func TestKeysOfOpenSSLOpen(t *testing.T) {
	needs.Programs(t, "openssl", "ssh-keygen")
	dir := t.TempDir()
	plain := map[string]string{}
	for kind, args := range map[string][]string{
		"ec":      {"ecparam", "-name", "prime256v1", "-genkey"}, // the curve's parameters stand before it
		"ec-bare": {"ecparam", "-name", "secp384r1", "-genkey", "-noout"},
		"rsa":     {"genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"},
		"rsa3":    {"genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-pkeyopt", "rsa_keygen_primes:3"},
		"spelt":   {"ecparam", "-name", "secp521r1", "-genkey", "-noout", "-param_enc", "explicit"},
		"short":   {"ecparam", "-name", "prime256v1", "-genkey", "-noout", "-param_enc", "explicit", "-conv_form", "compressed"},
		"ed25519": {"genpkey", "-algorithm", "ED25519"},
	} {
		plain[kind] = filepath.Join(dir, kind)
		must(t, "openssl", append(args, "-out", plain[kind])...)
		t.Run(kind, func(t *testing.T) { opens(t, plain[kind], "") })
	}
	wrapped := filepath.Join(dir, "spelt-pkcs8")
	must(t, "openssl", "pkcs8", "-topk8", "-nocrypt", "-in", plain["spelt"], "-out", wrapped)
	opens(t, wrapped, "")
	for _, c := range []string{"-aes128", "-aes192", "-aes256", "-des3", "-aes-128-cfb", "-aes-256-ofb", "-aes-256-ctr",
		"-des-ede-cbc", "-des-ede3-cfb", "-des-ede3-ofb"} {
		t.Run("traditional "+c, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "key")
			must(t, "openssl", "ec", c, "-passout", "pass:"+phrase, "-in", plain["ec-bare"], "-out", file)
			opens(t, file, phrase)
			must(t, "openssl", "rsa", "-traditional", c, "-passout", "pass:"+phrase, "-in", plain["rsa"], "-out", file)
			opens(t, file, phrase)
		})
	}
	var ways [][]string
	for _, c := range []string{"aes-128-cbc", "aes-192-cbc", "aes-256-cbc", "des3", "des",
		"aes-128-cfb", "aes-192-cfb", "aes-256-ofb"} {
		ways = append(ways, []string{"-v2", c})
	}
	for _, h := range []string{"hmacWithMD5", "hmacWithSHA1", "hmacWithSHA224", "hmacWithSHA256", "hmacWithSHA384", "hmacWithSHA512",
		"hmacWithSHA512-224", "hmacWithSHA512-256", "id-hmacWithSHA3-256", "id-hmacWithSHA3-512"} {
		ways = append(ways, []string{"-v2", "aes-256-cbc", "-v2prf", h})
	}
	ways = append(ways, []string{"-scrypt"}, []string{"-scrypt", "-v2", "aes-128-cbc"}, []string{"-scrypt", "-scrypt_N", "1024", "-scrypt_r", "4", "-scrypt_p", "2"},
		[]string{"-iter", "1"}, []string{"-v1", "PBE-SHA1-3DES"}, []string{"-v1", "PBE-SHA1-2DES"},
		[]string{"-v1", "PBE-MD5-DES"}, []string{"-v1", "PBE-SHA1-DES"})
	for i, way := range ways {
		for kind, from := range plain {
			if i > 0 && (kind == "rsa") != (i%3 == 0) {
				continue
			}
			t.Run(kind+" "+strings.Join(way, " "), func(t *testing.T) {
				file := filepath.Join(t.TempDir(), "key")
				args := append([]string{"pkcs8", "-topk8", "-passout", "pass:" + phrase, "-in", from, "-out", file}, way...)
				if _, err := run(t, "openssl", args...); err != nil {
					// This one needs a provider that is not on.
					if out, err := run(t, "openssl", append(args, "-provider", "legacy", "-provider", "default")...); err != nil {
						t.Skipf("SKIPPED, not tested at all: openssl: %s", out)
					}
					b, err := os.ReadFile(file)
					if err != nil {
						t.Fatal(err)
					}
					if _, _, err := Open(b, []byte(phrase)); err != nil { // ssh may open it elsewhere
						t.Error(err)
					}
					return
				}
				opens(t, file, phrase)
			})
		}
	}
}

// TestRubbishIsNoKey, and no panic.
func TestRubbishIsNoKey(t *testing.T) {
	for _, b := range []string{"", "-----BEGIN OPENSSH PRIVATE KEY-----\n-----END OPENSSH PRIVATE KEY-----\n",
		"-----BEGIN ENCRYPTED PRIVATE KEY-----\nMAA=\n-----END ENCRYPTED PRIVATE KEY-----\n",
		"-----BEGIN PUBLIC KEY-----\nMAA=\n-----END PUBLIC KEY-----\n", "ssh-ed25519 AAAA"} {
		if k, _, err := Open([]byte(b), []byte("x")); err == nil {
			t.Errorf("%q is %v", b, k)
		}
	}
}

// TestWordsOfBrokenKeys are those of ssh.
func TestWordsOfBrokenKeys(t *testing.T) {
	needs.Programs(t, "openssl")
	made := func(args ...string) string {
		file := filepath.Join(t.TempDir(), "key")
		must(t, "openssl", slices.Insert(args, 1, "-out", file)...)
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	small := made("genrsa", "-traditional", "512")
	whole := made("genrsa", "-traditional", "1024")
	for _, c := range []struct{ name, text, want string }{
		{"nothing", "", "error in libcrypto"},
		{"words", "hello\n", "error in libcrypto"},
		{"a public key", "ssh-ed25519 AAAA", "error in libcrypto"},
		{"cut", whole[:300], "error in libcrypto"},
		{"not base64", strings.Replace(whole, "MII", "!!!", 1), "error in libcrypto"},
		{"cut, of OpenSSH", "-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl\n", "invalid format"},
		{"of OpenSSH, empty", "-----BEGIN OPENSSH PRIVATE KEY-----\n-----END OPENSSH PRIVATE KEY-----\n", "invalid format"},
		{"another curve", made("ecparam", "-name", "secp256k1", "-genkey", "-noout"), "invalid format"},
		{"another kind", made("genpkey", "-algorithm", "X25519"), "invalid format"},
		{"too short", small, "Invalid key length"},
	} {
		if k, _, err := Open([]byte(c.text), nil); err == nil || err.Error() != c.want {
			t.Errorf("%s: %v, %v, want %s", c.name, k, err, c.want)
		}
	}
	if _, _, err := Open([]byte("\ufeff"+whole), nil); err != nil {
		t.Errorf("behind a byte order mark: %v", err)
	}
}

// TestNumbersThatDoNotFit: ssh computes them again, and the standard library opens
// no such key.
func TestNumbersThatDoNotFit(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	one := big.NewInt(1)
	der, err := asn1.Marshal(struct {
		Version             int
		N                   *big.Int
		E                   int
		D, P, Q, Dp, Dq, Qi *big.Int
	}{0, key.N, key.E, key.D, key.Primes[0], key.Primes[1], one, one, one})
	if err != nil {
		t.Fatal(err)
	}
	got, _, err := Open(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: der}), nil)
	if err != nil || !key.Equal(got) {
		t.Fatalf("%v", err)
	}
	sum := sha256.Sum256(nil)
	sig, err := got.(*rsa.PrivateKey).Sign(rand.Reader, sum[:], crypto.SHA256)
	if err != nil || rsa.VerifyPKCS1v15(&key.PublicKey, crypto.SHA256, sum[:], sig) != nil {
		t.Error("its signature is none")
	}
}

func FuzzOpen(f *testing.F) {
	_, key, _ := ed25519.GenerateKey(nil)
	for _, name := range []string{"aes256-ctr", "chacha20-poly1305@openssh.com", "aes128-gcm@openssh.com", "3des-cbc", "none"} {
		b := append([]byte(magic), ssh.Marshal(struct {
			Cipher, KDF     string
			Options         []byte
			Count           uint32
			Public, Private []byte
			Tag             []byte `ssh:"rest"`
		}{name, "bcrypt", ssh.Marshal(struct {
			Salt   string
			Rounds uint32
		}{"salt", 1}), 1, nil, key, make([]byte, 16)})...)
		f.Add(b)
	}
	f.Add([]byte("0\x1a0\x15\x06\x09*\x86H\x86\xf7\x0d\x01\x05\x0d0\x08"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if file, ok := parseBody(b); ok {
			file.Unseal(nil)
			if !bytes.Contains(file.options, []byte{0, 0}) { // rounds that take years are the user's own
				file.Unseal([]byte("x"))
			}
		}
	})
}

func FuzzKeysOfOpenSSL(f *testing.F) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	ec, _ := x509.MarshalECPrivateKey(key)
	wrapped, _ := x509.MarshalPKCS8PrivateKey(key)
	f.Add(ec, "AES-128-CBC,00112233445566778899aabbccddeeff")
	f.Add(wrapped, "DES-EDE3-CFB,0011223344556677")
	f.Add([]byte{}, "-,")
	f.Fuzz(func(t *testing.T, der []byte, header string) {
		for _, kind := range []string{"RSA PRIVATE KEY", "EC PRIVATE KEY", "PRIVATE KEY", "DSA PRIVATE KEY"} {
			parsePEM(&pem.Block{Type: kind, Bytes: der})
		}
		decryptPEM(&pem.Block{Headers: map[string]string{"DEK-Info": header}, Bytes: der}, []byte("x"))
	})
}
