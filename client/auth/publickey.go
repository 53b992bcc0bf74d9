package auth

import (
	"bytes"
	"errors"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"

	"tssh/client/owner"
)

const (
	plainMethod = "publickey"
	// boundMethod signs the host's key too, so that an agent can tell for
	// which host the signature is.
	boundMethod = "publickey-hostbound-v00@openssh.com"
)

// tryKey is the method of RFC 4252, section 7, for the next key.
func (s *authentication) tryKey() (outcome, error) {
	ring := s.open()
	for _, id := range ring.list {
		if id.tried {
			continue
		}
		id.tried = true
		o, err := s.tryIdentity(id)
		if err != nil || o.sent {
			return o, err
		}
		if o.unfit && !s.answered {
			// What the server takes of this user may be more than it takes
			// of everybody; it says so with its first answer.
			id.tried = false
			return outcome{}, nil
		}
	}
	return outcome{}, nil
}

func (s *authentication) tryIdentity(id *identity) (outcome, error) {
	if id.key == nil {
		return s.tryPrivate(id)
	}
	algorithm, ok := s.algorithm(id.key)
	if !ok {
		if err := s.awaitService(); err != nil {
			return outcome{}, err
		}
		if algorithm, ok = s.algorithm(id.key); !ok {
			s.Log.Debugf("send_pubkey_test: no mutual signature algorithm")
			return outcome{unfit: true}, nil
		}
	}
	if s.signsFreely(id) {
		s.Log.Debugf("Offering public key: %s", s.describe(id))
		if sign := s.signer(id); sign != nil {
			return s.prove(id.key, algorithm, sign, id)
		}
		return outcome{}, nil
	}
	s.Log.Debugf("Offering public key: %s", s.describe(id))
	accepted, o, err := s.show(id, algorithm)
	if err != nil || !accepted {
		return o, err
	}
	s.Log.Debugf("Server accepts key: %s", s.describe(id))
	sign := s.signer(id)
	if sign == nil {
		return outcome{}, nil
	}
	return s.prove(id.key, algorithm, sign, id)
}

// tryPrivate handles a file of which only the private key is there.
func (s *authentication) tryPrivate(id *identity) (outcome, error) {
	s.Log.Debugf("Trying private key: %s", id.file)
	k := s.load(id)
	if k == nil {
		return outcome{}, nil
	}
	if err := s.awaitService(); err != nil { // RSA keys need to know the extensions
		return outcome{}, err
	}
	algorithm, ok := s.algorithm(k.public)
	if !ok {
		s.Log.Debugf("sign_and_send_pubkey: no mutual signature supported")
		return outcome{unfit: true}, nil
	}
	return s.prove(k.public, algorithm, k.sign, id)
}

// signsFreely reports whether a signature costs nobody anything: no touch, no
// passphrase, no question of an agent about a key that the server may not
// even want. Then it goes out at once, and a round trip is saved.
func (s *authentication) signsFreely(id *identity) bool {
	_, said := s.c.Extension("server-sig-algs")
	if !said || isSK(id.key) {
		return false
	}
	if id.agent {
		// The agent may be set to ask the user. For a key that the
		// configuration names for this host that is the expected question.
		return id.chosen
	}
	k := s.Memory.key(id.file)
	if k == nil {
		if owner.Exposed(id.file) {
			return false // a word is due about it, if the server wants the key
		}
		k, _ = readPrivate(id.file, nil)
	}
	return k != nil && !isSK(k.public) && sameKey(k.public, plainKey(id.key))
}

// show asks whether the server would take a key.
func (s *authentication) show(id *identity, algorithm string) (accepted bool, o outcome, err error) {
	blob := id.key.Marshal()
	if err := s.request(plainMethod, ssh.Marshal(&struct {
		Signed    bool
		Algorithm string
		Key       []byte
	}{false, algorithm, blob})); err != nil {
		return false, o, err
	}
	p, err := s.reply()
	if err != nil {
		return false, o, err
	}
	if p[0] != msgSpecific {
		o, err = s.judge(p)
		return false, o, err
	}
	var m struct {
		Algorithm string `sshtype:"60"`
		Key       []byte
		Rest      []byte `ssh:"rest"`
	}
	if err := ssh.Unmarshal(p, &m); err != nil {
		return false, o, err
	}
	if !bytes.Equal(m.Key, blob) {
		s.Log.Debugf("input_userauth_pk_ok: key does not match the one offered")
		return false, outcome{}, nil
	}
	return true, o, nil
}

