package transport

import (
	"slices"
	"strings"

	"tssh/proxy/visible"
)

// kexInit is SSH_MSG_KEXINIT.
type kexInit struct {
	Cookie       [16]byte `sshtype:"20"`
	Kex          []string
	HostKey      []string
	CipherOut    []string // client to server
	CipherIn     []string
	MACOut       []string
	MACIn        []string
	CompressOut  []string
	CompressIn   []string
	LanguageOut  []string
	LanguageIn   []string
	FirstFollows bool
	Reserved     uint32
	Unknown      []byte `ssh:"rest"` // of versions to come
}

// Algorithms is what both sides agreed on.
type Algorithms struct {
	Kex, HostKey            string
	CipherOut, CipherIn     string
	MACOut, MACIn           string // "" with an AEAD cipher
	CompressOut, CompressIn string
}

// NoMatch means that client and server have no algorithm of one kind in
// common.
type NoMatch struct {
	Kind  string // as ssh names it: "key exchange method", "host key type"
	Offer []string
}

func (e *NoMatch) Error() string {
	return "no matching " + e.Kind + " found. Their offer: " + visible.Line(strings.Join(e.Offer, ","))
}

// markers are names in the list of key exchanges that are none.
func markers() []string {
	return []string{"ext-info-c", "ext-info-s", "kex-strict-c-v00@openssh.com", "kex-strict-s-v00@openssh.com"}
}

// negotiate takes the client's first choice that the server has too.
func negotiate(client, server *kexInit) (a Algorithms, err error) {
	choose := func(kind string, ours, theirs []string) (chosen string) {
		for _, name := range ours {
			if slices.Contains(theirs, name) && !slices.Contains(markers(), name) {
				return name
			}
		}
		if err == nil {
			err = &Error{Reason: Refused, Err: &NoMatch{kind, theirs}}
		}
		return ""
	}
	a.Kex = choose("key exchange method", client.Kex, server.Kex)
	a.HostKey = choose("host key type", client.HostKey, server.HostKey)
	a.CipherOut = choose("cipher", client.CipherOut, server.CipherOut)
	a.CipherIn = choose("cipher", client.CipherIn, server.CipherIn)
	if s, ok := suiteNamed(a.CipherOut); ok && !s.aead {
		a.MACOut = choose("MAC", client.MACOut, server.MACOut)
	}
	if s, ok := suiteNamed(a.CipherIn); ok && !s.aead {
		a.MACIn = choose("MAC", client.MACIn, server.MACIn)
	}
	a.CompressOut = choose("compression method", client.CompressOut, server.CompressOut)
	a.CompressIn = choose("compression method", client.CompressIn, server.CompressIn)
	return a, err
}

// Supported lists what this package can speak, in the order that it would
// offer, for "-Q" and for the defaults of the configuration.
type Supported struct{ Kex, Ciphers, MACs []string }

// Everything is all that can be asked for by name.
func Everything() Supported { return supported(true) }

// Sound is Everything without what is known to be weak: the defaults.
func Sound() Supported { return supported(false) }

// AuthenticatedCiphers lists the ciphers that need no MAC.
func AuthenticatedCiphers() (names []string) {
	for _, s := range suites() {
		if s.aead {
			names = append(names, s.name)
		}
	}
	return names
}

func supported(all bool) (s Supported) {
	for _, k := range kexAlgorithms() {
		if all || !k.legacy {
			s.Kex = append(s.Kex, k.name)
		}
	}
	for _, c := range suites() {
		if all || !c.legacy {
			s.Ciphers = append(s.Ciphers, c.name)
		}
	}
	for _, m := range digests() {
		if all || !m.legacy {
			s.MACs = append(s.MACs, m.name)
		}
	}
	return s
}

// able keeps the names that have an implementation: the configuration may
// well name others, which ssh has and we have not.
func able(names, known []string) (kept []string) {
	for _, name := range names {
		if slices.Contains(known, name) && !slices.Contains(kept, name) {
			kept = append(kept, name)
		}
	}
	return kept
}
