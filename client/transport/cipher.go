package transport

import (
	"bufio"
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/hmac"
	"crypto/md5"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/binary"
	"fmt"
	"hash"
	"io"
	"slices"

	"golang.org/x/crypto/chacha20"
	//lint:ignore SA1019 ssh authenticates raw ciphertext, which chacha20poly1305 can't
	"golang.org/x/crypto/poly1305"
)

// maxPacket bounds what a peer can make us allocate.
const maxPacket = 256 << 10

// sealer turns one payload into one packet on the wire. The payload is not
// kept. Each key has its own sealer, and each sequence number is used once.
type sealer interface {
	seal(dst []byte, seq uint32, payload []byte) []byte
}

// opener reads one packet and returns its payload, valid until the next call.
// It returns nothing of a packet before it has verified the tag.
type opener interface {
	open(r *bufio.Reader, seq uint32) ([]byte, error)
}

// suite is a cipher by its name in RFC 4253 or PROTOCOL.
type suite struct {
	name    string
	key, iv int // bytes
	block   int
	aead    bool
	legacy  bool
	encrypt func(key, iv []byte) cipherStream // neither for AEAD
	decrypt func(key, iv []byte) cipherStream
}

type digest struct {
	name    string
	size    int // of the tag on the wire
	etm     bool
	legacy  bool
	newHash func() hash.Hash
}

func suites() []suite {
	return []suite{
		{name: "chacha20-poly1305@openssh.com", key: 64, block: 8, aead: true},
		{name: "aes128-gcm@openssh.com", key: 16, iv: 12, block: 16, aead: true},
		{name: "aes256-gcm@openssh.com", key: 32, iv: 12, block: 16, aead: true},
		{name: "aes128-ctr", key: 16, iv: 16, block: 16, encrypt: aesCTR, decrypt: aesCTR},
		{name: "aes192-ctr", key: 24, iv: 16, block: 16, encrypt: aesCTR, decrypt: aesCTR},
		{name: "aes256-ctr", key: 32, iv: 16, block: 16, encrypt: aesCTR, decrypt: aesCTR},
		{name: "aes128-cbc", key: 16, iv: 16, block: 16, legacy: true, encrypt: cbc(aes.NewCipher, cipher.NewCBCEncrypter), decrypt: cbc(aes.NewCipher, cipher.NewCBCDecrypter)},
		{name: "aes192-cbc", key: 24, iv: 16, block: 16, legacy: true, encrypt: cbc(aes.NewCipher, cipher.NewCBCEncrypter), decrypt: cbc(aes.NewCipher, cipher.NewCBCDecrypter)},
		{name: "aes256-cbc", key: 32, iv: 16, block: 16, legacy: true, encrypt: cbc(aes.NewCipher, cipher.NewCBCEncrypter), decrypt: cbc(aes.NewCipher, cipher.NewCBCDecrypter)},
		{name: "3des-cbc", key: 24, iv: 8, block: 8, legacy: true, encrypt: cbc(des.NewTripleDESCipher, cipher.NewCBCEncrypter), decrypt: cbc(des.NewTripleDESCipher, cipher.NewCBCDecrypter)},
	}
}

func digests() []digest {
	return []digest{
		{name: "hmac-sha2-256-etm@openssh.com", size: 32, etm: true, newHash: sha256.New},
		{name: "hmac-sha2-512-etm@openssh.com", size: 64, etm: true, newHash: sha512.New},
		{name: "hmac-sha1-etm@openssh.com", size: 20, etm: true, newHash: sha1.New},
		{name: "hmac-sha2-256", size: 32, newHash: sha256.New},
		{name: "hmac-sha2-512", size: 64, newHash: sha512.New},
		{name: "hmac-sha1", size: 20, newHash: sha1.New},
		{name: "hmac-sha1-96", size: 12, legacy: true, newHash: sha1.New},
		{name: "hmac-md5", size: 16, legacy: true, newHash: md5.New},
		{name: "hmac-md5-96", size: 12, legacy: true, newHash: md5.New},
		{name: "hmac-sha1-96-etm@openssh.com", size: 12, etm: true, legacy: true, newHash: sha1.New},
		{name: "hmac-md5-etm@openssh.com", size: 16, etm: true, legacy: true, newHash: md5.New},
		{name: "hmac-md5-96-etm@openssh.com", size: 12, etm: true, legacy: true, newHash: md5.New},
	}
}

