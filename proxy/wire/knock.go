package wire

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"sync/atomic"
	"time"
)

// KnockSize is the size of every packet of the path layer, knock or ack.
const KnockSize = headSize + bodySize + tagSize

// FixedBit is set in the first byte of the transport's datagrams and clear in
// that of a knock or an ack.
const FixedBit = 0x40

const (
	headSize  = 9
	bodySize  = 28
	tagSize   = 16
	nonceSize = 12

	typeKnock = 0x01
	typeAck   = 0x02

	flagClaim = 1 // of a knock
	flagFresh = 1 // of an ack
)

// errForged is all that is said about a packet that does not open: who forges
// learns nothing.
var errForged = errors.New("not a packet of this session")

// Kind is a kind of path.
type Kind uint8

// The kinds of path, the best first.
const (
	UDP Kind = 1 + iota
	TCP
	SSH
)

// String names k as the option UdpProxyMode does.
func (k Kind) String() string {
	switch k {
	case UDP:
		return "UDP"
	case TCP:
		return "TCP"
	case SSH:
		return "SSH"
	}
	return "none"
}

// Knock says that its client is to be found where it came from.
type Knock struct {
	Sequence   uint64 // set by Seal
	Generation uint32 // how many outages the client lived through
	Path       Kind
	Claim      bool          // send to me here; otherwise only: does this path work?
	Loss       uint8         // share of packets lost on the path, in 255ths
	RTT        time.Duration // of the path; 0 when unknown
	Answer     uint64        // the challenge of the last ack; 0: none
}

// Ack is the answer to a knock.
type Ack struct {
	Sequence  uint64 // set by Seal
	Knock     uint64 // the sequence of the knock
	Challenge uint64 // to be repeated in the next knock to prove the address; 0: proven
	Fresh     bool   // the knock was the first of its generation to arrive
}

// end seals one direction and opens the other.
type end struct {
	seals, opens       cipher.AEAD
	sealType, openType byte
	sealID, openID     [8]byte
	sequence           atomic.Uint64 // of the packet sealed last
}

// Client seals knocks and opens acks. Its methods may be called from anywhere.
type Client struct{ end }

// Server opens knocks and seals acks. Its methods may be called from anywhere.
type Server struct{ end }

// NewClient returns the client's end of the session with that secret. There
// must be one only: a second one would use the same nonces.
func NewClient(secret [32]byte) *Client {
	c := new(Client)
	c.seals, c.sealType, c.sealID = gcm(secret, "tssh knock"), typeKnock, [8]byte(derive(secret, "tssh client", 8))
	c.opens, c.openType, c.openID = gcm(secret, "tssh ack"), typeAck, [8]byte(derive(secret, "tssh server", 8))
	return c
}

// NewServer returns the server's end of the session with that secret. There
// must be one only: a second one would use the same nonces.
func NewServer(secret [32]byte) *Server {
	s := new(Server)
	s.seals, s.sealType, s.sealID = gcm(secret, "tssh ack"), typeAck, [8]byte(derive(secret, "tssh server", 8))
	s.opens, s.openType, s.openID = gcm(secret, "tssh knock"), typeKnock, [8]byte(derive(secret, "tssh client", 8))
	return s
}

// Preface returns what the server's half of a stream path starts with.
func Preface(secret [32]byte) [16]byte {
	return [16]byte(derive(secret, "tssh preface", 16))
}

// IsTransport reports whether datagram b belongs to the transport.
func IsTransport(b []byte) bool { return len(b) > 0 && b[0]&FixedBit != 0 }

// Seal numbers k and returns its packet.
func (c *Client) Seal(k *Knock) []byte {
	body := make([]byte, 0, bodySize)
	body = append(body, c.sealID[:]...)
	body = binary.BigEndian.AppendUint32(body, k.Generation)
	body = append(body, byte(k.Path), flag(k.Claim, flagClaim), k.Loss, 0)
	body = binary.BigEndian.AppendUint32(body, uint32(min(k.RTT, time.Hour)/time.Microsecond))
	body = binary.BigEndian.AppendUint64(body, k.Answer)
	var b []byte
	b, k.Sequence = c.seal(body)
	return b
}

