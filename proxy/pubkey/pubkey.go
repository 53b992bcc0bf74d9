// Package pubkey says what is to be known of public keys, hosts' and users', and
// of certificates: how large they are, what an offer tells of them, whether a
// signature is theirs.
package pubkey

import (
	"crypto/rsa"

	"golang.org/x/crypto/ssh"
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
