package transport

import (
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"time"

	"tssh/proxy/pubkey"

	"golang.org/x/crypto/ssh"
)

// start sends KEXINIT unless an exchange runs already.
func (c *Conn) start() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.startLocked()
}

func (c *Conn) startLocked() error {
	if c.offer != nil || c.werr != nil {
		return c.werr
	}
	m := kexInit{
		Kex: c.cfg.Kex, HostKey: c.cfg.HostKeys,
		CipherOut: c.cfg.Ciphers, CipherIn: c.cfg.Ciphers, MACOut: c.cfg.MACs, MACIn: c.cfg.MACs,
		CompressOut: c.compressions(), CompressIn: c.compressions(),
	}
	if c.sessionID == nil {
		m.Kex = append(slices.Clone(m.Kex), "ext-info-c", "kex-strict-c-v00@openssh.com")
	}
	rand.Read(m.Cookie[:])
	c.offer = ssh.Marshal(&m)
	c.log.Debugf("SSH2_MSG_KEXINIT sent")
	return c.writeLocked(c.offer)
}

// due starts an exchange when the keys are worn. The reader must not wait for
// a writer, which may itself be waiting until somebody reads.
func (c *Conn) due() {
	if !c.mu.TryLock() {
		return
	}
	defer c.mu.Unlock()
	if c.renew {
		c.startLocked()
	}
}

// AllowRekey says that the user is authenticated: only then are keys renewed,
// and packets compressed. It belongs to the reader.
func (c *Conn) AllowRekey() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.renew = true
	c.armLocked()
	c.startCompression(true, true)
}

// armLocked sets the clock of the keys just taken.
func (c *Conn) armLocked() {
	if c.cfg.RekeyAfter <= 0 || !c.renew {
		return
	}
	if c.timer == nil {
		c.timer = time.AfterFunc(c.cfg.RekeyAfter, func() { c.start() })
		return
	}
	c.timer.Reset(c.cfg.RekeyAfter)
}

// Rekey asks for new keys now: the escape ~R.
func (c *Conn) Rekey() error { return c.start() }

// exchange runs a key exchange that the server's KEXINIT begins or answers.
// It belongs to the reader.
func (c *Conn) exchange(theirs []byte) error {
	c.log.Debugf("SSH2_MSG_KEXINIT received")
	if err := c.start(); err != nil {
		return err
	}
	var client, server kexInit
	if err := ssh.Unmarshal(c.offer, &client); err != nil {
		return err
	}
	if err := ssh.Unmarshal(theirs, &server); err != nil {
		return fmt.Errorf("key exchange offer: %w", err)
	}
	c.logProposal("local client", &client)
	c.logProposal("peer server", &server)
	initial := c.sessionID == nil
	if initial && slices.Contains(server.Kex, "kex-strict-s-v00@openssh.com") {
		// Whoever is on the path could otherwise slip in packets before
		// the keys and cut off as many after them (Terrapin).
		if c.inSeq != 1 {
			return errors.New("strict KEX violation: KEXINIT was not the first packet")
		}
		c.strict = true
	}
	agreed, err := negotiate(&client, &server)
	if err != nil {
		return err
	}
	c.logAgreed(agreed)
	if server.FirstFollows && (len(server.Kex) == 0 || len(server.HostKey) == 0 ||
		client.Kex[0] != server.Kex[0] || client.HostKey[0] != server.HostKey[0]) {
		if _, err := c.raw(); err != nil { // a guess that was wrong
			return err
		}
	}
	algorithm, _ := kexNamed(agreed.Kex)
	result, err := algorithm.run(exchangePipe{c, agreed, initial})
	if err != nil {
		return err
	}
	h := c.digest(result, theirs)
	if err := c.proveHost(result, agreed.HostKey, h); err != nil {
		return err
	}
	if initial {
		c.sessionID, c.first = h, agreed
	}
	c.mu.Lock()
	c.agreedNow = agreed
	c.mu.Unlock()
	tell := initial && slices.Contains(server.Kex, "ext-info-s")
	return c.takeKeys(agreed, initial, tell, c.deriver(result, h))
}