func suiteNamed(name string) (suite, bool) {
	all := suites()
	i := slices.IndexFunc(all, func(s suite) bool { return s.name == name })
	if i < 0 {
		return suite{}, false
	}
	return all[i], true
}

func digestNamed(name string) (digest, bool) {
	all := digests()
	i := slices.IndexFunc(all, func(d digest) bool { return d.name == name })
	if i < 0 {
		return digest{}, false
	}
	return all[i], true
}

// pad is how long the padding is that fills n bytes up to whole blocks: at
// least four, as RFC 4253 wants.
func pad(n, block int) int {
	p := block - n%block
	if p < 4 {
		p += block
	}
	return p
}

// frame appends length, padding length, payload and random padding.
func frame(dst, payload []byte, padding int) []byte {
	dst = binary.BigEndian.AppendUint32(dst, uint32(1+len(payload)+padding))
	dst = append(dst, byte(padding))
	dst = append(dst, payload...)
	n := len(dst)
	dst = append(dst, make([]byte, padding)...)
	rand.Read(dst[n:])
	return dst
}

// unframe takes the padding off what followed the length.
func unframe(body []byte) ([]byte, error) {
	padding := int(body[0])
	if padding < 4 || padding+1 >= len(body) {
		return nil, corrupt(fmt.Sprintf("Corrupted padlen %d on input.", padding))
	}
	return body[1 : len(body)-padding], nil
}

// grow returns b with room for n bytes; its content is lost.
func grow(b []byte, n int) []byte {
	if cap(b) < n {
		return make([]byte, n, n+n/4)
	}
	return b[:n]
}

type cipherStream interface{ XORKeyStream(dst, src []byte) }

func aesCTR(key, iv []byte) cipherStream {
	b, err := aes.NewCipher(key)
	if err != nil {
		panic(err) // the table gives the size
	}
	return cipher.NewCTR(b, iv)
}

type cbcStream struct{ cipher.BlockMode }

func (c cbcStream) XORKeyStream(dst, src []byte) { c.CryptBlocks(dst, src) }

func cbc(newBlock func([]byte) (cipher.Block, error), mode func(cipher.Block, []byte) cipher.BlockMode) func(key, iv []byte) cipherStream {
	return func(key, iv []byte) cipherStream {
		b, err := newBlock(key)
		if err != nil {
			panic(err) // the table gives the size
		}
		return cbcStream{mode(b, iv)}
	}
}

// lengthOf reads a packet's length, which must fill blocks, with its own four bytes
// where those are encrypted like the rest (covered).
func lengthOf(head []byte, block int, covered bool) (int, error) {
	n := binary.BigEndian.Uint32(head)
	if n < 5 || n > maxPacket {
		return 0, badLength(n)
	}
	filled, need := int(n), int(n)
	if covered {
		filled, need = filled+4, filled+4-block
	}
	if filled%block != 0 {
		return 0, corrupt(fmt.Sprintf("padding error: need %d block %d mod %d", need, block, filled%block))
	}
	return int(n), nil
}

// plain is the packet format before the first keys.
type plain struct{ buf []byte }

func (p *plain) seal(dst []byte, _ uint32, payload []byte) []byte {
	return frame(dst, payload, pad(5+len(payload), 8))
}

func (p *plain) open(r *bufio.Reader, _ uint32) ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	n, err := lengthOf(head[:], 8, true)
	if err != nil {
		return nil, err
	}
	p.buf = grow(p.buf, n)
	if _, err := io.ReadFull(r, p.buf); err != nil {
		return nil, midPacket(err)
	}
	return unframe(p.buf)
}

// classic is a cipher in CTR or CBC mode and a separate MAC, which covers
// either the plaintext or, "encrypt then MAC", what is sent.
type classic struct {
	cipher cipherStream
	mac    hash.Hash
	digest digest
	block  int
	buf    []byte
	tag    []byte
}

