package hostkey

import (
	"slices"
	"strings"
)

// Algorithms returns the host key algorithms to offer, those first by which
// the host is known: otherwise a server with several keys may show one that is
// not, and the user would be asked about a host met before.
func (c *Checker) Algorithms() []string {
	all := c.h.HostKeyAlgorithms
	if c.h.HostKeyAlgorithmsSet || len(all) == 0 {
		return all
	}
	if c.knownType(all[0]) {
		c.log.Debug3f("order_hostkeyalgs: have matching best-preference key type %s, using HostkeyAlgorithms verbatim", all[0])
		return all
	}
	hasCA := slices.ContainsFunc(c.entries, func(e entry) bool { return e.marker == authority })
	var first, last []string
	for _, name := range all {
		if c.knownType(name) || hasCA && strings.HasSuffix(name, "-cert-v01@openssh.com") {
			first = append(first, name)
		} else {
			last = append(last, name)
		}
	}
	if len(first) > 0 {
		c.log.Debug3f("order_hostkeyalgs: prefer hostkeyalgs: %s", strings.Join(first, ","))
	}
	return append(first, last...)
}

// knownType reports whether a key is known of the type that an algorithm is
// for, a certificate's counting as its key's.
func (c *Checker) knownType(algorithm string) bool {
	base, _ := keyType(algorithm)
	return slices.ContainsFunc(c.entries, func(e entry) bool { return e.marker == plain && e.key.Type() == base })
}
