package pubkey

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"math/big"
	"strings"

	"golang.org/x/crypto/ssh"
)

// Verify verifies a host's signature. Keys on a token are verified here:
// x/crypto wants a touch for each signature, and nobody stands beside a server
// to touch its token. Whether a person was there is no question about a host.
func Verify(key ssh.PublicKey, data []byte, sig *ssh.Signature) error {
	if cert, ok := key.(*ssh.Certificate); ok {
		key = cert.Key
	}
	if !strings.HasPrefix(key.Type(), "sk-") {
		if len(sig.Rest) > 0 {
			return errors.New("signature with bytes behind it")
		}
		return key.Verify(data, sig)
	}
	if sig.Format != key.Type() {
		return errors.New("signature of another type than its key")
	}
	var flags struct {
		Flags   byte
		Counter uint32
	}
	if err := ssh.Unmarshal(sig.Rest, &flags); err != nil {
		return err
	}
	var k struct {
		Type   string
		First  []byte
		Second []byte
		Rest   []byte `ssh:"rest"`
	}
	if err := ssh.Unmarshal(key.Marshal(), &k); err != nil {
		return err
	}
	// The token signs the hash of its purpose, its flags and counter, and the
	// hash of the data.
	purpose := k.Second
	ok := false
	message := func() []byte {
		p, d := sha256.Sum256(purpose), sha256.Sum256(data)
		m := binary.BigEndian.AppendUint32(append(p[:], flags.Flags), flags.Counter)
		return append(m, d[:]...)
	}
	if strings.HasPrefix(k.Type, "sk-ssh-ed25519") {
		ok = len(k.First) == ed25519.PublicKeySize && ed25519.Verify(k.First, message(), sig.Blob)
	} else {
		var rest struct{ Purpose []byte }
		if err := ssh.Unmarshal(k.Rest, &rest); err != nil {
			return err
		}
		purpose = rest.Purpose
		public, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), k.Second)
		if err != nil {
			return err
		}
		var rs struct{ R, S *big.Int }
		if err := ssh.Unmarshal(sig.Blob, &rs); err != nil {
			return err
		}
		sum := sha256.Sum256(message())
		ok = ecdsa.Verify(public, sum[:], rs.R, rs.S)
	}
	if !ok {
		return errors.New("signature did not verify")
	}
	return nil
}
