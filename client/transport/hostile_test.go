package transport

import (
	"bufio"
	"bytes"
	"crypto"
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"io"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

// hostile is a server that keeps to the protocol until a test has it not.
type hostile struct {
	t       *testing.T
	conn    net.Conn
	br      *bufio.Reader
	in      opener
	out     sealer
	inSeq   uint32
	outSeq  uint32
	strict  bool
	version string
	client  string // the client's version
	key     ssh.Signer
	offer   []byte // of the last exchange
	theirs  []byte
	session []byte
	result  *secret
	hash    []byte
}

func newHostile(t *testing.T) (*hostile, net.Conn) {
	client, conn := pair(t)
	deadline := time.Now().Add(time.Minute)
	client.SetDeadline(deadline)
	conn.SetDeadline(deadline)
	return &hostile{t: t, conn: conn, br: bufio.NewReader(conn), in: &plain{}, out: &plain{},
		version: "SSH-2.0-hostile", key: hostSigner(t), strict: true}, client
}

func (h *hostile) hello() {
	io.WriteString(h.conn, h.version+"\r\n")
	line, _ := h.br.ReadString('\n')
	h.client = strings.TrimSpace(line)
}

func (h *hostile) send(packet []byte) {
	h.conn.Write(h.out.seal(nil, h.outSeq, packet))
	h.outSeq++
}

// read returns the client's next packet, nil at the end.
func (h *hostile) read() []byte {
	p, err := h.in.open(h.br, h.inSeq)
	if err != nil {
		return nil
	}
	h.inSeq++
	return bytes.Clone(p)
}

func (h *hostile) propose(kex, hostKey string, first bool) {
	m := kexInit{
		Kex: strings.Split(kex, ","), HostKey: strings.Split(hostKey, ","), CipherIn: []string{"aes128-ctr"}, CipherOut: []string{"aes128-ctr"},
		MACIn: []string{"hmac-sha2-256"}, MACOut: []string{"hmac-sha2-256"}, CompressIn: []string{"none"}, CompressOut: []string{"none"},
		FirstFollows: first,
	}
	if h.strict && h.session == nil {
		m.Kex = append(m.Kex, "kex-strict-s-v00@openssh.com")
	}
	h.offer = ssh.Marshal(&m)
	h.send(h.offer)
}

// open sends versions and offers, and reads the client's.
func (h *hostile) open() {
	h.hello()
	h.propose("curve25519-sha256", h.key.PublicKey().Type(), false)
	h.theirs = h.read()
}

// reply answers the client's public key. Edit may spoil it before it leaves.
func (h *hostile) reply(edit func(*ecdhReply)) {
	var init ecdhInit
	ssh.Unmarshal(h.read(), &init)
	own, _ := ecdh.X25519().GenerateKey(rand.Reader)
	far, err := ecdh.X25519().NewPublicKey(init.Public)
	if err != nil {
		return // the client is gone
	}
	k, _ := own.ECDH(far)
	r := &ecdhReply{HostKey: h.key.PublicKey().Marshal(), Public: own.PublicKey().Bytes()}
	h.result = &secret{hash: crypto.SHA256, hostKey: r.HostKey, shared: appendInt(nil, new(big.Int).SetBytes(k))}
	d := crypto.SHA256.New()
	for _, part := range [][]byte{[]byte(h.client), []byte(h.version), h.theirs, h.offer, r.HostKey, init.Public, r.Public} {
		d.Write(appendString(nil, part))
	}
	d.Write(h.result.shared)
	h.hash = d.Sum(nil)
	if h.session == nil {
		h.session = h.hash
	}
	sig, _ := h.key.Sign(rand.Reader, h.hash)
	r.Signature = ssh.Marshal(sig)
	if edit != nil {
		edit(r)
	}
	h.send(ssh.Marshal(r))
}

// newKeys ends an exchange.
func (h *hostile) newKeys() {
	if h.result == nil {
		return // the client left before
	}
	derive := (&Conn{sessionID: h.session}).deriver(h.result, h.hash)
	s, _ := suiteNamed("aes128-ctr")
	d, _ := digestNamed("hmac-sha2-256")
	h.send([]byte{msgNewKeys})
	h.out = newSealer(s, d, inward(derive))
	for {
		p := h.read()
		if p == nil {
			return
		}
		if p[0] == msgNewKeys {
			break
		}
	}
	h.in = newOpener(s, d, outward(derive))
	if h.strict {
		h.inSeq, h.outSeq = 0, 0
	}
}

var trusting = Config{ // never changed
	Kex: []string{"curve25519-sha256"}, HostKeys: []string{ssh.KeyAlgoED25519}, Ciphers: []string{"aes128-ctr"},
	MACs: []string{"hmac-sha2-256"}, CheckHostKey: func(ssh.PublicKey, string) error { return nil },
}

// attack runs a server's script against a handshake with cfg.
func attack(t *testing.T, cfg Config, script func(*hostile)) (*Conn, error) {
	t.Helper()
	h, client := newHostile(t)
	done := make(chan struct{})
	go func() {
		defer close(done)
		script(h)
	}()
	c, err := Handshake(client, cfg)
	if err != nil {
		client.Close()
	}
	select {
	case <-done:
	case <-time.After(time.Minute):
		t.Error("the server still waits")
	}
	return c, err
}

func refused(t *testing.T, err error, words string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), words) {
		t.Errorf("got %v, not %q", err, words)
	}
}

