// Package proof tells an offer of the keys that sshd let the user in by.
package proof

import (
	"crypto/sha256"
	"strings"

	"golang.org/x/crypto/ssh"

	"tssh/proxy/terms"
)

// Of is what an offer tells of a key that sshd let the user in by.
func Of(key ssh.PublicKey) terms.Key {
	c, ok := key.(*ssh.Certificate)
	if !ok {
		return terms.Key{Fingerprint: sha256.Sum256(key.Marshal())}
	}
	k := terms.Key{Fingerprint: sha256.Sum256(c.SignatureKey.Marshal()), Cert: &terms.Cert{Command: c.CriticalOptions["force-command"]}}
	for _, e := range []struct {
		name   string
		letter byte
	}{
		{"permit-pty", terms.PermitsPTY}, {"permit-port-forwarding", terms.PermitsPorts}, {"permit-agent-forwarding", terms.PermitsAgent},
		{"permit-X11-forwarding", terms.PermitsX11}, {"permit-user-rc", terms.PermitsUserRC},
	} {
		if _, ok := c.Extensions[e.name]; ok {
			k.Cert.Permits += string(e.letter)
		}
	}
	room := terms.MaxPrincipals
	for _, p := range c.ValidPrincipals {
		if room -= len(p) + 1; room < 0 {
			break
		}
		if !strings.ContainsRune(p, 0) {
			k.Cert.Principals = append(k.Cert.Principals, p)
		}
	}
	return k
}
