// Package pubkey says what is to be known of public keys, hosts' and users', and
// of certificates: how large they are, what an offer tells of them, whether a
// signature is theirs.
package pubkey

import (
	"crypto/rsa"
	"crypto/sha256"
	"strings"

	"golang.org/x/crypto/ssh"

	"tssh/proxy/wire"
)

// Plain is a key without its certificate.
func Plain(key ssh.PublicKey) ssh.PublicKey {
	if c, ok := key.(*ssh.Certificate); ok {
		return c.Key
	}
	return key
}

// RSABits is the size of an RSA key, 0 for other kinds; of a certificate, that of
// its key.
func RSABits(key ssh.PublicKey) int {
	if k, ok := Plain(key).(ssh.CryptoPublicKey); ok {
		if r, ok := k.CryptoPublicKey().(*rsa.PublicKey); ok {
			return r.N.BitLen()
		}
	}
	return 0
}

// MostRSABits is the size of the largest RSA key in a key, of a certificate's
// authority too: what a signature costs to verify.
func MostRSABits(key ssh.PublicKey) int {
	if c, ok := key.(*ssh.Certificate); ok {
		return max(RSABits(c.Key), RSABits(c.SignatureKey))
	}
	return RSABits(key)
}

// Offered is what an offer tells of a key that sshd let the user in by.
func Offered(key ssh.PublicKey) wire.Key {
	c, ok := key.(*ssh.Certificate)
	if !ok {
		return wire.Key{Fingerprint: sha256.Sum256(key.Marshal())}
	}
	k := wire.Key{Fingerprint: sha256.Sum256(c.SignatureKey.Marshal()), Cert: &wire.Cert{Command: c.CriticalOptions["force-command"]}}
	for _, e := range []struct {
		name   string
		letter byte
	}{
		{"permit-pty", wire.PermitsPTY}, {"permit-port-forwarding", wire.PermitsPorts}, {"permit-agent-forwarding", wire.PermitsAgent},
		{"permit-X11-forwarding", wire.PermitsX11}, {"permit-user-rc", wire.PermitsUserRC},
	} {
		if _, ok := c.Extensions[e.name]; ok {
			k.Cert.Permits += string(e.letter)
		}
	}
	room := wire.MaxPrincipals
	for _, p := range c.ValidPrincipals {
		if room -= len(p) + 1; room < 0 {
			break
		}
		if !strings.ContainsRune(p, 0) {
			k.Cert.Principals = append(k.Cert.Principals, p)
		}
	}
	return k
}
