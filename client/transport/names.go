package transport

import (
	"cmp"
	"strings"

	"tssh/proxy/visible"
)

const certSuffix = "-cert-v01@openssh.com"

// KeyType is the type of the key that a public key algorithm belongs to:
// "ssh-rsa" for "rsa-sha2-512".
func KeyType(algorithm string) string {
	switch strings.TrimSuffix(algorithm, certSuffix) {
	case "rsa-sha2-256", "rsa-sha2-512":
		if strings.HasSuffix(algorithm, certSuffix) {
			return "ssh-rsa" + certSuffix
		}
		return "ssh-rsa"
	}
	return algorithm
}

// SignatureType is the format of the signatures that an algorithm makes: a
// certificate signs as the key in it does.
func SignatureType(algorithm string) string {
	base, cert := strings.CutSuffix(algorithm, certSuffix)
	if cert && strings.HasPrefix(base, "sk-") {
		return base + "@openssh.com"
	}
	return base
}

func (c *Conn) logProposal(whose string, m *kexInit) {
	c.log.Debug2f("%s KEXINIT proposal", whose)
	for _, l := range []struct {
		what  string
		names []string
	}{
		{"KEX algorithms", m.Kex}, {"host key algorithms", m.HostKey},
		{"ciphers ctos", m.CipherOut}, {"ciphers stoc", m.CipherIn},
		{"MACs ctos", m.MACOut}, {"MACs stoc", m.MACIn},
		{"compression ctos", m.CompressOut}, {"compression stoc", m.CompressIn},
	} {
		c.log.Debug2f("%s: %s", l.what, visible.Line(strings.Join(l.names, ",")))
	}
}

func (c *Conn) logAgreed(a Algorithms) {
	c.log.Debugf("kex: algorithm: %s", a.Kex)
	c.log.Debugf("kex: host key algorithm: %s", a.HostKey)
	c.log.Debugf("kex: server->client cipher: %s MAC: %s compression: %s", a.CipherIn, cmp.Or(a.MACIn, "<implicit>"), a.CompressIn)
	c.log.Debugf("kex: client->server cipher: %s MAC: %s compression: %s", a.CipherOut, cmp.Or(a.MACOut, "<implicit>"), a.CompressOut)
}
