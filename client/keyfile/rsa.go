package keyfile

import (
	"crypto/rsa"
	"encoding/asn1"
	"math/big"
)

// leastRSA and mostRSA are the sizes in bits between which ssh opens RSA keys.
const (
	leastRSA = 1024
	mostRSA  = 16384
)

// unwrapRSA returns the PKCS #1 key in a PrivateKeyInfo; false: it is of another kind.
func unwrapRSA(der []byte) ([]byte, bool) {
	var info struct {
		Version   int
		Algorithm struct {
			ID   asn1.ObjectIdentifier
			Rest asn1.RawValue `asn1:"optional"`
		}
		Key []byte
	}
	if _, err := asn1.Unmarshal(der, &info); err != nil || info.Algorithm.ID.String() != "1.2.840.113549.1.1.1" {
		return nil, false
	}
	return info.Key, true
}

// parseRSA reads a PKCS #1 key. What can be computed from the rest is, as OpenSSL
// does where it does not fit: the standard library opens no such key.
func parseRSA(der []byte) (any, error) {
	var w struct {
		Version    int
		N          *big.Int
		E          int
		D, P, Q    *big.Int
		Dp, Dq, Qi *big.Int
		More       []struct{ Prime, Exp, Coeff *big.Int } `asn1:"optional,omitempty"`
	}
	if rest, err := asn1.Unmarshal(der, &w); err != nil || len(rest) > 0 {
		return nil, errCrypto
	}
	if w.N.BitLen() < leastRSA {
		return nil, errLength
	}
	if w.N.BitLen() > mostRSA {
		return nil, errFormat
	}
	key := &rsa.PrivateKey{PublicKey: rsa.PublicKey{N: w.N, E: w.E}, D: w.D, Primes: []*big.Int{w.P, w.Q}}
	for _, m := range w.More {
		key.Primes = append(key.Primes, m.Prime)
	}
	if err := key.Validate(); err != nil { // it bounds all the numbers, too
		return nil, errFormat
	}
	key.Precompute()
	return key, nil
}