// digest is the exchange hash H.
func (c *Conn) digest(s *secret, theirs []byte) []byte {
	h := s.hash.New()
	for _, part := range [][]byte{[]byte(c.version), []byte(c.serverVersion), c.offer, theirs, s.hostKey} {
		h.Write(appendString(nil, part))
	}
	h.Write(s.middle)
	h.Write(s.shared)
	return h.Sum(nil)
}

// deriver makes keys of the shared secret (RFC 4253, 7.2).
func (c *Conn) deriver(s *secret, hash []byte) func(tag byte, n int) []byte {
	return func(tag byte, n int) []byte {
		h := s.hash.New()
		h.Write(s.shared)
		h.Write(hash)
		h.Write([]byte{tag})
		h.Write(c.sessionID)
		out := h.Sum(nil)
		for len(out) < n {
			h.Reset()
			h.Write(s.shared)
			h.Write(hash)
			h.Write(out)
			out = h.Sum(out)
		}
		return out[:n]
	}
}

// maxModulus is the largest RSA key that OpenSSH reads. Computing with larger
// ones, as long as a packet may be, would take minutes.
const maxModulus = 16384

// proveHost verifies the host's signature over the exchange and, the first
// time, asks whether its key is to be trusted. Without both, whoever answers
// could be anyone, so nothing is sent under the new keys before.
func (c *Conn) proveHost(s *secret, algorithm string, h []byte) error {
	key, err := ssh.ParsePublicKey(s.hostKey)
	if err != nil {
		return fmt.Errorf("host key: %w", err)
	}
	if n := pubkey.MostRSABits(key); n > maxModulus {
		return fmt.Errorf("host key: RSA modulus of %d bits", n)
	}
	if KeyType(algorithm) != key.Type() {
		return fmt.Errorf("host key: type %s instead of %s", key.Type(), KeyType(algorithm))
	}
	var sig ssh.Signature
	if err := ssh.Unmarshal(s.signature, &sig); err != nil {
		return fmt.Errorf("host key signature: %w", err)
	}
	if sig.Format != SignatureType(algorithm) {
		return fmt.Errorf("host key signature: algorithm %s instead of %s", sig.Format, SignatureType(algorithm))
	}
	if err := pubkey.Verify(key, h, &sig); err != nil {
		return &Error{Reason: Refused, Detail: "incorrect signature", Err: err}
	}
	if c.hostKeyBlob != nil {
		if !slices.Equal(c.hostKeyBlob, s.hostKey) {
			return errors.New("host key changed in a later key exchange")
		}
		return nil
	}
	if err := c.cfg.CheckHostKey(key, algorithm); err != nil {
		return &Error{Reason: Refused, Err: err}
	}
	c.hostKey, c.hostKeyBlob, c.exchangeSig = key, slices.Clone(s.hostKey), slices.Clone(s.signature)
	return nil
}

// takeKeys sends NEWKEYS and whatever waited for it, and reads theirs.
func (c *Conn) takeKeys(a Algorithms, initial, tell bool, derive func(tag byte, n int) []byte) error {
	outSuite, _ := suiteNamed(a.CipherOut)
	inSuite, _ := suiteNamed(a.CipherIn)
	outMAC, _ := digestNamed(a.MACOut)
	inMAC, _ := digestNamed(a.MACIn)
	if err := c.switchOut(newSealer(outSuite, outMAC, outward(derive)), c.budget(outSuite)); err != nil {
		return err
	}
	if tell {
		if err := c.tellExtensions(); err != nil {
			return err
		}
	}
	c.log.Debugf("expecting SSH2_MSG_NEWKEYS")
	packet, err := c.receive(msgNewKeys, initial)
	if err != nil {
		return err
	}
	if len(packet) != 1 {
		return errors.New("NEWKEYS message: too long")
	}
	c.log.Debugf("SSH2_MSG_NEWKEYS received")
	c.in = newOpener(inSuite, inMAC, inward(derive))
	c.inLeft, c.inPackets = c.budget(inSuite), maxPackets
	if c.renew {
		c.startCompression(true, false)
	}
	if c.strict {
		c.inSeq = 0
	}
	return nil
}