// TestNothingSlipsIntoTheFirstExchange: what is not authenticated may not be
// there (Terrapin), anywhere before the keys.
func TestNothingSlipsIntoTheFirstExchange(t *testing.T) {
	ignore := ssh.Marshal(&struct {
		Data string `sshtype:"2"`
	}{"x"})
	for at := range 4 {
		for _, strict := range []bool{true, false} {
			c, err := attack(t, trusting, func(h *hostile) {
				h.strict = strict
				slip := func(n int) {
					if n == at {
						h.send(ignore)
					}
				}
				h.hello()
				slip(1)
				h.propose("curve25519-sha256", ssh.KeyAlgoED25519, false)
				h.theirs = h.read()
				slip(2)
				h.reply(nil)
				slip(3)
				h.newKeys()
			})
			switch {
			case at == 0 || !strict && at > 1:
				if err != nil {
					t.Errorf("strict %v, %d: %v", strict, at, err)
				} else {
					c.Close()
				}
			default:
				refused(t, err, "kex protocol error: type 2")
			}
		}
	}
}

// TestExtensionsAreToldToWhoAsks: a server that would name its algorithms anew
// for this user has to be told, first of all, that we hear it.
func TestExtensionsAreToldToWhoAsks(t *testing.T) {
	for kex, told := range map[string]bool{"curve25519-sha256,ext-info-s": true, "curve25519-sha256": false} {
		var first []byte
		c, err := attack(t, trusting, func(h *hostile) {
			h.hello()
			h.propose(kex, ssh.KeyAlgoED25519, false)
			h.theirs = h.read()
			h.reply(nil)
			h.newKeys()
			if told {
				first = h.read()
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		if told && (len(first) == 0 || first[0] != msgExtInfo || !bytes.Contains(first, []byte("ext-info-in-auth@openssh.com"))) {
			t.Errorf("%s: the first packet is %q", kex, first)
		}
		if !told && c.outSeq != 0 {
			t.Errorf("%s: %d packets were sent", kex, c.outSeq)
		}
		c.Close()
	}
}

func TestServersGuess(t *testing.T) {
	for name, c := range map[string]struct {
		kex   string
		wrong bool
	}{
		"right": {"curve25519-sha256", false},
		"wrong": {"ecdh-sha2-nistp256,curve25519-sha256", true},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := attack(t, trusting, func(h *hostile) {
				h.hello()
				h.propose(c.kex, ssh.KeyAlgoED25519, true)
				if c.wrong {
					h.send(ssh.Marshal(&ecdhReply{Public: []byte("a guess")}))
				}
				h.theirs = h.read()
				h.reply(nil)
				h.newKeys()
			})
			if err != nil {
				t.Fatal(err)
			}
		})
	}
}

// TestNothingLeavesBeforeTheHostIsProven: whatever is wrong about the host's
// key, the client sends nothing after its public value.
func TestNothingLeavesBeforeTheHostIsProven(t *testing.T) {
	other := hostSigner(t)
	not := trusting
	not.CheckHostKey = func(ssh.PublicKey, string) error { return errors.New("not this one") }
	for name, c := range map[string]struct {
		cfg   Config
		edit  func(*ecdhReply)
		words string
	}{
		"refused":         {not, nil, "not this one"},
		"signature":       {trusting, func(r *ecdhReply) { r.Signature[len(r.Signature)-1] ^= 1 }, "incorrect signature"},
		"no signature":    {trusting, func(r *ecdhReply) { r.Signature = nil }, "host key signature"},
		"another's key":   {trusting, func(r *ecdhReply) { r.HostKey = other.PublicKey().Marshal() }, "incorrect signature"},
		"zero point":      {trusting, func(r *ecdhReply) { clear(r.Public) }, "invalid public key"},
		"order of two":    {trusting, func(r *ecdhReply) { clear(r.Public); r.Public[0] = 1 }, "invalid public key"},
		"short point":     {trusting, func(r *ecdhReply) { r.Public = r.Public[:31] }, "invalid public key"},
		"long point":      {trusting, func(r *ecdhReply) { r.Public = append(r.Public, 0) }, "invalid public key"},
		"unknown key":     {trusting, func(r *ecdhReply) { r.HostKey = appendString(nil, []byte("\x1b[2Jx")) }, "unknown key algorithm: \\033[2Jx"},
		"no key":          {trusting, func(r *ecdhReply) { r.HostKey = nil }, "host key"},
		"another's value": {trusting, func(r *ecdhReply) { r.Public[3] ^= 4 }, "incorrect signature"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := attack(t, c.cfg, func(h *hostile) {
				h.open()
				h.reply(c.edit)
				if p := h.read(); p != nil {
					t.Errorf("the client sent message %d", p[0])
				}
			})
			refused(t, err, c.words)
		})
	}
}