func (c *classic) sum(seq uint32, parts ...[]byte) []byte {
	c.mac.Reset()
	var s [4]byte
	binary.BigEndian.PutUint32(s[:], seq)
	c.mac.Write(s[:])
	for _, p := range parts {
		c.mac.Write(p)
	}
	c.tag = c.mac.Sum(c.tag[:0])
	return c.tag[:c.digest.size]
}

func (c *classic) seal(dst []byte, seq uint32, payload []byte) []byte {
	start := len(dst)
	if c.digest.etm {
		dst = frame(dst, payload, pad(1+len(payload), c.block))
		body := dst[start+4:]
		c.cipher.XORKeyStream(body, body)
		return append(dst, c.sum(seq, dst[start:])...)
	}
	dst = frame(dst, payload, pad(5+len(payload), c.block))
	tag := c.sum(seq, dst[start:])
	c.cipher.XORKeyStream(dst[start:], dst[start:])
	return append(dst, tag...)
}

func (c *classic) open(r *bufio.Reader, seq uint32) ([]byte, error) {
	if c.digest.etm {
		return c.openETM(r, seq)
	}
	c.buf = grow(c.buf, c.block)
	if _, err := io.ReadFull(r, c.buf); err != nil {
		return nil, err
	}
	c.cipher.XORKeyStream(c.buf, c.buf)
	n, err := lengthOf(c.buf, c.block, true)
	if err != nil {
		return nil, c.hide(r, 0, err)
	}
	whole := 4 + n
	if cap(c.buf) < whole+c.digest.size {
		c.buf = append(make([]byte, 0, whole+c.digest.size), c.buf...)
	}
	c.buf = c.buf[:whole+c.digest.size]
	if _, err := io.ReadFull(r, c.buf[c.block:]); err != nil {
		return nil, midPacket(err)
	}
	rest := c.buf[c.block:whole]
	c.cipher.XORKeyStream(rest, rest)
	if subtle.ConstantTimeCompare(c.sum(seq, c.buf[:whole]), c.buf[whole:]) != 1 {
		return nil, c.hide(r, whole, badMAC())
	}
	return unframe(c.buf[4:whole])
}

// hide reads on before a failure shows when the mode is CBC: how much we read
// would tell an attacker what the first block decrypts to.
func (c *classic) hide(r *bufio.Reader, read int, err error) error {
	if _, ok := c.cipher.(cbcStream); ok {
		io.CopyN(io.Discard, r, int64(maxPacket-read))
	}
	return err
}

func (c *classic) openETM(r *bufio.Reader, seq uint32) ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	n, err := lengthOf(head[:], c.block, false)
	if err != nil {
		return nil, err
	}
	c.buf = grow(c.buf, n+c.digest.size)
	if _, err := io.ReadFull(r, c.buf); err != nil {
		return nil, midPacket(err)
	}
	if subtle.ConstantTimeCompare(c.sum(seq, head[:], c.buf[:n]), c.buf[n:]) != 1 {
		return nil, badMAC()
	}
	c.cipher.XORKeyStream(c.buf[:n], c.buf[:n])
	return unframe(c.buf[:n])
}

// gcm is AES-GCM as RFC 5647 has it: the length is sent plainly and
// authenticated, the nonce counts packets.
type gcm struct {
	aead cipher.AEAD
	iv   []byte
	buf  []byte
}

// next returns the nonce of this packet and counts on. 2^64 packets are never
// sent under one key, so no nonce comes twice.
func (g *gcm) next() []byte {
	nonce := slices.Clone(g.iv)
	binary.BigEndian.PutUint64(g.iv[4:], binary.BigEndian.Uint64(g.iv[4:])+1)
	return nonce
}

func (g *gcm) seal(dst []byte, _ uint32, payload []byte) []byte {
	start := len(dst)
	dst = frame(dst, payload, pad(1+len(payload), 16))
	body := dst[start+4:]
	return append(dst[:start+4], g.aead.Seal(body[:0], g.next(), body, dst[start:start+4])...)
}

func (g *gcm) open(r *bufio.Reader, _ uint32) ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	n, err := lengthOf(head[:], 16, false)
	if err != nil {
		return nil, err
	}
	g.buf = grow(g.buf, n+16)
	if _, err := io.ReadFull(r, g.buf); err != nil {
		return nil, midPacket(err)
	}
	body, err := g.aead.Open(g.buf[:0], g.next(), g.buf, head[:])
	if err != nil {
		return nil, errMAC()
	}
	return unframe(body)
}