func (c *Conn) switchOut(out sealer, budget int64) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.writeLocked([]byte{msgNewKeys}); err != nil {
		return err
	}
	c.log.Debugf("SSH2_MSG_NEWKEYS sent")
	c.out, c.outLeft, c.outPackets, c.offer = out, budget, maxPackets, nil
	if c.renew {
		c.startCompression(false, true)
	}
	if c.strict {
		c.outSeq = 0
	}
	c.armLocked()
	queue := c.queue
	c.queue, c.held = nil, 0
	for _, packet := range queue {
		if err := c.writeLocked(packet); err != nil {
			return err
		}
	}
	return nil
}

// tellExtensions says what we bear, as the first packet under the keys, where
// the server wants to hear it (RFC 8308): that it may name its algorithms once
// more when it knows the user, whom its configuration may treat otherwise.
func (c *Conn) tellExtensions() error {
	c.log.Debugf("Sending SSH2_MSG_EXT_INFO")
	return c.WritePacket(ssh.Marshal(&struct {
		Count       uint32 `sshtype:"7"`
		Name, Value string
	}{1, "ext-info-in-auth@openssh.com", "0"}))
}

// maxPackets is how many packets a key may carry (RFC 4344): their numbers are
// 32 bits long, and with some ciphers they are the nonce.
const maxPackets = 1 << 31

// budget is how many bytes a key may carry: 2^32 blocks of 16 bytes, or a
// gigabyte of smaller ones (RFC 4344), or what RekeyLimit says if that is less.
func (c *Conn) budget(s suite) int64 {
	n := int64(1) << 30
	if s.block >= 16 {
		n = 1 << 36
	}
	if r := c.cfg.RekeyBytes; r > 0 && r < uint64(n) {
		n = int64(r)
	}
	return n
}

// receive reads the one packet that may come next in an exchange. RFC 4253
// lets others stand between; strict exchange does not in the initial one, up
// to and with NEWKEYS, since nothing authenticates what stands there. What is of
// channels may not stand there at all, but servers send on until they answer
// (asyncssh), and ssh takes it: once the user is authenticated it is kept, under
// keys that authenticate it.
func (c *Conn) receive(want byte, initial bool) ([]byte, error) {
	for {
		packet, err := c.raw()
		if err != nil {
			return nil, err
		}
		if packet[0] == want {
			return packet, nil
		}
		if c.renew && !initial && belongsAbove(packet[0]) {
			if err := c.early.put(packet); err != nil {
				return nil, err
			}
			continue
		}
		harmless := packet[0] == msgIgnore || packet[0] == msgDebug || packet[0] == msgUnimplemented
		if !harmless || c.strict && initial {
			return nil, fmt.Errorf("kex protocol error: type %d seq %d", packet[0], c.inSeq-1)
		}
	}
}

// exchangePipe is the connection as a key exchange sees it.
type exchangePipe struct {
	c       *Conn
	agreed  Algorithms
	initial bool
}

func (p exchangePipe) send(packet []byte) error {
	p.c.mu.Lock()
	defer p.c.mu.Unlock()
	return p.c.writeLocked(packet)
}

func (p exchangePipe) receive(want byte) ([]byte, error) { return p.c.receive(want, p.initial) }

func (p exchangePipe) debugf(format string, args ...any)  { p.c.log.Debugf(format, args...) }
func (p exchangePipe) debug2f(format string, args ...any) { p.c.log.Debug2f(format, args...) }

// bits is the size of a prime field about as strong as the ciphers' keys.
func (p exchangePipe) bits() int {
	out, _ := suiteNamed(p.agreed.CipherOut)
	in, _ := suiteNamed(p.agreed.CipherIn)
	strength := func(s suite) int {
		if s.name == "3des-cbc" {
			return 112
		}
		return s.key * 8
	}
	switch n := max(strength(out), strength(in)); {
	case n <= 128:
		return 3072
	case n <= 192:
		return 7680
	}
	return 8192
}
