package auth

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"runtime"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"tssh/client/keyfile"
	"tssh/client/owner"
	"tssh/client/voice"
	"tssh/proxy/pubkey"
)

// loadedKey is an opened private key.
type loadedKey struct {
	public  ssh.PublicKey
	sign    signFunc
	raw     any    // for the agent; nil for a token's
	comment string // for the agent: the file's name where it has none
}

func typeName(key ssh.PublicKey) string { return pubkey.TypeName(key) }

// publicOnly reports whether a file holds no private key.
func publicOnly(file string) (ssh.PublicKey, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	if key := parsePublic(b); key != nil {
		return key, nil
	}
	return nil, errors.New("not a public key")
}

// publicOfPrivate is the public key in OpenSSH's format of private ones.
func publicOfPrivate(b []byte) ssh.PublicKey {
	f, ok := keyfile.Parse(b)
	if !ok {
		return nil
	}
	key, err := ssh.ParsePublicKey(f.Public)
	if err != nil {
		return nil
	}
	return key
}

// readPrivate opens a file, with a passphrase if one is given.
func readPrivate(file string, passphrase []byte) (*loadedKey, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	if k, err := parseToken(b, passphrase); k != nil || err != nil {
		return k, err
	}
	raw, comment, err := keyfile.Open(b, passphrase)
	if err != nil {
		return nil, err
	}
	signer, err := ssh.NewSignerFromKey(raw)
	if err != nil {
		return nil, err
	}
	return &loadedKey{public: signer.PublicKey(), raw: raw, comment: cmp.Or(comment, file), sign: func(data []byte, algorithm string) (*ssh.Signature, error) {
		if s, ok := signer.(ssh.AlgorithmSigner); ok {
			return s.SignWithAlgorithm(rand.Reader, data, signatureFormat(algorithm))
		}
		return signer.Sign(rand.Reader, data)
	}}, nil
}

// load opens an identity's file and asks for its passphrase where it has one.
func (s *authentication) load(id *identity) *loadedKey {
	if k := s.Memory.key(id.file); k != nil {
		return k
	}
	info, err := os.Stat(id.file)
	if err != nil {
		say := s.Log.Debug3f
		if id.chosen {
			say = s.Log.Infof
		}
		say("no such identity: %s: %s", id.file, reason(err))
		return nil
	}
	if owner.Exposed(id.file) {
		s.warnOpen(id.file, info)
		return nil
	}
	k, passphrase := s.unlock(id)
	if k == nil {
		return nil
	}
	if n := pubkey.RSABits(k.public); n > 0 && n < s.Host.RequiredRSASize {
		s.Log.Debugf("load_identity_file: Skipping key %s: Invalid key length", id.file)
		return nil
	}
	if isSK(k.public) {
		if s.Host.SecurityKeyProvider == "" {
			s.Log.Debugf("key %q is an authenticator-hosted key, but no provider specified", id.file)
			return nil
		}
		k.sign = s.tokenSigner(id.file, k)
	}
	s.Memory.keepKey(id.file, k)
	if !id.agent {
		s.addToAgent(id, k, passphrase)
	}
	return k
}

// unlock asks for the passphrase as often as NumberOfPasswordPrompts allows.
func (s *authentication) unlock(id *identity) (*loadedKey, bool) {
	k, err := readPrivate(id.file, nil)
	for range s.Host.NumberOfPasswordPrompts {
		var locked *ssh.PassphraseMissingError
		if !errors.As(err, &locked) && !isWrong(err) {
			break
		}
		answer, askErr := s.question(fmt.Sprintf("Enter passphrase for key '%.100s': ", id.file), voice.Secret)
		if askErr != nil || answer == "" {
			s.Log.Debug2f("no passphrase given, try next key")
			return nil, false
		}
		if k, err = readPrivate(id.file, []byte(answer)); err == nil {
			return k, true
		}
		s.Log.Debug2f("bad passphrase given, try again...")
	}
	var locked *ssh.PassphraseMissingError
	switch {
	case err == nil:
		return k, false
	case isMissing(err):
		s.Log.Debug2f("Load key %q: No such file or directory", id.file)
	case !errors.As(err, &locked) && !isWrong(err):
		s.Log.Errorf("Load key %q: %s", id.file, reason(err))
	}
	return nil, false
}

// warnOpen refuses a file that others can read: its key is as good as lost.
func (s *authentication) warnOpen(file string, info os.FileInfo) {
	mode := fmt.Sprintf("0%03o ", info.Mode().Perm())
	if runtime.GOOS == "windows" { // which has a list instead
		mode = ""
	}
	frame := "@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@"
	for _, line := range []string{frame, "@         WARNING: UNPROTECTED PRIVATE KEY FILE!          @", frame,
		fmt.Sprintf("Permissions %sfor '%s' are too open.", mode, file),
		"It is required that your private key files are NOT accessible by others.",
		"This private key will be ignored.",
		fmt.Sprintf("Load key \"%s\": bad permissions", file),
	} {
		s.Log.Errorf("%s", line)
	}
}

// addToAgent gives an opened key to the agent as AddKeysToAgent says.
func (s *authentication) addToAgent(id *identity, k *loadedKey, _ bool) {
	mode := s.Host.AddKeysToAgent
	if mode == "" || mode == "no" || s.keys == nil || s.keys.agent == nil || k.raw == nil {
		return
	}
	if mode == "ask" {
		answer, err := s.question(fmt.Sprintf("Add key %s (%s) to agent? ", id.file, pubkey.Fingerprint(k.public, s.Host.FingerprintHash)), voice.Confirm)
		if err != nil || answer != "" && answer != "yes" {
			s.Log.Debugf("user denied adding this key")
			return
		}
	}
	added := agent.AddedKey{
		PrivateKey: k.raw, Comment: k.comment, ConfirmBeforeUse: mode == "confirm",
		LifetimeSecs: uint32(s.Host.AddKeysToAgentLifetime.Seconds()),
	}
	if err := s.keys.agent.Add(added); err != nil {
		s.Log.Debugf("could not add identity to agent: %s (%v)", id.file, err)
		return
	}
	s.Log.Debugf("identity added to agent: %s", id.file)
}
