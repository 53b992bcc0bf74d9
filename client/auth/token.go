package auth

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"

	"golang.org/x/crypto/ssh"

	"tssh/client/keyfile"
	"tssh/client/voice"
	"tssh/proxy/cause"
	"tssh/proxy/pubkey"
)

// parseToken reads the file of a key on a token (FIDO), which x/crypto does
// not know. What the file holds is no secret by itself: it names the key to
// the token. Nil without an error: it is another kind of file.
func parseToken(b, passphrase []byte) (*loadedKey, error) {
	f, ok := keyfile.Parse(b)
	if !ok {
		return nil, nil
	}
	public, err := ssh.ParsePublicKey(f.Public)
	if err != nil || !isSK(public) {
		return nil, nil
	}
	private, err := f.Unseal(passphrase)
	if err != nil {
		return nil, err
	}
	var w struct {
		Check1, Check2 uint32
		Rest           []byte `ssh:"rest"`
	}
	if err := ssh.Unmarshal(private, &w); err != nil || w.Check1 != w.Check2 {
		return nil, errors.New("invalid format")
	}
	serialized, flags, err := tokenKey(w.Rest)
	if err != nil {
		return nil, err
	}
	return &loadedKey{public: public, raw: token{serialized, flags}}, nil
}

// token is a key as the helper wants it.
type token struct {
	serialized []byte
	flags      byte
}

// tokenKey cuts the key off the comment and padding that follow it.
func tokenKey(b []byte) (serialized []byte, flags byte, err error) {
	var name struct {
		Type string
		Rest []byte `ssh:"rest"`
	}
	if err := ssh.Unmarshal(b, &name); err != nil {
		return nil, 0, errors.New("invalid format")
	}
	rest := name.Rest
	if strings.HasPrefix(name.Type, "sk-ecdsa") {
		var curve struct {
			Name string
			Rest []byte `ssh:"rest"`
		}
		if err := ssh.Unmarshal(rest, &curve); err != nil {
			return nil, 0, errors.New("invalid format")
		}
		rest = curve.Rest
	}
	var key struct {
		Public      []byte
		Application string
		Flags       byte
		Handle      []byte
		Reserved    []byte
		Rest        []byte `ssh:"rest"`
	}
	if err := ssh.Unmarshal(rest, &key); err != nil {
		return nil, 0, errors.New("invalid format")
	}
	return b[:len(b)-len(key.Rest)], key.Flags, nil
}

const (
	tokenTouch = 0x01 // the user has to touch it
	tokenPIN   = 0x04 // and to know its PIN
)

// tokenSigner signs by OpenSSH's ssh-sk-helper, which keeps the libraries of
// tokens out of our process.
func (s *authentication) tokenSigner(name string, k *loadedKey) signFunc {
	return func(data []byte, algorithm string) (*ssh.Signature, error) {
		t, ok := k.raw.(token)
		if !ok {
			return nil, errors.New("not a key of a token")
		}
		try := func(pin string) ([]byte, error) {
			if t.flags&tokenTouch != 0 && !s.Host.BatchMode && !s.Silent {
				s.notify(fmt.Sprintf("Confirm user presence for key %s %s", typeName(k.public), pubkey.Fingerprint(k.public, s.Host.FingerprintHash)))
			}
			return helperSign(s.ctx, s.Host.SecurityKeyProvider, t.serialized, data, pin)
		}
		// A token may know its user by other means than the PIN.
		blob, err := try("")
		if errors.Is(err, errPIN) && t.flags&tokenPIN != 0 {
			var pin string
			if pin, err = s.question(fmt.Sprintf("Enter PIN for %s key %s: ", typeName(k.public), name), voice.Secret); err == nil {
				blob, err = try(pin)
			}
		}
		if err != nil {
			return nil, err
		}
		sig := new(ssh.Signature)
		if err := ssh.Unmarshal(blob, sig); err != nil {
			return nil, fmt.Errorf("signature of the token: %w", err)
		}
		return sig, nil
	}
}

// notify shows a line where the user looks.
func (s *authentication) notify(text string) {
	if s.Ask != nil {
		s.Ask(text, voice.Notice) // who can't be told may still see the token blink
	}
}

// helperSign runs the helper for one signature. The protocol is one message
// each way: length, version, type, then what the type has.
func helperSign(ctx context.Context, provider string, key, data []byte, pin string) ([]byte, error) {
	const protocol, sign = 5, 1
	helper := os.Getenv("SSH_SK_HELPER")
	if helper == "" {
		helper = "/usr/lib/openssh/ssh-sk-helper"
	}
	if strings.HasPrefix(provider, "$") {
		provider = os.Getenv(provider[1:])
	}
	request := ssh.Marshal(&struct {
		Type     uint32
		OnStderr bool
		LogLevel uint32
		Key      []byte
		Provider string
		Data     []byte
		Alg      string
		Compat   uint32
		PIN      string
	}{sign, true, 0, key, provider, data, "", 0, pin})
	cmd := exec.CommandContext(ctx, helper)
	cmd.Env = append(os.Environ(), "SSH_SK_HELPER=")
	cmd.Stdin = bytes.NewReader(append(append(binary.BigEndian.AppendUint32(nil, uint32(len(request)+1)), protocol), request...))
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &limited{&out, 1 << 16}, os.Stderr
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("run %s: %w", helper, err)
	}
	return helperAnswer(out.Bytes(), protocol, sign)
}

func helperAnswer(b []byte, protocol byte, sign uint32) ([]byte, error) {
	var m struct {
		Length  uint32
		Version byte
		Type    uint32
		Rest    []byte `ssh:"rest"`
	}
	if err := ssh.Unmarshal(b, &m); err != nil || m.Version != protocol {
		return nil, errors.New("invalid format of the token helper's answer")
	}
	if m.Type != sign {
		if len(m.Rest) >= 4 {
			return nil, helperError(int32(binary.BigEndian.Uint32(m.Rest)))
		}
		return nil, errors.New("token helper refused")
	}
	var sig struct{ Blob []byte }
	if err := ssh.Unmarshal(m.Rest, &sig); err != nil {
		return nil, errors.New("invalid format of the token helper's answer")
	}
	return sig.Blob, nil
}

// errPIN is the helper's word for a PIN that is missing or wrong. It is not
// changed.
var errPIN = errors.New("incorrect passphrase supplied to decrypt private key")

// helperError puts the numbers that the helper may return into words.
func helperError(n int32) error {
	if n < 0 {
		n = -n
	}
	switch n {
	case 4:
		return errors.New("invalid format")
	case 43:
		return errPIN
	case 59:
		return errors.New("requested feature not supported")
	case 60:
		return errors.New("device not found")
	}
	return fmt.Errorf("token helper's error %d", n)
}

// limited keeps a helper that has gone mad from filling our memory.
type limited struct {
	w    io.Writer
	left int
}

func (l *limited) Write(p []byte) (int, error) {
	if l.left -= len(p); l.left < 0 {
		return 0, errors.New("answer too long")
	}
	return l.w.Write(p)
}

// isWrong: the passphrase did not open the file.
func isWrong(err error) bool { return errors.Is(err, keyfile.ErrWrong) }

// reason is an error in the words of ssh.
func reason(err error) string {
	for _, prefix := range []string{"ssh: ", "asn1: ", "x509: "} {
		if strings.HasPrefix(err.Error(), prefix) {
			return "invalid format"
		}
	}
	return cause.Of(err)
}