// Open returns the knock in packet b. Whether it was seen before is for the
// caller to judge.
func (s *Server) Open(b []byte) (Knock, error) {
	seq, body, err := s.open(b)
	if err != nil {
		return Knock{}, err
	}
	k := Knock{
		Sequence:   seq,
		Generation: binary.BigEndian.Uint32(body[8:]),
		Path:       Kind(body[12]),
		Claim:      body[13]&flagClaim != 0,
		Loss:       body[14],
		RTT:        time.Duration(binary.BigEndian.Uint32(body[16:])) * time.Microsecond,
		Answer:     binary.BigEndian.Uint64(body[20:]),
	}
	if k.Path < UDP || k.Path > SSH {
		return Knock{}, errForged
	}
	return k, nil
}

// Seal numbers a and returns its packet.
func (s *Server) Seal(a *Ack) []byte {
	body := make([]byte, 0, bodySize)
	body = append(body, s.sealID[:]...)
	body = binary.BigEndian.AppendUint64(body, a.Knock)
	body = binary.BigEndian.AppendUint64(body, a.Challenge)
	body = append(body, flag(a.Fresh, flagFresh), 0, 0, 0)
	var b []byte
	b, a.Sequence = s.seal(body)
	return b
}

// Open returns the ack in packet b.
func (c *Client) Open(b []byte) (Ack, error) {
	seq, body, err := c.open(b)
	if err != nil {
		return Ack{}, err
	}
	return Ack{
		Sequence:  seq,
		Knock:     binary.BigEndian.Uint64(body[8:]),
		Challenge: binary.BigEndian.Uint64(body[16:]),
		Fresh:     body[24]&flagFresh != 0,
	}, nil
}

// seal takes a sequence number that was never used before: with the key of
// this direction it makes the nonce, and GCM with a nonce used twice protects
// nothing. At a million packets a second the numbers last for ages.
func (e *end) seal(body []byte) ([]byte, uint64) {
	seq := e.sequence.Add(1)
	b := make([]byte, headSize, KnockSize)
	b[0] = e.sealType
	binary.BigEndian.PutUint64(b[1:], seq)
	return e.seals.Seal(b, nonce(b), body, b), seq
}

func (e *end) open(b []byte) (uint64, []byte, error) {
	if len(b) != KnockSize || b[0] != e.openType {
		return 0, nil, errForged
	}
	body, err := e.opens.Open(make([]byte, 0, bodySize), nonce(b), b[headSize:], b[:headSize])
	if err != nil || [8]byte(body) != e.openID {
		return 0, nil, errForged
	}
	return binary.BigEndian.Uint64(b[1:]), body, nil
}

func nonce(head []byte) []byte {
	n := make([]byte, nonceSize)
	copy(n[nonceSize-8:], head[1:headSize])
	return n
}

func flag(on bool, bit byte) byte {
	if on {
		return bit
	}
	return 0
}

func gcm(secret [32]byte, info string) cipher.AEAD {
	return must(cipher.NewGCM(cipherOf(secret, info)))
}

// gcm12 is gcm with a tag of 12 bytes.
func gcm12(secret [32]byte, info string) cipher.AEAD {
	return must(cipher.NewGCMWithTagSize(cipherOf(secret, info), repairTag))
}

func cipherOf(secret [32]byte, info string) cipher.Block {
	return must(aes.NewCipher(derive(secret, info, 32)))
}

// must takes what fails for no key of ours.
func must[T any](v T, err error) T {
	if err != nil {
		panic("wire: AES-GCM refuses a key of 32 bytes: " + err.Error())
	}
	return v
}

func derive(secret [32]byte, info string, n int) []byte {
	key, err := hkdf.Key(sha256.New, secret[:], nil, info, n)
	if err != nil {
		panic("wire: HKDF refuses " + info + ": " + err.Error())
	}
	return key
}
