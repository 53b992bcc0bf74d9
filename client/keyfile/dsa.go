package keyfile

import (
	//lint:ignore SA1019 asked for by name, for hosts of the last century
	"crypto/dsa"
	"encoding/asn1"
	"math/big"

	"golang.org/x/crypto/ssh"
)

// parseDSA reads the private part of a DSA key in OpenSSH's format, which
// x/crypto reads in the older formats only. Nil: it is none.
func parseDSA(clear []byte) any {
	var w struct {
		Check1, Check2 uint32
		Type           string
		P, Q, G, Y, X  *big.Int
		Rest           []byte `ssh:"rest"`
	}
	if err := ssh.Unmarshal(clear, &w); err != nil || w.Check1 != w.Check2 || w.Type != "ssh-dss" {
		return nil
	}
	return &dsa.PrivateKey{
		PublicKey: dsa.PublicKey{Parameters: dsa.Parameters{P: w.P, Q: w.Q, G: w.G}, Y: w.Y}, X: w.X,
	}
}

// parseDSAPKCS8 reads a PrivateKeyInfo of a DSA key, which the standard library
// does not know. Nil: it is none.
func parseDSAPKCS8(der []byte) any {
	var info struct {
		Version   int
		Algorithm struct {
			ID         asn1.ObjectIdentifier
			Parameters struct{ P, Q, G *big.Int } `asn1:"optional"`
		}
		Key []byte
	}
	var x *big.Int
	if _, err := asn1.Unmarshal(der, &info); err != nil || info.Algorithm.ID.String() != "1.2.840.10040.4.1" {
		return nil
	}
	if _, err := asn1.Unmarshal(info.Key, &x); err != nil {
		return nil
	}
	p := dsa.Parameters{P: info.Algorithm.Parameters.P, Q: info.Algorithm.Parameters.Q, G: info.Algorithm.Parameters.G}
	if p.P == nil || p.P.Sign() <= 0 || p.P.BitLen() > 16384 || x.Sign() <= 0 || x.Cmp(p.P) >= 0 || p.G.Sign() <= 0 {
		return nil
	}
	return &dsa.PrivateKey{PublicKey: dsa.PublicKey{Parameters: p, Y: new(big.Int).Exp(p.G, x, p.P)}, X: x}
}
