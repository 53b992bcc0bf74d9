package hostkey

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"

	"tssh/proxy/pubkey"

	"golang.org/x/crypto/ssh"
)

// checkRevoked refuses a key that a file of RevokedHostKeys names. A file that
// can't be read refuses every key: it might have named this one.
func (c *Checker) checkRevoked(key ssh.PublicKey, fp string) error {
	for _, file := range c.h.RevokedHostKeys {
		found, err := revokedByFile(file, key)
		if err != nil {
			c.log.Errorf("Error checking host key %s %s in revoked keys file %s: %v", pubkey.TypeName(key), fp, file, err)
			return errRefused
		}
		if found {
			c.log.Errorf("Host key %s %s revoked by file %s", pubkey.TypeName(key), fp, file)
			return errRefused
		}
	}
	return nil
}

func revokedByFile(file string, key ssh.PublicKey) (bool, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return false, err
	}
	if bytes.HasPrefix(data, []byte(krlMagic)) {
		return revokedByKRL(data, key)
	}
	for line := range bytes.Lines(data) {
		if listed, _, _, _, err := ssh.ParseAuthorizedKey(line); err == nil && sameKey(listed, key) {
			return true, nil
		}
	}
	return false, nil
}

// sameKey compares a listed key with one, the key in it and its authority.
func sameKey(listed, key ssh.PublicKey) bool {
	blob := pubkey.Plain(listed).Marshal()
	if bytes.Equal(blob, pubkey.Plain(key).Marshal()) {
		return true
	}
	cert, ok := key.(*ssh.Certificate)
	return ok && bytes.Equal(blob, cert.SignatureKey.Marshal())
}

const krlMagic = "SSHKRL\n\x00"

// Sections of a key revocation list (OpenSSH's PROTOCOL.krl).
const (
	krlCertificates = 1
	krlKey          = 2
	krlSHA1         = 3
	krlSignature    = 4
	krlSHA256       = 5

	krlSerials = 0x20
	krlRange   = 0x21
	krlBitmap  = 0x22
	krlIDs     = 0x23
)

// reader takes an SSH encoding apart and keeps its first error.
type reader struct {
	b   []byte
	err error
}

func (r *reader) bytes(n int) []byte {
	if r.err != nil || n < 0 || n > len(r.b) {
		if r.err == nil {
			r.err = errors.New("invalid format")
		}
		return make([]byte, min(max(n, 0), 8))
	}
	out := r.b[:n]
	r.b = r.b[n:]
	return out
}

func (r *reader) byte() byte     { return r.bytes(1)[0] }
func (r *reader) u32() uint32    { return binary.BigEndian.Uint32(r.bytes(4)) }
func (r *reader) u64() uint64    { return binary.BigEndian.Uint64(r.bytes(8)) }
func (r *reader) string() []byte { return r.bytes(int(r.u32())) }
func (r *reader) more() bool     { return r.err == nil && len(r.b) > 0 }

// revokedByKRL looks a key, and what stands behind a certificate, up in a
// binary list. An unknown section refuses: it may revoke more than we know.
func revokedByKRL(data []byte, key ssh.PublicKey) (bool, error) {
	r := &reader{b: data[len(krlMagic):]}
	if v := r.u32(); r.err == nil && v != 1 {
		return false, fmt.Errorf("KRL format version %d", v)
	}
	r.bytes(24)
	r.string()
	r.string()
	keys := []ssh.PublicKey{pubkey.Plain(key)}
	cert, _ := key.(*ssh.Certificate)
	if cert != nil {
		keys = append(keys, cert.SignatureKey)
	}
	found := false
	for r.more() {
		kind := r.byte()
		section := &reader{b: r.string()}
		switch kind {
		case krlCertificates:
			found = section.revokesCert(cert) || found
		case krlKey, krlSHA1, krlSHA256:
			for section.more() {
				name := section.string()
				found = found || slices.ContainsFunc(keys, func(k ssh.PublicKey) bool { return bytes.Equal(krlName(kind, k), name) })
			}
		case krlSignature:
			// ssh verifies none either, unless told whose.
		default:
			return false, fmt.Errorf("unsupported KRL section %d", kind)
		}
		if section.err != nil {
			return false, section.err
		}
	}
	return found, r.err
}

// krlName is what a section of a kind holds for a key.
func krlName(kind byte, key ssh.PublicKey) []byte {
	switch blob := key.Marshal(); kind {
	case krlSHA1:
		s := sha1.Sum(blob)
		return s[:]
	case krlSHA256:
		s := sha256.Sum256(blob)
		return s[:]
	default:
		return blob
	}
}

// revokesCert reads a section about the certificates of one authority, or of
// all, and reports whether it names cert.
func (r *reader) revokesCert(cert *ssh.Certificate) (found bool) {
	ca := r.string()
	r.string()
	ours := cert != nil && (len(ca) == 0 || bytes.Equal(ca, cert.SignatureKey.Marshal()))
	var serial uint64
	var id string
	if cert != nil {
		serial, id = cert.Serial, cert.KeyId
	}
	for r.more() {
		kind := r.byte()
		s := &reader{b: r.string()}
		switch kind {
		case krlSerials:
			for s.more() {
				found = s.u64() == serial && serial != 0 && ours || found
			}
		case krlRange:
			lo, hi := s.u64(), s.u64()
			found = lo <= serial && serial <= hi && serial != 0 && ours || found
		case krlBitmap:
			base, bits := s.u64(), s.string()
			i := serial - base
			found = serial >= base && i/8 < uint64(len(bits)) && bits[len(bits)-1-int(i/8)]>>(i%8)&1 == 1 && serial != 0 && ours || found
		case krlIDs:
			for s.more() {
				found = string(s.string()) == id && id != "" && ours || found
			}
		default:
			s.err = fmt.Errorf("unsupported KRL certificate section %d", kind)
		}
		if s.err != nil && r.err == nil {
			r.err = s.err
		}
	}
	return found
}