// chacha is OpenSSH's chacha20-poly1305: one key encrypts the length, the
// other the packet, and the first block of the second makes the MAC's key.
type chacha struct {
	main, length []byte
	buf          []byte
}

// start returns the streams of one packet and the MAC's key.
func (c *chacha) start(seq uint32) (length, main *chacha20.Cipher, mac *[32]byte) {
	var nonce [12]byte
	binary.BigEndian.PutUint32(nonce[8:], seq)
	main, err := chacha20.NewUnauthenticatedCipher(c.main, nonce[:])
	if err != nil {
		panic(err) // the sizes are fixed
	}
	length, err = chacha20.NewUnauthenticatedCipher(c.length, nonce[:])
	if err != nil {
		panic(err)
	}
	mac = new([32]byte)
	main.XORKeyStream(mac[:], mac[:])
	main.SetCounter(1)
	return length, main, mac
}

func (c *chacha) seal(dst []byte, seq uint32, payload []byte) []byte {
	length, main, key := c.start(seq)
	start := len(dst)
	dst = frame(dst, payload, pad(1+len(payload), 8))
	packet := dst[start:]
	length.XORKeyStream(packet[:4], packet[:4])
	main.XORKeyStream(packet[4:], packet[4:])
	var tag [16]byte
	poly1305.Sum(&tag, packet, key)
	return append(dst, tag[:]...)
}

func (c *chacha) open(r *bufio.Reader, seq uint32) ([]byte, error) {
	length, main, key := c.start(seq)
	var sealed, head [4]byte
	if _, err := io.ReadFull(r, sealed[:]); err != nil {
		return nil, err
	}
	length.XORKeyStream(head[:], sealed[:])
	n, err := lengthOf(head[:], 8, false)
	if err != nil {
		return nil, err
	}
	whole := 4 + n
	c.buf = grow(c.buf, whole+16)
	copy(c.buf, sealed[:])
	if _, err := io.ReadFull(r, c.buf[4:]); err != nil {
		return nil, midPacket(err)
	}
	var tag [16]byte
	copy(tag[:], c.buf[whole:])
	if !poly1305.Verify(&tag, c.buf[:whole], key) {
		return nil, errMAC()
	}
	body := c.buf[4:whole]
	main.XORKeyStream(body, body)
	return unframe(body)
}

// keys derives what is needed of one direction's keys, each by its letter (RFC
// 4253, section 7.2).
type keys struct {
	derive       func(letter byte, n int) []byte
	iv, key, mac byte // the letters
}

// outward and inward are the keys of what the client sends, and of what it gets.
func outward(derive func(byte, int) []byte) keys { return keys{derive, 'A', 'C', 'E'} }
func inward(derive func(byte, int) []byte) keys  { return keys{derive, 'B', 'D', 'F'} }

// packets seals what is sent and opens what comes: a direction does one of them.
type packets interface {
	sealer
	opener
}

// newSealer makes the cipher of what is sent.
func newSealer(s suite, d digest, k keys) sealer { return newPackets(s, d, k, s.encrypt) }

// newOpener makes the cipher of what comes.
func newOpener(s suite, d digest, k keys) opener { return newPackets(s, d, k, s.decrypt) }

func newPackets(s suite, d digest, k keys, stream func(key, iv []byte) cipherStream) packets {
	key, iv := k.derive(k.key, s.key), k.derive(k.iv, s.iv)
	switch {
	case s.name == "chacha20-poly1305@openssh.com":
		return &chacha{main: key[:32], length: key[32:]}
	case s.aead:
		b, err := aes.NewCipher(key)
		if err != nil {
			panic(err) // the table gives the size
		}
		aead, err := cipher.NewGCM(b)
		if err != nil {
			panic(err)
		}
		return &gcm{aead: aead, iv: iv}
	}
	mac := hmac.New(d.newHash, k.derive(k.mac, d.newHash().Size()))
	return &classic{cipher: stream(key, iv), digest: d, block: s.block, mac: mac}
}
