package terms

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
)

const (
	maxKeys  = 4   // a login asks for one, rarely for two
	maxNames = 400 // bytes of all principals, as they are sent: csh must take the offer as one word
)

// MaxPrincipals is how many bytes of a certificate's principals are sent.
const MaxPrincipals = 256

// Key is a public key that sshd let the user in by: what its limits on the
// server depend on, and no more.
type Key struct {
	Fingerprint [sha256.Size]byte // of the key; of a certificate, that of its authority's key
	Cert        *Cert             // nil: a plain key
}

// Cert is what a certificate itself says of its limits.
type Cert struct {
	Permits    string   // a letter for each extension that permits something
	Principals []string // as many as there is room for
	Command    string   // force-command; never sent, as sshd then runs that and not us
}

// The letters of Cert.Permits.
const (
	PermitsPTY    = 'p'
	PermitsPorts  = 'f'
	PermitsAgent  = 'a'
	PermitsX11    = 'x'
	PermitsUserRC = 'r'
)

// keyWords writes keys for an offer. Where there is no room for principals, it
// writes the rest.
func keyWords(keys []Key) string {
	words := make([]string, min(len(keys), maxKeys))
	room := maxNames
	for i := range words {
		words[i] = base64.RawURLEncoding.EncodeToString(keys[i].Fingerprint[:])
		if c := keys[i].Cert; c != nil {
			words[i] += "." + c.Permits + "."
			principals := base64.RawURLEncoding.EncodeToString([]byte(strings.Join(c.Principals, "\x00")))
			if room -= len(principals); room >= 0 {
				words[i] += principals
			}
		}
	}
	return strings.Join(words, ",")
}

// parseKeys reads what keyWords wrote. As in the offer itself, what a later
// release adds is skipped.
func parseKeys(words string) (keys []Key, err error) {
	if words == "" {
		return nil, nil
	}
	if strings.Count(words, ",") >= maxKeys {
		return nil, fmt.Errorf("more than %d keys", maxKeys)
	}
	for word := range strings.SplitSeq(words, ",") {
		k, err := parseKey(word)
		if err != nil {
			return nil, err
		}
		keys = append(keys, k)
	}
	return keys, nil
}

func parseKey(word string) (k Key, err error) {
	parts := strings.Split(word, ".")
	if k.Fingerprint, err = parsePin(parts[0]); err != nil || len(parts) == 1 {
		return k, err
	}
	if len(parts) < 3 {
		return Key{}, errors.New("a certificate without its principals")
	}
	if strings.Trim(parts[1], "abcdefghijklmnopqrstuvwxyz") != "" {
		return Key{}, fmt.Errorf("%q is not what a certificate permits", parts[1])
	}
	k.Cert = &Cert{Permits: parts[1]}
	text, err := base64.RawURLEncoding.Strict().DecodeString(parts[2])
	if err != nil || len(text) > MaxPrincipals {
		return Key{}, errors.New("principals that are malformed or too long")
	}
	if len(text) > 0 {
		k.Cert.Principals = strings.Split(string(text), "\x00")
	}
	return k, nil
}

// Has says whether the certificate has the extension of that letter.
func (c *Cert) Has(letter byte) bool { return strings.IndexByte(c.Permits, letter) >= 0 }

// Names says whether the certificate is for one of these principals.
func (c *Cert) Names(principals ...string) bool {
	return slices.ContainsFunc(c.Principals, func(p string) bool { return slices.Contains(principals, p) })
}
