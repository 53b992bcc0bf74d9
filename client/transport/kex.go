package transport

import (
	"crypto"
	"crypto/ecdh"
	"crypto/mlkem"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"
)

// Message numbers of the key exchanges, which share them.
const (
	msgKexInit     = 20
	msgNewKeys     = 21
	msgKexECDHInit = 30 // also KEXDH_INIT, KEX_DH_GEX_REQUEST_OLD
	msgKexReply    = 31 // also KEX_DH_GEX_GROUP
	msgGexInit     = 32
	msgGexReply    = 33
	msgGexRequest  = 34
)

// pipe is what a key exchange uses of the connection: packets, past the
// queue that holds all others back.
type pipe interface {
	send(packet []byte) error
	receive(want byte) ([]byte, error)
	debugf(format string, args ...any)
	debug2f(format string, args ...any)
	bits() int // of a group as strong as the ciphers
}

// secret is what a key exchange ends with.
type secret struct {
	hostKey   []byte
	signature []byte
	shared    []byte // K as it goes into hashes: an mpint or a string
	middle    []byte // what the hash covers between the host key and K
	hash      crypto.Hash
}

// Quantum reports whether a key exchange withstands quantum computers, which
// may one day open what is recorded today.
func Quantum(kex string) bool {
	return strings.HasPrefix(kex, "mlkem") || strings.HasPrefix(kex, "sntrup")
}

// exchanger runs a key exchange's own messages.
type exchanger func(p pipe) (*secret, error)

type kexAlgorithm struct {
	name   string
	legacy bool
	run    exchanger
}

func kexAlgorithms() []kexAlgorithm {
	return []kexAlgorithm{
		{name: "mlkem768x25519-sha256", run: hybrid},
		{name: "curve25519-sha256", run: curve(ecdh.X25519(), crypto.SHA256)},
		{name: "curve25519-sha256@libssh.org", run: curve(ecdh.X25519(), crypto.SHA256)},
		{name: "ecdh-sha2-nistp256", run: curve(ecdh.P256(), crypto.SHA256)},
		{name: "ecdh-sha2-nistp384", run: curve(ecdh.P384(), crypto.SHA384)},
		{name: "ecdh-sha2-nistp521", run: curve(ecdh.P521(), crypto.SHA512)},
		{name: "diffie-hellman-group-exchange-sha256", run: groupExchange(crypto.SHA256)},
		{name: "diffie-hellman-group16-sha512", run: fixedGroup(4096, crypto.SHA512)},
		{name: "diffie-hellman-group18-sha512", run: fixedGroup(8192, crypto.SHA512)},
		{name: "diffie-hellman-group14-sha256", run: fixedGroup(2048, crypto.SHA256)},
		{name: "diffie-hellman-group14-sha1", legacy: true, run: fixedGroup(2048, crypto.SHA1)},
		{name: "diffie-hellman-group1-sha1", legacy: true, run: fixedGroup(1024, crypto.SHA1)},
		{name: "diffie-hellman-group-exchange-sha1", legacy: true, run: groupExchange(crypto.SHA1)},
	}
}

func kexNamed(name string) (kexAlgorithm, bool) {
	all := kexAlgorithms()
	i := slices.IndexFunc(all, func(k kexAlgorithm) bool { return k.name == name })
	if i < 0 {
		return kexAlgorithm{}, false
	}
	return all[i], true
}

type ecdhInit struct {
	Public []byte `sshtype:"30"`
}

type ecdhReply struct {
	HostKey   []byte `sshtype:"31"`
	Public    []byte
	Signature []byte
}

func appendString(b, s []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(s)))
	return append(b, s...)
}

// appendInt appends n as an mpint; n is not negative.
func appendInt(b []byte, n *big.Int) []byte {
	bytes := n.Bytes()
	if len(bytes) > 0 && bytes[0]&0x80 != 0 {
		bytes = append([]byte{0}, bytes...)
	}
	return appendString(b, bytes)
}