// TestSignatureIsOfTheAgreedAlgorithm: SHA-1 does not pass for what was agreed,
// nor an RSA key for another, nor one that takes for ever to compute with.
func TestSignatureIsOfTheAgreedAlgorithm(t *testing.T) {
	key := rsaSigner(t)
	run := func(agreed, format, words string) {
		t.Helper()
		cfg := trusting
		cfg.HostKeys = []string{agreed}
		_, err := attack(t, cfg, func(h *hostile) {
			h.key = key
			h.hello()
			h.propose("curve25519-sha256", agreed, false)
			h.theirs = h.read()
			h.reply(func(r *ecdhReply) {
				sig, err := key.(ssh.AlgorithmSigner).SignWithAlgorithm(rand.Reader, h.hash, format)
				if err != nil {
					t.Error(err)
					return
				}
				r.Signature = ssh.Marshal(sig)
			})
			if words == "" {
				h.newKeys()
			}
		})
		if words == "" {
			if err != nil {
				t.Error(err)
			}
			return
		}
		refused(t, err, words)
	}
	run("rsa-sha2-512", "rsa-sha2-512", "")
	run("rsa-sha2-512", "rsa-sha2-256", "algorithm rsa-sha2-256 instead of rsa-sha2-512")
	run("rsa-sha2-512", "ssh-rsa", "algorithm ssh-rsa instead of rsa-sha2-512")
	run("ssh-ed25519", "rsa-sha2-512", "type ssh-rsa instead of ssh-ed25519")

	cfg := trusting
	cfg.HostKeys = []string{"rsa-sha2-512"}
	_, err := attack(t, cfg, func(h *hostile) {
		h.hello()
		h.propose("curve25519-sha256", "rsa-sha2-512", false)
		h.theirs = h.read()
		h.reply(func(r *ecdhReply) {
			huge := new(big.Int).SetBit(big.NewInt(1), 1<<20, 1)
			r.HostKey = ssh.Marshal(&struct {
				Type string
				E, N *big.Int
			}{"ssh-rsa", big.NewInt(65537), huge})
			r.Signature = ssh.Marshal(&ssh.Signature{Format: "rsa-sha2-512", Blob: make([]byte, 1<<17)})
		})
	})
	if err == nil {
		t.Error("a modulus of a million bits was taken")
	}
}

// TestHostKeepsItsKey: new keys come from the same host.
func TestHostKeepsItsKey(t *testing.T) {
	for _, change := range []bool{false, true} {
		go2 := make(chan struct{})
		h, client := newHostile(t)
		go func() {
			h.open()
			h.reply(nil)
			h.newKeys()
			<-go2
			if change {
				_, k, _ := ed25519.GenerateKey(rand.Reader)
				h.key, _ = ssh.NewSignerFromKey(k)
			}
			h.propose("curve25519-sha256", ssh.KeyAlgoED25519, false)
			h.theirs = h.read()
			h.reply(nil)
			h.newKeys()
			h.send([]byte{99, 1})
		}()
		c, err := Handshake(client, trusting)
		if err != nil {
			t.Fatal(err)
		}
		close(go2)
		p, err := c.ReadPacket()
		if !change && (err != nil || p[0] != 99) {
			t.Errorf("got %v", err)
		}
		if change {
			refused(t, err, "host key changed")
		}
	}
}

func rsaSigner(t *testing.T) ssh.Signer {
	t.Helper()
	key, err := rsaKey()
	if err != nil {
		t.Fatal(err)
	}
	s, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
