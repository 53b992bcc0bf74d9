package keyfile

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/sha512"
	"encoding/binary"
	"fmt"

	//lint:ignore SA1019 OpenSSH's files are what they are
	"golang.org/x/crypto/blowfish"
	"golang.org/x/crypto/chacha20"

	//lint:ignore SA1019 ssh authenticates raw ciphertext, which chacha20poly1305 can't
	"golang.org/x/crypto/poly1305"
	"golang.org/x/crypto/ssh"
)

// A seal is one of the ciphers of ssh-keygen's -Z.
type seal struct {
	key, iv, block, tag int // sizes in bytes
	open                func(key, iv, sealed, tag []byte) ([]byte, bool)
}

func sealOf(name string) (s seal, ok bool) {
	switch name {
	case "aes128-ctr", "aes192-ctr", "aes256-ctr":
		s = seal{iv: aes.BlockSize, block: aes.BlockSize, open: openCTR}
	case "aes128-cbc", "aes192-cbc", "aes256-cbc", "rijndael-cbc@lysator.liu.se":
		s = seal{iv: aes.BlockSize, block: aes.BlockSize, open: openCBC(aes.NewCipher)}
	case "aes128-gcm@openssh.com", "aes256-gcm@openssh.com":
		s = seal{iv: 12, block: aes.BlockSize, tag: 16, open: openGCM}
	case "chacha20-poly1305@openssh.com":
		return seal{key: 64, block: 8, tag: poly1305.TagSize, open: openChaCha}, true
	case "3des-cbc":
		return seal{key: 24, iv: des.BlockSize, block: des.BlockSize, open: openCBC(des.NewTripleDESCipher)}, true
	default:
		return s, false
	}
	s.key = map[string]int{"aes128": 16, "aes192": 24}[name[:6]]
	if s.key == 0 {
		s.key = 32
	}
	return s, true
}

func openCTR(key, iv, sealed, _ []byte) ([]byte, bool) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, false
	}
	clear := make([]byte, len(sealed))
	cipher.NewCTR(block, iv).XORKeyStream(clear, sealed)
	return clear, true
}

func openCBC(of func([]byte) (cipher.Block, error)) func(key, iv, sealed, _ []byte) ([]byte, bool) {
	return func(key, iv, sealed, _ []byte) ([]byte, bool) {
		block, err := of(key)
		if err != nil {
			return nil, false
		}
		clear := make([]byte, len(sealed))
		cipher.NewCBCDecrypter(block, iv).CryptBlocks(clear, sealed)
		return clear, true
	}
}

func openGCM(key, iv, sealed, tag []byte) ([]byte, bool) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, false
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return nil, false
	}
	clear, err := gcm.Open(nil, iv, append(append([]byte(nil), sealed...), tag...), nil)
	return clear, err == nil
}

// openChaCha opens what is sealed as ssh's packet number nothing without a
// length: the second half of the key is for lengths.
func openChaCha(key, _, sealed, tag []byte) ([]byte, bool) {
	c, err := chacha20.NewUnauthenticatedCipher(key[:chacha20.KeySize], make([]byte, chacha20.NonceSize))
	if err != nil {
		return nil, false
	}
	var once [32]byte
	c.XORKeyStream(once[:], once[:])
	if !poly1305.Verify((*[poly1305.TagSize]byte)(tag), sealed, &once) {
		return nil, false
	}
	c.SetCounter(1)
	clear := make([]byte, len(sealed))
	c.XORKeyStream(clear, sealed)
	return clear, true
}

// maxRounds bounds the work that a file asks for, as OpenSSH 10.6 does: a file
// may come from others, and 2^32 rounds take years.
const maxRounds = 1_000_000

// decrypt opens the private part by a passphrase.
func (f File) decrypt(passphrase []byte) ([]byte, error) {
	s, ok := sealOf(f.cipher)
	if !ok || f.kdf != "bcrypt" {
		return nil, fmt.Errorf("sealed with unknown cipher %q or kdf %q", f.cipher, f.kdf)
	}
	var o struct {
		Salt   []byte
		Rounds uint32
	}
	if err := ssh.Unmarshal(f.options, &o); err != nil || o.Rounds == 0 || o.Rounds > maxRounds || len(o.Salt) == 0 ||
		len(f.private) == 0 || len(f.private)%s.block != 0 || len(f.tag) != s.tag {
		return nil, errFormat
	}
	key := stretch(passphrase, o.Salt, o.Rounds, s.key+s.iv)
	clear, ok := s.open(key[:s.key], key[s.key:], f.private, f.tag)
	if !ok { // the tag was made with another key
		return nil, ErrWrong
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
