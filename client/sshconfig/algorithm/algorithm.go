// Package algorithm knows the names of the algorithms of SSH: those that
// OpenSSH has, those of them that this program can do, and how a list such as
// "+ssh-rsa" or "^aes256-ctr" is put together.
package algorithm

import (
	"slices"
	"strings"
)

// Kind is what an algorithm is for.
type Kind int

// The kinds, each with its own list of names.
const (
	Cipher    Kind = iota
	MAC            // message authentication
	Kex            // key exchange
	Signature      // of host keys and users' keys, certificates too
	CA             // signatures on certificates
)

// set is what is known of one kind, in the order in which OpenSSH lists it.
type set struct {
	known    []string // by OpenSSH of any version still about: accepted in a list
	defaults []string // offered unless the user says otherwise, best first
	missing  []string // known, and not in this program
}

// sets is not changed. It names what we cannot do too, so that a configuration
// written for OpenSSH is valid here and prints as it does there; Able strikes
// that out of what is offered.
var sets = [...]set{
	Cipher: {
		known: words(`3des-cbc aes128-cbc aes192-cbc aes256-cbc rijndael-cbc@lysator.liu.se
			aes128-ctr aes192-ctr aes256-ctr aes128-gcm@openssh.com aes256-gcm@openssh.com
			chacha20-poly1305@openssh.com`),
		defaults: words(`chacha20-poly1305@openssh.com aes128-gcm@openssh.com
			aes256-gcm@openssh.com aes128-ctr aes192-ctr aes256-ctr`),
		missing: words(`rijndael-cbc@lysator.liu.se`),
	},
	MAC: {
		known: words(`hmac-sha1 hmac-sha1-96 hmac-sha2-256 hmac-sha2-512 hmac-md5 hmac-md5-96
			umac-64@openssh.com umac-128@openssh.com hmac-sha1-etm@openssh.com
			hmac-sha1-96-etm@openssh.com hmac-sha2-256-etm@openssh.com
			hmac-sha2-512-etm@openssh.com hmac-md5-etm@openssh.com
			hmac-md5-96-etm@openssh.com umac-64-etm@openssh.com umac-128-etm@openssh.com`),
		defaults: words(`umac-64-etm@openssh.com umac-128-etm@openssh.com
			hmac-sha2-256-etm@openssh.com hmac-sha2-512-etm@openssh.com
			hmac-sha1-etm@openssh.com umac-64@openssh.com umac-128@openssh.com
			hmac-sha2-256 hmac-sha2-512 hmac-sha1`),
		missing: words(`umac-64@openssh.com umac-128@openssh.com
			umac-64-etm@openssh.com umac-128-etm@openssh.com`),
	},
	Kex: {
		known: words(`diffie-hellman-group1-sha1 diffie-hellman-group14-sha1
			diffie-hellman-group14-sha256 diffie-hellman-group16-sha512
			diffie-hellman-group18-sha512 diffie-hellman-group-exchange-sha1
			diffie-hellman-group-exchange-sha256 ecdh-sha2-nistp256 ecdh-sha2-nistp384
			ecdh-sha2-nistp521 curve25519-sha256 curve25519-sha256@libssh.org
			sntrup761x25519-sha512 sntrup761x25519-sha512@openssh.com mlkem768x25519-sha256`),
		defaults: words(`mlkem768x25519-sha256 sntrup761x25519-sha512
			sntrup761x25519-sha512@openssh.com curve25519-sha256
			curve25519-sha256@libssh.org ecdh-sha2-nistp256 ecdh-sha2-nistp384
			ecdh-sha2-nistp521 diffie-hellman-group-exchange-sha256
			diffie-hellman-group16-sha512 diffie-hellman-group18-sha512
			diffie-hellman-group14-sha256`),
		missing: words(`sntrup761x25519-sha512 sntrup761x25519-sha512@openssh.com`),
	},
	Signature: {
		known: words(`ssh-ed25519 ssh-ed25519-cert-v01@openssh.com
			sk-ssh-ed25519@openssh.com sk-ssh-ed25519-cert-v01@openssh.com
			ecdsa-sha2-nistp256 ecdsa-sha2-nistp256-cert-v01@openssh.com
			ecdsa-sha2-nistp384 ecdsa-sha2-nistp384-cert-v01@openssh.com
			ecdsa-sha2-nistp521 ecdsa-sha2-nistp521-cert-v01@openssh.com
			sk-ecdsa-sha2-nistp256@openssh.com sk-ecdsa-sha2-nistp256-cert-v01@openssh.com
			webauthn-sk-ecdsa-sha2-nistp256@openssh.com
			webauthn-sk-ecdsa-sha2-nistp256-cert-v01@openssh.com
			ssh-mldsa44-ed25519 ssh-mldsa44-ed25519-cert
			ssh-dss ssh-dss-cert-v01@openssh.com ssh-rsa ssh-rsa-cert-v01@openssh.com
			rsa-sha2-256 rsa-sha2-256-cert-v01@openssh.com
			rsa-sha2-512 rsa-sha2-512-cert-v01@openssh.com`),
		defaults: words(`ssh-ed25519-cert-v01@openssh.com
			ecdsa-sha2-nistp256-cert-v01@openssh.com ecdsa-sha2-nistp384-cert-v01@openssh.com
			ecdsa-sha2-nistp521-cert-v01@openssh.com sk-ssh-ed25519-cert-v01@openssh.com
			sk-ecdsa-sha2-nistp256-cert-v01@openssh.com rsa-sha2-512-cert-v01@openssh.com
			rsa-sha2-256-cert-v01@openssh.com ssh-ed25519 ecdsa-sha2-nistp256
			ecdsa-sha2-nistp384 ecdsa-sha2-nistp521 sk-ssh-ed25519@openssh.com
			sk-ecdsa-sha2-nistp256@openssh.com rsa-sha2-512 rsa-sha2-256`),
		missing: words(`webauthn-sk-ecdsa-sha2-nistp256@openssh.com
			webauthn-sk-ecdsa-sha2-nistp256-cert-v01@openssh.com
			ssh-mldsa44-ed25519 ssh-mldsa44-ed25519-cert`),
	},
	CA: {
		known: words(`ssh-ed25519 sk-ssh-ed25519@openssh.com ecdsa-sha2-nistp256
			ecdsa-sha2-nistp384 ecdsa-sha2-nistp521 sk-ecdsa-sha2-nistp256@openssh.com
			webauthn-sk-ecdsa-sha2-nistp256@openssh.com ssh-dss ssh-rsa rsa-sha2-256
			rsa-sha2-512 ssh-mldsa44-ed25519`),
		defaults: words(`ssh-ed25519 ecdsa-sha2-nistp256 ecdsa-sha2-nistp384
			ecdsa-sha2-nistp521 sk-ssh-ed25519@openssh.com
			sk-ecdsa-sha2-nistp256@openssh.com rsa-sha2-512 rsa-sha2-256`),
		missing: words(`webauthn-sk-ecdsa-sha2-nistp256@openssh.com ssh-mldsa44-ed25519`),
	},
}

func words(s string) []string { return strings.Fields(s) }

// Supported returns all of a kind that this program can do, the weak ones too.
func Supported(k Kind) []string { return Able(k, sets[k].known) }

// Able keeps those of the names that this program can do: our transport, x/crypto's
// keys, and the security keys, for which ssh-sk-helper or the agent signs.
func Able(k Kind, names []string) (kept []string) {
	for _, n := range names {
		if slices.Contains(sets[k].known, n) && !slices.Contains(sets[k].missing, n) {
			kept = append(kept, n)
		}
	}
	return kept
}
