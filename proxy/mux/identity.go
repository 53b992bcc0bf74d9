package mux

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	"time"
)

// Identity is the key pair of one end for one session. It lives in memory only.
type Identity struct {
	cert tls.Certificate
	pin  [32]byte
}

// NewIdentity makes a key pair that was never used before.
func NewIdentity() (*Identity, error) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a session key: %w", err)
	}
	// TLS wants a certificate around the key. Nobody reads what it says.
	form := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Unix(1<<32, 0)}
	der, err := x509.CreateCertificate(rand.Reader, form, form, public, private)
	if err != nil {
		return nil, fmt.Errorf("make a session certificate: %w", err)
	}
	spki, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return nil, fmt.Errorf("make a session certificate: %w", err)
	}
	return &Identity{
		cert: tls.Certificate{Certificate: [][]byte{der}, PrivateKey: private},
		pin:  sha256.Sum256(spki),
	}, nil
}

// Pin is the SHA-256 of the SubjectPublicKeyInfo, by which the other end knows
// this one. It is not secret.
func (i *Identity) Pin() [32]byte { return i.pin }

// protocol is the ALPN name of what runs inside TLS.
const protocol = "tssh/1"

// tlsConfig lets exactly one key in. The pin came over ssh, so it, and neither
// a name nor a date nor an authority, says who the peer is: that is why the
// ordinary verification is off, and why VerifyConnection must stay.
// Every connection proves the key anew, as there are no tickets.
func (c Config) tlsConfig() *tls.Config {
	return &tls.Config{
		MinVersion:             tls.VersionTLS13,
		NextProtos:             []string{protocol},
		Certificates:           []tls.Certificate{c.Identity.cert},
		ClientAuth:             tls.RequireAnyClientCert,
		InsecureSkipVerify:     true,
		SessionTicketsDisabled: true,
		VerifyConnection: func(s tls.ConnectionState) error {
			if c.later != nil {
				return c.later.check(s)
			}
			return checkPin(s, c.PeerPin)
		},
	}
}

func checkPin(s tls.ConnectionState, pin [32]byte) error {
	if s.Version != tls.VersionTLS13 || s.DidResume || len(s.PeerCertificates) != 1 {
		return errors.New("not a fresh TLS 1.3 session with one certificate")
	}
	got := sha256.Sum256(s.PeerCertificates[0].RawSubjectPublicKeyInfo)
	if subtle.ConstantTimeCompare(got[:], pin[:]) != 1 {
		return errors.New("the peer's key is not the one announced over ssh")
	}
	return nil
}
