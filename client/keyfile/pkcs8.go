package keyfile

import (
	"bytes"
	"crypto/cipher"
	"crypto/des"
	"crypto/md5"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha3"
	"crypto/sha512"
	"crypto/x509/pkix"
	"encoding/asn1"
	"hash"
	"strings"
	"unicode/utf16"

	"golang.org/x/crypto/scrypt"
)

// The object identifiers of RFC 8018 (PBES1, PBES2), RFC 7292 (PKCS #12) and RFC
// 7914 (scrypt), as strings, which a switch can compare.
const (
	pbes2      = "1.2.840.113549.1.5.13"
	pbkdf2OID  = "1.2.840.113549.1.5.12"
	scryptOID  = "1.3.6.1.4.1.11591.4.11"
	md5DES     = "1.2.840.113549.1.5.3"
	sha1DES    = "1.2.840.113549.1.5.10"
	sha13DES   = "1.2.840.113549.1.12.1.3"
	sha12DES   = "1.2.840.113549.1.12.1.4"
	scryptMost = 1 << 30 // bytes that a file may make us use; OpenSSL's limit is 32 MiB
)

// prf are the hashes that PBKDF2 makes an HMAC of.
var prf = map[string]func() hash.Hash{ // never changes
	"1.2.840.113549.2.6":      md5.New,
	"1.2.840.113549.2.7":      sha1.New,
	"1.2.840.113549.2.8":      sha256.New224,
	"1.2.840.113549.2.9":      sha256.New,
	"1.2.840.113549.2.10":     sha512.New384,
	"1.2.840.113549.2.11":     sha512.New,
	"1.2.840.113549.2.12":     sha512.New512_224,
	"1.2.840.113549.2.13":     sha512.New512_256,
	"2.16.840.1.101.3.4.2.13": func() hash.Hash { return sha3.New224() },
	"2.16.840.1.101.3.4.2.14": func() hash.Hash { return sha3.New256() },
	"2.16.840.1.101.3.4.2.15": func() hash.Hash { return sha3.New384() },
	"2.16.840.1.101.3.4.2.16": func() hash.Hash { return sha3.New512() },
}

// decryptPKCS8 returns the PrivateKeyInfo in an EncryptedPrivateKeyInfo.
func decryptPKCS8(der, passphrase []byte) ([]byte, error) {
	var info struct {
		Scheme pkix.AlgorithmIdentifier
		Data   []byte
	}
	if _, err := asn1.Unmarshal(der, &info); err != nil {
		return nil, errFormat
	}
	if scheme := info.Scheme.Algorithm.String(); scheme != pbes2 {
		return decryptPBES1(scheme, info.Scheme.Parameters.FullBytes, info.Data, passphrase)
	}
	var w struct{ KDF, Cipher pkix.AlgorithmIdentifier }
	if _, err := asn1.Unmarshal(info.Scheme.Parameters.FullBytes, &w); err != nil {
		return nil, errFormat
	}
	var iv []byte
	if _, err := asn1.Unmarshal(w.Cipher.Parameters.FullBytes, &iv); err != nil {
		return nil, errFormat
	}
	b, ok := boxNamed(boxesByID[w.Cipher.Algorithm.String()])
	if !ok {
		return nil, errCrypto
	}
	key, err := derive(w.KDF, passphrase, b.size)
	if err != nil {
		return nil, err
	}
	return b.open(key, iv, info.Data)
}

// boxesByID are the ciphers of PBES2.
var boxesByID = map[string]string{ // never changes
	"2.16.840.1.101.3.4.1.2":  "AES-128-CBC",
	"2.16.840.1.101.3.4.1.3":  "AES-128-OFB",
	"2.16.840.1.101.3.4.1.4":  "AES-128-CFB",
	"2.16.840.1.101.3.4.1.22": "AES-192-CBC",
	"2.16.840.1.101.3.4.1.23": "AES-192-OFB",
	"2.16.840.1.101.3.4.1.24": "AES-192-CFB",
	"2.16.840.1.101.3.4.1.42": "AES-256-CBC",
	"2.16.840.1.101.3.4.1.43": "AES-256-OFB",
	"2.16.840.1.101.3.4.1.44": "AES-256-CFB",
	"1.2.840.113549.3.7":      "DES-EDE3-CBC",
	"1.3.14.3.2.7":            "DES-CBC",
}

