package auth

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha512"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"

	//lint:ignore SA1019 OpenSSH's files are what they are
	"golang.org/x/crypto/blowfish"
	"golang.org/x/crypto/ssh"
)

// unseal returns the private part of a file in the clear. x/crypto does so for
// the kinds of key that it knows, and shows the content of no others.
func (f file) unseal(passphrase []byte) ([]byte, error) {
	if f.cipher == "none" {
		return f.private, nil
	}
	if f.cipher != "aes256-ctr" && f.cipher != "aes256-cbc" || f.kdf != "bcrypt" {
		return nil, fmt.Errorf("encrypted with %s, which is not supported for keys of tokens; use the agent", f.cipher)
	}
	if passphrase == nil {
		return nil, &ssh.PassphraseMissingError{}
	}
	var o struct {
		Salt   []byte
		Rounds uint32
	}
	if err := ssh.Unmarshal(f.options, &o); err != nil || o.Rounds == 0 || len(f.private)%aes.BlockSize != 0 {
		return nil, errors.New("invalid format")
	}
	const size = 32
	key := stretch(passphrase, o.Salt, o.Rounds, size+aes.BlockSize)
	block, err := aes.NewCipher(key[:size])
	if err != nil {
		return nil, err
	}
	clear := make([]byte, len(f.private))
	if f.cipher == "aes256-cbc" {
		cipher.NewCBCDecrypter(block, key[size:]).CryptBlocks(clear, f.private)
	} else {
		cipher.NewCTR(block, key[size:]).XORKeyStream(clear, f.private)
	}
	// Two numbers that are the same tell whether the passphrase was right.
	if len(clear) < 8 || binary.BigEndian.Uint32(clear) != binary.BigEndian.Uint32(clear[4:]) {
		return nil, x509.IncorrectPasswordError
	}
	return clear, nil
}

// stretch is bcrypt_pbkdf, OpenBSD's way from a passphrase to n bytes of keys:
// PBKDF2 with bcrypt, fed by SHA-512, in place of an HMAC, and its output dealt
// out over the blocks in turn.
func stretch(passphrase, salt []byte, rounds uint32, n int) []byte {
	const size = 32 // of a block
	blocks := (n + size - 1) / size
	out := make([]byte, blocks*size)
	pass := sha512.Sum512(passphrase)
	for i := range blocks {
		seed := sha512.Sum512(binary.BigEndian.AppendUint32(append([]byte(nil), salt...), uint32(i+1)))
		last := bcrypt(pass[:], seed[:])
		sum := last
		for range rounds - 1 {
			seed = sha512.Sum512(last[:])
			last = bcrypt(pass[:], seed[:])
			for k := range sum {
				sum[k] ^= last[k]
			}
		}
		for k, b := range sum {
			out[k*blocks+i] = b
		}
	}
	return out[:n]
}

// bcrypt encrypts a text that never changes under keys that take long to make.
func bcrypt(pass, salt []byte) (out [32]byte) {
	c, err := blowfish.NewSaltedCipher(pass, salt)
	if err != nil {
		panic(err) // hashes are never empty
	}
	for range 64 {
		blowfish.ExpandKey(salt, c)
		blowfish.ExpandKey(pass, c)
	}
	copy(out[:], "OxychromaticBlowfishSwatDynamite")
	for i := 0; i < len(out); i += blowfish.BlockSize {
		for range 64 {
			c.Encrypt(out[i:], out[i:])
		}
	}
	for i := 0; i < len(out); i += 4 { // its words are little-endian
		binary.LittleEndian.PutUint32(out[i:], binary.BigEndian.Uint32(out[i:]))
	}
	return out
}