// swap sends our public value and returns the server's answer.
func swap(p pipe, public []byte) (*ecdhReply, error) {
	if err := p.send(ssh.Marshal(&ecdhInit{public})); err != nil {
		return nil, err
	}
	p.debugf("expecting SSH2_MSG_KEX_ECDH_REPLY")
	packet, err := p.receive(msgKexReply)
	if err != nil {
		return nil, err
	}
	p.debugf("SSH2_MSG_KEX_ECDH_REPLY received")
	reply := new(ecdhReply)
	if err := ssh.Unmarshal(packet, reply); err != nil {
		return nil, fmt.Errorf("key exchange reply: %w", err)
	}
	return reply, nil
}

// curve is RFC 5656's and RFC 8731's exchange. crypto/ecdh refuses points off
// the curve and the all-zero result of a point of small order.
func curve(c ecdh.Curve, h crypto.Hash) exchanger {
	return func(p pipe) (*secret, error) {
		own, err := c.GenerateKey(rand.Reader)
		if err != nil {
			return nil, err
		}
		reply, err := swap(p, own.PublicKey().Bytes())
		if err != nil {
			return nil, err
		}
		theirs, err := c.NewPublicKey(reply.Public)
		if err != nil {
			return nil, errors.New("invalid public key of the server")
		}
		k, err := own.ECDH(theirs)
		if err != nil {
			return nil, errors.New("invalid public key of the server")
		}
		return &secret{
			hostKey: reply.HostKey, signature: reply.Signature, hash: h,
			shared: appendInt(nil, new(big.Int).SetBytes(k)),
			middle: appendString(appendString(nil, own.PublicKey().Bytes()), reply.Public),
		}, nil
	}
}

// hybrid is ML-KEM-768 beside X25519: the secret stands as long as one of the
// two does.
func hybrid(p pipe) (*secret, error) {
	kem, err := mlkem.GenerateKey768()
	if err != nil {
		return nil, err
	}
	own, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	public := append(kem.EncapsulationKey().Bytes(), own.PublicKey().Bytes()...)
	reply, err := swap(p, public)
	if err != nil {
		return nil, err
	}
	if len(reply.Public) != mlkem.CiphertextSize768+32 {
		return nil, errors.New("invalid public key of the server")
	}
	a, err := kem.Decapsulate(reply.Public[:mlkem.CiphertextSize768])
	if err != nil {
		return nil, errors.New("invalid public key of the server")
	}
	theirs, err := ecdh.X25519().NewPublicKey(reply.Public[mlkem.CiphertextSize768:])
	if err != nil {
		return nil, errors.New("invalid public key of the server")
	}
	b, err := own.ECDH(theirs)
	if err != nil {
		return nil, errors.New("invalid public key of the server")
	}
	k := sha256.Sum256(append(a, b...))
	return &secret{
		hostKey: reply.HostKey, signature: reply.Signature, hash: crypto.SHA256,
		shared: appendString(nil, k[:]),
		middle: appendString(appendString(nil, public), reply.Public),
	}, nil
}

// group is a prime field of Diffie and Hellman.
type group struct{ p, g *big.Int }

// private draws an exponent and computes its public value. 512 bits are twice
// the strength of the strongest cipher.
func (g group) private() (x, public *big.Int, err error) {
	limit := new(big.Int).Lsh(big.NewInt(1), 512)
	x, err = rand.Int(rand.Reader, limit)
	if err != nil {
		return nil, nil, err
	}
	// A second try would be no use: in a malicious group no value is sound.
	if public = new(big.Int).Exp(g.g, x, g.p); !g.sound(public) {
		return nil, nil, errors.New("DH group of the server is not sound")
	}
	return x, public, nil
}

// sound refuses the values that would make the secret known: 0, 1, p-1 and
// what lies outside.
func (g group) sound(v *big.Int) bool {
	return v.Cmp(big.NewInt(1)) > 0 && v.Cmp(new(big.Int).Sub(g.p, big.NewInt(1))) < 0
}

type dhInit struct {
	E *big.Int `sshtype:"30"`
}

type dhReply struct {
	HostKey   []byte `sshtype:"31|33"`
	F         *big.Int
	Signature []byte
}

