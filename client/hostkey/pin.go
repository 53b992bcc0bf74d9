package hostkey

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"sync"

	"tssh/proxy/pubkey"

	"golang.org/x/crypto/ssh"
)

// Pin is by what a host was trusted when a session began. A login that is made
// again for that session is made with nobody watching, gives away what the user
// typed, and goes to whoever answers now: so it takes that same host, and none
// that the configuration would let pass as a new one.
type Pin struct {
	key       ssh.PublicKey // without its certificate
	authority ssh.PublicKey // by which it was trusted; nil: for itself
	revoked   bool          // and let pass all the same
	distrust  bool          // it was given nothing then, and is given nothing now

	mu     sync.Mutex      // guards what follows
	proved []ssh.PublicKey // others that the host, trusted, showed to have
}

// Pin returns by what Check trusted the host's key.
func (c *Checker) Pin() *Pin { return c.pin }

// has reports whether a key is the host's own.
func (p *Pin) has(key ssh.PublicKey) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	blob := pubkey.Plain(key).Marshal()
	return slices.ContainsFunc(append(p.proved, p.key), func(k ssh.PublicKey) bool { return bytes.Equal(k.Marshal(), blob) })
}

// add takes keys in that the host proved to have over the connection that was
// trusted: it may be about to change to one of them.
func (p *Pin) add(keys []ssh.PublicKey) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.proved = append(p.proved, keys...)
}

// CheckAgain decides about the key that a host showed to a login which is made
// again. It must be the host's own, or, where an authority vouched for the
// host, be one for which the same authority does so now: certificates are made
// for hours, and new keys with them. Nothing that the configuration says makes
// up for that, but what was revoked since is refused.
func (c *Checker) CheckAgain(key ssh.PublicKey, p *Pin) error {
	c.pin = p
	if p.distrust {
		c.distrust()
	}
	c.logKey(key, pubkey.Fingerprint(key, c.h.FingerprintHash))
	if n := pubkey.RSABits(key); n > 0 && n < c.h.RequiredRSASize {
		return Refused{"Server host key: Invalid key length"}
	}
	fp := pubkey.Fingerprint(pubkey.Plain(key), c.h.FingerprintHash)
	for _, file := range c.h.RevokedHostKeys {
		if found, err := revokedByFile(file, key); err != nil || found {
			return Refused{fmt.Sprintf("%s host key for %s, %s: revoked by file %s", pubkey.TypeName(key), c.name, fp, file)}
		}
	}
	if isRevoked(c.entries, key) && !p.revoked {
		return Refused{fmt.Sprintf("%s host key for %s, %s: marked as revoked", pubkey.TypeName(key), c.name, fp)}
	}
	if p.has(key) {
		return nil
	}
	if cert, ok := key.(*ssh.Certificate); ok && p.authority != nil &&
		bytes.Equal(cert.SignatureKey.Marshal(), p.authority.Marshal()) && c.checkCertificate(cert) {
		return nil
	}
	return Refused{fmt.Sprintf("%s host key for %s is %s, not the one that was trusted when the session began, %s",
		pubkey.TypeName(key), c.name, fp, pubkey.Fingerprint(p.key, c.h.FingerprintHash))}
}

// AlgorithmsAgain returns the host key algorithms to offer when a login is made
// again: first those of the host's own keys, as a server with several would
// show another one.
func (c *Checker) AlgorithmsAgain(p *Pin) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var first, second, last []string
	for _, name := range c.h.HostKeyAlgorithms {
		switch base, cert := keyType(name); {
		case p.authority != nil && cert, base == p.key.Type():
			first = append(first, name)
		case slices.ContainsFunc(p.proved, func(k ssh.PublicKey) bool { return k.Type() == base }):
			second = append(second, name)
		default:
			last = append(last, name)
		}
	}
	return slices.Concat(first, second, last)
}

// keyType returns the type of key that an algorithm is for, a certificate's
// being its key's.
func keyType(algorithm string) (base string, cert bool) {
	base, cert = strings.CutSuffix(algorithm, "-cert-v01@openssh.com")
	switch {
	case strings.HasPrefix(base, "rsa-sha2-"):
		base = "ssh-rsa"
	case cert && strings.HasPrefix(base, "sk-"):
		base += "@openssh.com"
	}
	return base, cert
}
