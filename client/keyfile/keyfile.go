// Package keyfile opens private keys in the files that ssh opens: OpenSSH's own
// format, with each of its ciphers, and the PEM formats of OpenSSL, sealed by a
// passphrase in any of the ways that are about. What x/crypto and the standard
// library don't decrypt is decrypted here, and parsed by them all the same.
package keyfile

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"strings"

	"golang.org/x/crypto/ssh"
)

// ErrWrong says that the passphrase was not the right one.
var ErrWrong = x509.IncorrectPasswordError

var errFormat = errors.New("invalid format")

// Open returns the private key in a file, which is not one of a token; nil is no
// passphrase. One that needs a passphrase is a *ssh.PassphraseMissingError, and
// ErrWrong one that was given another.
func Open(b, passphrase []byte) (any, error) {
	block := private(b)
	if block == nil {
		return nil, errFormat
	}
	if f, ok := parse(block); ok {
		return f.open(passphrase)
	}
	sealed := block.Type == "ENCRYPTED PRIVATE KEY"
	legacy := strings.Contains(block.Headers["Proc-Type"], "ENCRYPTED")
	if !sealed && !legacy {
		return parsePEM(block)
	}
	if passphrase == nil {
		return nil, &ssh.PassphraseMissingError{}
	}
	var clear []byte
	var err error
	if sealed {
		block.Type = "PRIVATE KEY"
		clear, err = decryptPKCS8(block.Bytes, passphrase)
	} else {
		//lint:ignore SA1019 such files are what they are
		clear, err = x509.DecryptPEMBlock(block, passphrase)
	}
	if err != nil {
		return nil, err
	}
	key, err := parsePEM(&pem.Block{Type: block.Type, Bytes: clear})
	if err != nil {
		// Nothing but padding tells a wrong passphrase from a right one, and by
		// chance some rubbish is padded well.
		return nil, ErrWrong
	}
	return key, nil
}

// parsePEM reads a key in the clear.
func parsePEM(block *pem.Block) (any, error) {
	if block.Type == "PRIVATE KEY" {
		if key := parseDSAPKCS8(block.Bytes); key != nil {
			return key, nil
		}
	}
	return ssh.ParseRawPrivateKey(pem.EncodeToMemory(block))
}

// private returns the first block that is a private key. OpenSSL writes the
// parameters of a curve before it, and other programs write what they like.
func private(b []byte) *pem.Block {
	for {
		block, rest := pem.Decode(b)
		if block == nil || strings.HasSuffix(block.Type, "PRIVATE KEY") {
			return block
		}
		b = rest
	}
}
