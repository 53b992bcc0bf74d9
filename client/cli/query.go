package cli

import (
	"fmt"
	"slices"
	"strings"

	"tssh/client/sshconfig/algorithm"
)

// answers are what -Q lists, by its terms in lower case. One is ours, and not in
// the help: compat, the text of COMPAT.md.
var answers = map[string]func() []string{
	"help":             func() []string { return queries },
	"cipher":           func() []string { return algorithm.Supported(algorithm.Cipher) },
	"ciphers":          func() []string { return algorithm.Supported(algorithm.Cipher) },
	"cipher-auth":      authenticated,
	"compression":      func() []string { return []string{"none", "zlib@openssh.com"} },
	"mac":              func() []string { return algorithm.Supported(algorithm.MAC) },
	"macs":             func() []string { return algorithm.Supported(algorithm.MAC) },
	"kex":              func() []string { return algorithm.Supported(algorithm.Kex) },
	"kexalgorithms":    func() []string { return algorithm.Supported(algorithm.Kex) },
	"kex-gss":          func() []string { return nil },
	"key":              func() []string { return signatures(isKey) },
	"key-cert":         func() []string { return signatures(func(n string) bool { return isKey(n) && isCert(n) }) },
	"key-plain":        func() []string { return signatures(func(n string) bool { return isKey(n) && !isCert(n) }) },
	"key-sig":          allSignatures,
	"key-ca-sign":      func() []string { return algorithm.Supported(algorithm.CA) },
	"sig":              func() []string { return algorithm.Supported(algorithm.CA) },
	"protocol-version": func() []string { return []string{"2"} },
	"compat":           func() []string { return strings.Split(strings.TrimSuffix(Compat(), "\n"), "\n") },

	"casignaturealgorithms":       func() []string { return algorithm.Supported(algorithm.CA) },
	"hostbasedacceptedalgorithms": allSignatures,
	"hostbasedkeytypes":           allSignatures,
	"hostbasedacceptedkeytypes":   allSignatures,
	"hostkeyalgorithms":           allSignatures,
	"pubkeyacceptedalgorithms":    allSignatures,
	"pubkeyacceptedkeytypes":      allSignatures,
}

// queries are those that -Q help lists.
var queries = []string{"cipher", "cipher-auth", "compression", "kex", "kex-gss", "key", "key-cert",
	"key-plain", "key-sig", "mac", "protocol-version", "sig"}

// Answer returns what -Q prints for a term, a line each.
func Answer(term string) ([]string, error) {
	answer := answers[strings.ToLower(term)]
	// The short terms are told apart by case, the names of keywords are not.
	if answer == nil || slices.Contains(queries, strings.ToLower(term)) && strings.ToLower(term) != term {
		return nil, &Error{Text: fmt.Sprintf("Unsupported query %q", term)}
	}
	return answer(), nil
}

func authenticated() []string {
	return slices.DeleteFunc(algorithm.Supported(algorithm.Cipher), func(n string) bool {
		return !strings.Contains(n, "gcm") && !strings.Contains(n, "poly1305")
	})
}

func allSignatures() []string { return algorithm.Supported(algorithm.Signature) }

func signatures(which func(string) bool) []string {
	return slices.DeleteFunc(allSignatures(), func(n string) bool { return !which(n) })
}

// isKey tells the types of keys from other ways of signing with them.
func isKey(n string) bool {
	return !strings.HasPrefix(n, "rsa-sha2-") && !strings.HasPrefix(n, "webauthn-")
}

func isCert(n string) bool { return strings.Contains(n, "-cert-v01@") }