type gexRequest struct {
	Min, Want, Max uint32 `sshtype:"34"`
}

type gexGroup struct {
	P *big.Int `sshtype:"31"`
	G *big.Int
}

type gexInit struct {
	E *big.Int `sshtype:"32"`
}

// agree ends both exchanges over a prime field.
func (g group) agree(p pipe, x, e *big.Int, packet []byte, h crypto.Hash, middle []byte) (*secret, error) {
	var reply dhReply
	if err := ssh.Unmarshal(packet, &reply); err != nil {
		return nil, fmt.Errorf("key exchange reply: %w", err)
	}
	if !g.sound(reply.F) { // first: counting the bits of any number takes long
		return nil, errors.New("invalid public DH value of the server")
	}
	p.debug2f("bits set: %d/%d", ones(reply.F), g.p.BitLen())
	k := new(big.Int).Exp(reply.F, x, g.p)
	middle = appendInt(appendInt(middle, e), reply.F)
	return &secret{hostKey: reply.HostKey, signature: reply.Signature, hash: h, shared: appendInt(nil, k), middle: middle}, nil
}

func ones(n *big.Int) (set int) {
	for i := range n.BitLen() {
		set += int(n.Bit(i))
	}
	return set
}

func fixedGroup(bits int, h crypto.Hash) exchanger {
	return func(p pipe) (*secret, error) {
		g := oakley(bits)
		x, e, err := g.private()
		if err != nil {
			return nil, err
		}
		p.debug2f("bits set: %d/%d", ones(e), g.p.BitLen())
		if err := p.send(ssh.Marshal(&dhInit{e})); err != nil {
			return nil, err
		}
		p.debugf("expecting SSH2_MSG_KEXDH_REPLY")
		packet, err := p.receive(msgKexReply)
		if err != nil {
			return nil, err
		}
		return g.agree(p, x, e, packet, h, nil)
	}
}

// groupExchange asks for a group (RFC 4419). The server chooses it, so what
// it sends is held to the size asked for.
func groupExchange(h crypto.Hash) exchanger {
	return func(p pipe) (*secret, error) {
		request := &gexRequest{2048, uint32(p.bits()), 8192}
		if err := p.send(ssh.Marshal(request)); err != nil {
			return nil, err
		}
		p.debugf("SSH2_MSG_KEX_DH_GEX_REQUEST(%d<%d<%d) sent", request.Min, request.Want, request.Max)
		p.debugf("expecting SSH2_MSG_KEX_DH_GEX_GROUP")
		packet, err := p.receive(msgKexReply)
		if err != nil {
			return nil, err
		}
		p.debugf("SSH2_MSG_KEX_DH_GEX_GROUP received")
		var offer gexGroup
		if err := ssh.Unmarshal(packet, &offer); err != nil {
			return nil, fmt.Errorf("key exchange group: %w", err)
		}
		g := group{offer.P, offer.G}
		if n := g.p.BitLen(); n < int(request.Min) || n > int(request.Max) || g.p.Bit(0) == 0 || !g.sound(g.g) {
			return nil, fmt.Errorf("DH_GEX group out of range: %d !< %d !< %d", request.Min, n, request.Max)
		}
		x, e, err := g.private()
		if err != nil {
			return nil, err
		}
		p.debug2f("bits set: %d/%d", ones(e), g.p.BitLen())
		if err := p.send(ssh.Marshal(&gexInit{e})); err != nil {
			return nil, err
		}
		p.debugf("SSH2_MSG_KEX_DH_GEX_INIT sent")
		p.debugf("expecting SSH2_MSG_KEX_DH_GEX_REPLY")
		packet, err = p.receive(msgGexReply)
		if err != nil {
			return nil, err
		}
		p.debugf("SSH2_MSG_KEX_DH_GEX_REPLY received")
		middle := binary.BigEndian.AppendUint32(nil, request.Min)
		middle = binary.BigEndian.AppendUint32(middle, request.Want)
		middle = binary.BigEndian.AppendUint32(middle, request.Max)
		return g.agree(p, x, e, packet, h, appendInt(appendInt(middle, g.p), g.g))
	}
}
