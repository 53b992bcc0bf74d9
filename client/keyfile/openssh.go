package keyfile

import (
	"bytes"
	"crypto/rsa"
	"encoding/binary"
	"encoding/pem"

	"golang.org/x/crypto/ssh"
)

// File is OpenSSH's format of private keys (PROTOCOL.key).
type File struct {
	Public []byte // in the clear

	cipher  string
	kdf     string
	options []byte // of the kdf
	private []byte // encrypted unless cipher is "none"
	tag     []byte // behind it, of ciphers that have one
}

const magic = "openssh-key-v1\x00"

// Parse reads OpenSSH's format; false if b is of another, or holds no key.
func Parse(b []byte) (File, bool) {
	if block := private(b); block != nil {
		return parse(block)
	}
	return File{}, false
}

func parse(block *pem.Block) (f File, ok bool) {
	if block.Type != "OPENSSH PRIVATE KEY" {
		return f, false
	}
	return parseBody(block.Bytes)
}

func parseBody(b []byte) (f File, ok bool) {
	b, ok = bytes.CutPrefix(b, []byte(magic))
	if !ok {
		return f, false
	}
	var w struct {
		Cipher, KDF     string
		Options         []byte
		Count           uint32
		Public, Private []byte
		Tag             []byte `ssh:"rest"`
	}
	if err := ssh.Unmarshal(b, &w); err != nil || w.Count != 1 {
		return f, false
	}
	return File{w.Public, w.Cipher, w.KDF, w.Options, w.Private, w.Tag}, true
}

// open returns the key for crypto and for agents, with its comment.
func (f File) open(passphrase []byte) (key any, comment string, err error) {
	clear, err := f.Unseal(passphrase)
	if err != nil {
		return nil, "", err
	}
	comment = commentOf(clear)
	if key := parseDSA(clear); key != nil {
		return key, comment, nil
	}
	b := append([]byte(magic), ssh.Marshal(struct {
		Cipher, KDF, Options string
		Count                uint32
		Public, Private      []byte
	}{"none", "none", "", 1, f.Public, clear})...)
	key, err = ssh.ParseRawPrivateKey(pem.EncodeToMemory(&pem.Block{Type: "OPENSSH PRIVATE KEY", Bytes: b}))
	if r, ok := key.(*rsa.PrivateKey); ok && r.N.BitLen() < leastRSA {
		return nil, "", errLength
	}
	return key, comment, err
}

// Unseal returns the private part in the clear: two numbers that are the same,
// the key, its comment, padding.
func (f File) Unseal(passphrase []byte) ([]byte, error) {
	clear := f.private
	if f.cipher != "none" {
		if passphrase == nil {
			return nil, &ssh.PassphraseMissingError{}
		}
		var err error
		if clear, err = f.decrypt(passphrase); err != nil {
			return nil, err
		}
	}
	if len(clear) < 8 {
		return nil, errFormat
	}
	if binary.BigEndian.Uint32(clear) != binary.BigEndian.Uint32(clear[4:]) {
		if f.cipher == "none" {
			return nil, errFormat
		}
		return nil, ErrWrong
	}
	return clear, nil
}

// commentOf is that of a private part in the clear: all of a key are strings,
// whatever its type, and the last one is the comment. The padding behind it, 1, 2,
// 3 and on, is too short for the length that it would say.
func commentOf(clear []byte) string {
	var w struct {
		Next string
		Rest []byte `ssh:"rest"`
	}
	for rest := clear[8:]; ssh.Unmarshal(rest, &w) == nil; {
		rest = w.Rest
	}
	return w.Next
}