type signFunc func(data []byte, algorithm string) (*ssh.Signature, error)

// signer finds who can sign with an identity; nil when nobody can.
func (s *authentication) signer(id *identity) signFunc {
	if id.agent {
		return func(data []byte, algorithm string) (*ssh.Signature, error) {
			return s.keys.agent.sign(id.key, data, algorithm)
		}
	}
	cert, ok := id.key.(*ssh.Certificate)
	if !ok {
		if k := s.load(id); k != nil {
			if sameKey(k.public, id.key) {
				return k.sign
			}
			s.Log.Errorf("identity_sign: private key %s contents do not match public", id.file)
		}
		return nil
	}
	return s.certSigner(id, cert)
}

// certSigner looks for the private half of a certificate's key: in the agent,
// in the file that it stands beside, in the other files.
func (s *authentication) certSigner(id *identity, cert *ssh.Certificate) signFunc {
	same := func(other *identity) bool {
		return other != id && other.key != nil && !isCert(other.key) && sameKey(other.key, cert.Key)
	}
	for _, other := range s.keys.list {
		if same(other) && other.agent {
			s.Log.Debug2f("sign_and_send_pubkey: using private key %q from agent for certificate", other.file)
			return func(data []byte, algorithm string) (*ssh.Signature, error) {
				return s.keys.agent.sign(other.key, data, algorithm)
			}
		}
	}
	files := []*identity{{file: id.file, key: cert.Key, chosen: id.chosen}}
	if base, ok := strings.CutSuffix(id.file, "-cert.pub"); ok {
		files = append(files, &identity{file: base, key: cert.Key})
	}
	for _, other := range s.keys.list {
		if same(other) || other != id && other.key == nil {
			files = append([]*identity{other}, files...)
		}
	}
	for _, f := range files {
		if _, err := publicOnly(f.file); err == nil {
			continue // a certificate has no private half in it
		}
		if k := s.load(f); k != nil && sameKey(k.public, cert.Key) {
			s.Log.Debug2f("sign_and_send_pubkey: using private key %q for certificate", f.file)
			return k.sign
		}
	}
	s.Log.Debugf("sign_and_send_pubkey: no separate private key for certificate %q", id.file)
	return nil
}

// prove signs for a key and sends it.
func (s *authentication) prove(key ssh.PublicKey, algorithm string, sign signFunc, id *identity) (outcome, error) {
	blob := key.Marshal()
	name := plainMethod
	var tail []byte
	if _, hostBlob, _ := s.c.HostKey(); hostBlob != nil && s.bindsHost() {
		name = boundMethod
		tail = ssh.Marshal(&struct{ Key []byte }{hostBlob})
	}
	body := append(ssh.Marshal(&struct {
		Signed    bool
		Algorithm string
		Key       []byte
	}{true, algorithm, blob}), tail...)
	signed := append(ssh.Marshal(&struct{ ID []byte }{s.c.SessionID()}),
		ssh.Marshal(&request{s.Host.User, "ssh-connection", name, body})...)
	s.Log.Debug3f("sign_and_send_pubkey: using %s with %s", name, algorithm)
	sig, err := sign(signed, algorithm)
	if err != nil {
		if !errors.Is(err, errSilent) {
			s.Log.Errorf("sign_and_send_pubkey: signing failed for %s %q%s: %v", strings.TrimSuffix(typeName(key), "-CERT"), id.file, from(id), err)
		}
		return outcome{}, nil
	}
	body = append(body, ssh.Marshal(&struct{ Sig []byte }{ssh.Marshal(sig)})...)
	if err := s.request(name, body); err != nil {
		return outcome{}, err
	}
	o, err := s.verdict()
	if o.success || o.partial {
		s.proved = append(s.proved, key)
	}
	return o, err
}

func from(id *identity) string {
	if id.agent {
		return " from agent"
	}
	return ""
}

// bindsHost: both sides want the host's key under the signature.
func (s *authentication) bindsHost() bool {
	v, said := s.c.Extension("publickey-hostbound@openssh.com")
	return said && slices.Contains([]string{"0"}, v) && s.Host.PubkeyAuthentication != "unbound"
}