// derive makes a key of a passphrase.
func derive(kdf pkix.AlgorithmIdentifier, passphrase []byte, size int) ([]byte, error) {
	switch kdf.Algorithm.String() {
	case pbkdf2OID:
		var w struct {
			Salt  []byte
			Count int
			Size  int                      `asn1:"optional"`
			PRF   pkix.AlgorithmIdentifier `asn1:"optional"`
		}
		if _, err := asn1.Unmarshal(kdf.Parameters.FullBytes, &w); err != nil || w.Count < 1 || w.Size != 0 && w.Size != size {
			return nil, errFormat
		}
		h := sha1.New // where none is named
		if len(w.PRF.Algorithm) > 0 {
			if h = prf[w.PRF.Algorithm.String()]; h == nil {
				return nil, errCrypto
			}
		}
		return pbkdf2.Key(h, string(passphrase), w.Salt, w.Count, size)
	case scryptOID:
		var w struct {
			Salt    []byte
			N, R, P int
			Size    int `asn1:"optional"`
		}
		if _, err := asn1.Unmarshal(kdf.Parameters.FullBytes, &w); err != nil || w.Size != 0 && w.Size != size ||
			w.N < 2 || w.R < 1 || w.P < 1 || w.N > scryptMost/128/w.R || w.P > scryptMost/128/w.R {
			return nil, errCrypto
		}
		key, err := scrypt.Key(passphrase, w.Salt, w.N, w.R, w.P, size)
		if err != nil {
			return nil, errFormat
		}
		return key, nil
	default:
		return nil, errCrypto
	}
}

// decryptPBES1 is for the schemes before PBES2, which OpenSSL wrote until 2016.
func decryptPBES1(scheme string, parameters, data, passphrase []byte) ([]byte, error) {
	var w struct {
		Salt  []byte
		Count int
	}
	if _, err := asn1.Unmarshal(parameters, &w); err != nil || w.Count < 1 {
		return nil, errFormat
	}
	switch scheme {
	case md5DES, sha1DES:
		h := md5.New()
		if scheme == sha1DES {
			h = sha1.New()
		}
		t := append(append([]byte(nil), passphrase...), w.Salt...)
		for range w.Count {
			h.Reset()
			h.Write(t)
			t = h.Sum(nil)
		}
		return unpad(des.NewCipher, t[:8], t[8:16], data)
	case sha13DES, sha12DES:
		key := pkcs12(1, passphrase, w.Salt, w.Count, 24)
		if scheme == sha12DES {
			key = append(key[:16:16], key[:8]...)
		}
		return unpad(des.NewTripleDESCipher, key, pkcs12(2, passphrase, w.Salt, w.Count, 8), data)
	}
	return nil, errCrypto
}

// pkcs12 makes n bytes for a purpose out of a passphrase, with SHA-1 (RFC 7292,
// appendix B.2): for keys it is 1, for initialization vectors 2.
func pkcs12(purpose byte, passphrase, salt []byte, count, n int) (out []byte) {
	const block = sha1.BlockSize
	fill := func(b []byte) []byte { // with copies of b, up to whole blocks
		full := (len(b) + block - 1) / block * block
		return bytes.Repeat(b, full/max(len(b), 1)+1)[:full]
	}
	var wide []byte // with a zero at the end, as in C
	for _, u := range append(utf16.Encode([]rune(string(passphrase))), 0) {
		wide = append(wide, byte(u>>8), byte(u))
	}
	input := append(fill(salt), fill(wide)...)
	for len(out) < n {
		sum := sha1.Sum(append(bytes.Repeat([]byte{purpose}, block), input...))
		for range count - 1 {
			sum = sha1.Sum(sum[:])
		}
		out = append(out, sum[:]...)
		add := fill(sum[:])
		for i := 0; i < len(input); i += block { // each block grows by add and 1
			carry := 1
			for k := block - 1; k >= 0; k-- {
				carry += int(input[i+k]) + int(add[k])
				input[i+k] = byte(carry)
				carry >>= 8
			}
		}
	}
	return out[:n]
}

// unpad decrypts in CBC mode and takes the padding off.
func unpad(of func([]byte) (cipher.Block, error), key, iv, data []byte) ([]byte, error) {
	block, err := of(key)
	if err != nil {
		return nil, err
	}
	size := block.BlockSize()
	if len(iv) != size || len(data) == 0 || len(data)%size != 0 {
		return nil, errFormat
	}
	clear := make([]byte, len(data))
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(clear, data)
	n := int(clear[len(clear)-1])
	if n < 1 || n > size || strings.Trim(string(clear[len(clear)-n:]), string(rune(n))) != "" {
		return nil, ErrWrong
	}
	return clear[:len(clear)-n], nil
}
