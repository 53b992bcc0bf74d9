// Package keyfile opens private keys in the files that ssh opens: OpenSSH's own
// format, with each of its ciphers, and the PEM formats of OpenSSL, sealed by a
// passphrase in any of the ways that are about. What x/crypto and the standard
// library don't decrypt is decrypted here, and parsed by them all the same.
package keyfile

import (
	"bytes"
	"crypto"

	//lint:ignore SA1019 asked for by name, for hosts of the last century
	"crypto/dsa"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"strings"

	"golang.org/x/crypto/ssh"
)

// ErrWrong says that the passphrase was not the right one.
var ErrWrong = x509.IncorrectPasswordError

var (
	errFormat = errors.New("invalid format")
	// errCrypto is what ssh says of what OpenSSL can't read: all that is not in
	// OpenSSH's own format.
	errCrypto = errors.New("error in libcrypto")
	errLength = errors.New("Invalid key length")
)

// Open returns the private key in a file, which is not one of a token; nil is no
// passphrase. One that needs a passphrase is a *ssh.PassphraseMissingError, and
// ErrWrong one that was given another. The comment is "" where the format has none.
func Open(b, passphrase []byte) (key any, comment string, err error) {
	block := private(b)
	if block == nil {
		if bytes.HasPrefix(b, []byte("-----BEGIN OPENSSH PRIVATE KEY-----")) {
			return nil, "", errFormat
		}
		return nil, "", errCrypto
	}
	if block.Type == "OPENSSH PRIVATE KEY" {
		f, ok := parse(block)
		if !ok {
			return nil, "", errFormat
		}
		return f.open(passphrase)
	}
	sealed := block.Type == "ENCRYPTED PRIVATE KEY"
	legacy := strings.Contains(block.Headers["Proc-Type"], "ENCRYPTED")
	if !sealed && !legacy {
		key, err = parsePEM(block)
		return key, "", err
	}
	if passphrase == nil {
		return nil, "", &ssh.PassphraseMissingError{}
	}
	var clear []byte
	if sealed {
		block.Type = "PRIVATE KEY"
		clear, err = decryptPKCS8(block.Bytes, passphrase)
	} else {
		clear, err = decryptPEM(block, passphrase)
	}
	if err != nil {
		return nil, "", err
	}
	key, err = parsePEM(&pem.Block{Type: block.Type, Bytes: clear})
	if err != nil && err != errLength {
		// The padding alone tells a wrong passphrase from a right one, and some
		// rubbish is padded well by chance.
		return nil, "", ErrWrong
	}
	return key, "", err
}

// parsePEM reads a key in the clear.
func parsePEM(block *pem.Block) (any, error) {
	der := block.Bytes
	if block.Type == "PRIVATE KEY" {
		if key := parseDSAPKCS8(der); key != nil {
			return key, nil
		}
		if rsa, ok := unwrapRSA(der); ok {
			block, der = &pem.Block{Type: "RSA PRIVATE KEY", Bytes: rsa}, rsa
		}
	}
	if block.Type == "RSA PRIVATE KEY" {
		return parseRSA(der)
	}
	if named, ok := nameCurve(block.Type, der); ok {
		der = named
	}
	key, err := ssh.ParseRawPrivateKey(pem.EncodeToMemory(&pem.Block{Type: block.Type, Bytes: der}))
	if _, signs := key.(crypto.Signer); err == nil && signs {
		return key, nil
	}
	if _, dss := key.(*dsa.PrivateKey); err == nil && dss {
		return key, nil
	}
	if _, broken := asn1.Unmarshal(der, new(asn1.RawValue)); broken != nil {
		return nil, errCrypto
	}
	return nil, errFormat // of a kind that ssh has not
}

// private returns the first block that is a private key. OpenSSL writes the
// parameters of a curve before it, and other programs write what they like.
func private(b []byte) *pem.Block {
	b = bytes.TrimPrefix(b, []byte("\ufeff"))
	for {
		block, rest := pem.Decode(b)
		if block == nil || strings.HasSuffix(block.Type, "PRIVATE KEY") {
			return block
		}
		b = rest
	}
}
