package auth

import (
	"bytes"
	"errors"
	"io/fs"
	"iter"
	"os"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"

	"tssh/proxy/pubkey"
)

// identity is one key that may be tried.
type identity struct {
	file   string        // the private key's, or of a certificate; the agent's comment
	key    ssh.PublicKey // nil: only the private file can tell
	agent  bool          // the agent holds it
	chosen bool          // the user named the file
	tried  bool
}

// keyring is the list of keys to try, in ssh's order: those that the user
// named and the agent holds, the agent's others, the files.
type keyring struct {
	agent *agentConn
	list  []*identity
}

func (k *keyring) close() {
	if k.agent != nil {
		k.agent.conn.Close()
	}
}

// again makes all keys untried: after a partial success another round begins.
func (k *keyring) again() {
	if k == nil {
		return
	}
	for _, id := range k.list {
		id.tried = false
	}
}

// open gathers the keys.
func (s *authentication) open() *keyring {
	if s.keys != nil {
		return s.keys
	}
	s.keys = new(keyring)
	files := s.identityFiles()
	preferred := s.certificateFiles()
	if s.keys.agent = s.openAgent(); s.keys.agent != nil {
		var others []*identity
		keys, comments := s.keys.agent.list(s)
		for i, key := range keys {
			at := slices.IndexFunc(files, func(id *identity) bool { return id.key != nil && sameKey(id.key, key) })
			switch {
			case at >= 0:
				files[at].agent = true
				preferred = append(preferred, files[at])
				files = slices.Delete(files, at, at+1)
			case !s.Host.IdentitiesOnly:
				others = append(others, &identity{file: comments[i], key: key, agent: true})
			}
		}
		preferred = append(preferred, others...)
	}
	for _, id := range append(preferred, files...) {
		if id.key != nil && !s.allowed(id.key) {
			s.Log.Debugf("Skipping %s key %s - corresponding algorithm not in PubkeyAcceptedAlgorithms", id.key.Type(), id.file)
			continue
		}
		if n := rsaBits(id.key); n > 0 && n < s.Host.RequiredRSASize {
			s.Log.Debugf("Skipping %s key %s: Invalid key length", id.key.Type(), id.file)
			continue
		}
		s.keys.list = append(s.keys.list, id)
		s.Log.Debugf("Will attempt key: %s", s.describe(id))
	}
	return s.keys
}

// List describes the keys that a login would try, in their order.
func List(cfg Config) (lines []string) {
	s := &authentication{Config: cfg}
	defer s.open().close()
	for _, id := range s.keys.list {
		lines = append(lines, s.describe(id))
	}
	return lines
}

// rsaBits is the size of an RSA key, 0 for others and for none.
func rsaBits(key ssh.PublicKey) int {
	if key == nil {
		return 0
	}
	return pubkey.RSABits(key)
}

func sameKey(a, b ssh.PublicKey) bool { return bytes.Equal(a.Marshal(), b.Marshal()) }

// identityFiles reads the public halves of the files of IdentityFile, and of
// the certificates beside them unless CertificateFile names others.
func (s *authentication) identityFiles() (ids []*identity) {
	h := s.Host
	for file := range s.expanded("identityfile", h.IdentityFile) {
		key := readPublic(file)
		s.Log.Debugf("identity file %s type %d", file, typeNumber(key))
		if s.usable(key, file) {
			ids = append(ids, &identity{file: file, key: key, chosen: h.IdentityFileSet})
		}
		if len(h.CertificateFile) > 0 {
			continue
		}
		cert := readPublic(file + "-cert")
		s.Log.Debugf("identity file %s type %d", file+"-cert", typeNumber(cert))
		if cert != nil && isCert(cert) && s.usable(cert, file) {
			ids = append(ids, &identity{file: file, key: cert, chosen: h.IdentityFileSet})
		}
	}
	return ids
}

// expanded gives the files that a keyword names, but for "none".
func (s *authentication) expanded(keyword string, names []string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, name := range names {
			file, err := s.Host.Expand(keyword, name, nil)
			switch {
			case err != nil:
				s.Log.Errorf("%v", err)
			case file != "none" && !yield(file):
				return
			}
		}
	}
}

// typeNumber stands for the key's type in the log: -1 means none.
func typeNumber(key ssh.PublicKey) int {
	if key == nil {
		return -1
	}
	return slices.Index([]string{"RSA", "DSA", "ECDSA", "ED25519", "RSA-CERT", "DSA-CERT", "ECDSA-CERT", "ED25519-CERT",
		"", "", "ECDSA-SK", "ECDSA-SK-CERT", "ED25519-SK", "ED25519-SK-CERT"}, pubkey.TypeName(key))
}

// usable refuses hosts' certificates, and tokens where nothing speaks to them.
func (s *authentication) usable(key ssh.PublicKey, file string) bool {
	if c, ok := key.(*ssh.Certificate); ok && c.CertType != ssh.UserCert {
		s.Log.Debugf("pubkey_prepare: ignoring certificate %s: not a user certificate", file)
		return false
	}
	if key != nil && isSK(key) && s.Host.SecurityKeyProvider == "" {
		s.Log.Debugf("pubkey_prepare: ignoring authenticator-hosted key %s as no SecurityKeyProvider has been specified", file)
		return false
	}
	return true
}

func (s *authentication) certificateFiles() (ids []*identity) {
	for file := range s.expanded("certificatefile", s.Host.CertificateFile) {
		key := readPublic(file)
		s.Log.Debugf("certificate file %s type %d", file, typeNumber(key))
		if key == nil {
			continue
		}
		if !isCert(key) {
			s.Log.Errorf("load_public_identity_files: key %s type %s is not a certificate", file, pubkey.TypeName(key))
			continue
		}
		if s.usable(key, file) {
			ids = append(ids, &identity{file: file, key: key, chosen: true})
		}
	}
	return ids
}

// readPublic returns the public key that goes with a file: of the file itself
// when that is public, else of the file beside it, else of OpenSSH's format of
// private keys, which has it in the clear. Nil when there is none.
func readPublic(file string) ssh.PublicKey {
	private, err := os.ReadFile(file)
	if err == nil {
		if key := parsePublic(private); key != nil {
			return key
		}
	}
	if b, err := os.ReadFile(file + ".pub"); err == nil {
		if key := parsePublic(b); key != nil {
			return key
		}
	}
	return publicOfPrivate(private)
}

func parsePublic(b []byte) ssh.PublicKey {
	if len(b) > 1<<20 {
		return nil
	}
	for line := range strings.Lines(string(b)) {
		if key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(line)); err == nil {
			return key
		}
	}
	return nil
}

// describe is a key in the log: name, type, fingerprint, and where it is from.
func (s *authentication) describe(id *identity) string {
	text := id.file
	if id.key != nil {
		text += " " + pubkey.TypeName(id.key) + " " + pubkey.Fingerprint(id.key, s.Host.FingerprintHash)
	}
	if id.chosen {
		text += " explicit"
	}
	if id.agent {
		text += " agent"
	}
	return text
}

func isMissing(err error) bool { return errors.Is(err, fs.ErrNotExist) }
