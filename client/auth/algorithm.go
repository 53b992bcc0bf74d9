package auth

import (
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"
)

const certSuffix = "-cert-v01@openssh.com"

// signatureFormat is the format of the signatures of an algorithm: a
// certificate's are those of its key.
func signatureFormat(algorithm string) string {
	base, cert := strings.CutSuffix(algorithm, certSuffix)
	if cert && strings.HasPrefix(base, "sk-") {
		return base + "@openssh.com"
	}
	return base
}

func isCert(key ssh.PublicKey) bool {
	_, ok := key.(*ssh.Certificate)
	return ok
}

func isSK(key ssh.PublicKey) bool { return strings.HasPrefix(key.Type(), "sk-") }

// plainKey is the key in a certificate, or the key.
func plainKey(key ssh.PublicKey) ssh.PublicKey {
	if c, ok := key.(*ssh.Certificate); ok {
		return c.Key
	}
	return key
}

// algorithmsFor lists the algorithms by which a key can sign, best first.
func algorithmsFor(keyType string) []string {
	switch keyType {
	case "ssh-rsa":
		return []string{"rsa-sha2-512", "rsa-sha2-256", "ssh-rsa"}
	case "ssh-rsa" + certSuffix:
		return []string{"rsa-sha2-512" + certSuffix, "rsa-sha2-256" + certSuffix, keyType}
	}
	return []string{keyType}
}

// allowed reports whether the configuration lets a key of this type be used.
func (s *authentication) allowed(key ssh.PublicKey) bool {
	return slices.ContainsFunc(algorithmsFor(key.Type()), s.accepts)
}

func (s *authentication) accepts(algorithm string) bool {
	list := s.Host.PubkeyAcceptedAlgorithms
	return len(list) == 0 && !weak(algorithm) || slices.Contains(list, algorithm)
}

// weak algorithms are used only when asked for by name.
func weak(algorithm string) bool {
	base := signatureFormat(algorithm)
	return base == "ssh-rsa" || base == "ssh-dss"
}

// algorithm chooses how a key signs: the first of the user's list that the
// server has said it takes. An old server that says nothing gets SHA-1 only if
// the user named it, else what any server of the last ten years takes.
func (s *authentication) algorithm(key ssh.PublicKey) (string, bool) {
	mine := algorithmsFor(key.Type())
	value, said := s.c.Extension("server-sig-algs")
	if len(mine) == 1 {
		return mine[0], s.accepts(mine[0])
	}
	theirs := strings.Split(value, ",")
	list := s.Host.PubkeyAcceptedAlgorithms
	if len(list) == 0 {
		list = mine
	}
	for _, a := range list {
		if !slices.Contains(mine, a) || !s.accepts(a) {
			continue
		}
		if !said || slices.Contains(theirs, a) || slices.Contains(theirs, signatureFormat(a)) {
			return a, true
		}
	}
	return "", false
}
