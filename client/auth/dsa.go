package auth

import (
	//lint:ignore SA1019 asked for by name, for hosts of the last century
	"crypto/dsa"
	"encoding/pem"
	"math/big"

	"golang.org/x/crypto/ssh"
)

// parseDSA reads an unencrypted DSA key in OpenSSH's format, which x/crypto
// reads in the older formats only. Nil: it is none.
func parseDSA(b []byte) any {
	block, _ := pem.Decode(b)
	if block == nil || block.Type != "OPENSSH PRIVATE KEY" {
		return nil
	}
	f, err := parseFile(block.Bytes)
	if err != nil || f.cipher != "none" {
		return nil
	}
	var w struct {
		Check1, Check2 uint32
		Type           string
		P, Q, G, Y, X  *big.Int
		Rest           []byte `ssh:"rest"`
	}
	if err := ssh.Unmarshal(f.private, &w); err != nil || w.Check1 != w.Check2 || w.Type != "ssh-dss" {
		return nil
	}
	return &dsa.PrivateKey{
		PublicKey: dsa.PublicKey{Parameters: dsa.Parameters{P: w.P, Q: w.Q, G: w.G}, Y: w.Y}, X: w.X,
	}
}
