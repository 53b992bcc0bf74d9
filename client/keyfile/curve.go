package keyfile

import (
	"bytes"
	"crypto/elliptic"
	"encoding/asn1"
	"math/big"
)

// curves are those of ssh by their object identifiers.
var curves = map[string]elliptic.Curve{ // never changes
	"1.2.840.10045.3.1.7": elliptic.P256(),
	"1.3.132.0.34":        elliptic.P384(),
	"1.3.132.0.35":        elliptic.P521(),
}

// nameCurve returns an EC key whose curve is spelt out ("-param_enc explicit") with
// its name in place of the numbers, as the standard library wants it. False: it is
// no such key, or of no curve of ssh's.
func nameCurve(kind string, der []byte) ([]byte, bool) {
	type sec1 struct {
		Version int
		Key     []byte
		Curve   asn1.RawValue `asn1:"optional,explicit,tag:0"`
		Public  asn1.RawValue `asn1:"optional,explicit,tag:1"`
	}
	type bare struct { // the curve is that of the wrapping
		Version int
		Key     []byte
		Curve   asn1.ObjectIdentifier `asn1:"explicit,tag:0"`
	}
	var key sec1
	switch kind {
	case "EC PRIVATE KEY":
		if _, err := asn1.Unmarshal(der, &key); err != nil {
			return nil, false
		}
		name, ok := curveOf(key.Curve.Bytes)
		if !ok {
			return nil, false
		}
		named, err := asn1.Marshal(bare{key.Version, key.Key, name})
		return named, err == nil
	case "PRIVATE KEY":
		type algorithm struct {
			ID    asn1.ObjectIdentifier
			Curve asn1.RawValue
		}
		var info struct {
			Version   int
			Algorithm algorithm
			Key       []byte
		}
		if _, err := asn1.Unmarshal(der, &info); err != nil || info.Algorithm.ID.String() != "1.2.840.10045.2.1" {
			return nil, false
		}
		name, ok := curveOf(info.Algorithm.Curve.FullBytes)
		if !ok {
			return nil, false
		}
		full, err := asn1.Marshal(name)
		if err != nil {
			return nil, false
		}
		info.Algorithm.Curve = asn1.RawValue{FullBytes: full}
		named, err := asn1.Marshal(info)
		return named, err == nil
	}
	return nil, false
}

// curveOf is the name of a curve that is spelt out. Each of its numbers has to be
// right: with another generator, say, the key would be another.
func curveOf(parameters []byte) (asn1.ObjectIdentifier, bool) {
	var w struct {
		Version int
		Field   struct {
			Kind  asn1.ObjectIdentifier
			Prime *big.Int
		}
		Curve struct {
			A, B []byte
			Seed asn1.BitString `asn1:"optional"`
		}
		Generator []byte
		Order     *big.Int
		Cofactor  int `asn1:"optional"`
	}
	if _, err := asn1.Unmarshal(parameters, &w); err != nil || w.Cofactor > 1 || len(w.Generator) == 0 {
		return nil, false
	}
	for name, c := range curves {
		p := c.Params()
		a := new(big.Int).Sub(p.P, big.NewInt(3))
		size := (p.BitSize + 7) / 8
		x := w.Generator[1:]
		if len(x) < size || w.Field.Prime.Cmp(p.P) != 0 || w.Order.Cmp(p.N) != 0 || new(big.Int).SetBytes(w.Curve.A).Cmp(a) != 0 ||
			new(big.Int).SetBytes(w.Curve.B).Cmp(p.B) != 0 || !bytes.Equal(x[:size], p.Gx.FillBytes(make([]byte, size))) {
			continue
		}
		// Compressed, hybrid or whole: which of the two points of x it is.
		odd := w.Generator[0] == 3 || w.Generator[0] == 7 || w.Generator[0] == 4 && w.Generator[len(w.Generator)-1]&1 == 1
		if odd == (p.Gy.Bit(0) == 1) {
			return identifier(name), true
		}
	}
	return nil, false
}

func identifier(name string) (id asn1.ObjectIdentifier) {
	n := 0
	for _, r := range name + "." {
		if r == '.' {
			id, n = append(id, n), 0
			continue
		}
		n = n*10 + int(r-'0')
	}
	return id
}
