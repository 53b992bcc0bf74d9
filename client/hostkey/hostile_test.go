package hostkey

import (
	"testing"
	"time"

	"tssh/proxy/pubkey"

	"golang.org/x/crypto/ssh"
)

func FuzzKRL(f *testing.F) {
	head := krlMagic + "\x00\x00\x00\x01" + string(make([]byte, 32))
	f.Add([]byte(head))
	f.Add([]byte(head + "\x02\x00\x00\x00\x05\x00\x00\x00\x01x"))
	f.Add([]byte(head + "\x01\x00\x00\x00\x21\x00\x00\x00\x00\x00\x00\x00\x00\x22\x00\x00\x00\x0d\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x01\xff"))
	key := &ssh.Certificate{Key: newSigner(f).PublicKey(), SignatureKey: newSigner(f).PublicKey(), Serial: 3, KeyId: "id", Signature: &ssh.Signature{}}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) < len(krlMagic) {
			return
		}
		revokedByKRL(data, key)
		revokedByKRL(data, key.Key)
	})
}

func FuzzCertificate(f *testing.F) {
	ca := newSigner(f)
	cert := &ssh.Certificate{Key: newSigner(f).PublicKey(), CertType: ssh.HostCert, ValidPrincipals: []string{"host"}, ValidBefore: ssh.CertTimeInfinity}
	if err := cert.SignCert(zeros{}, ca); err != nil {
		f.Fatal(err)
	}
	good := cert.Marshal()
	f.Add(good, 0, byte(0))
	f.Fuzz(func(t *testing.T, blob []byte, at int, flip byte) {
		check := func(b []byte) string {
			key, err := ssh.ParsePublicKey(b)
			if err != nil {
				return "no key"
			}
			pubkey.RSABits(key)
			c, ok := key.(*ssh.Certificate)
			if !ok {
				return "no certificate"
			}
			return checkCert(c, "host", []string{ssh.KeyAlgoED25519}, time.Unix(1, 0))
		}
		check(blob)
		if check(good) != "" {
			t.Fatalf("a good certificate: %s", check(good))
		}
		changed := append([]byte(nil), good...)
		changed[(at%len(good)+len(good))%len(good)] ^= flip
		if flip != 0 && check(changed) == "" {
			t.Fatalf("byte %d changed by %d, and the certificate is good", at, flip)
		}
	})
}

// zeros is no randomness at all.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }
