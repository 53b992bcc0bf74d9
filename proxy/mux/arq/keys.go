package arq

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

const (
	headSize = 8
	overhead = headSize + 16

	// The keys of an epoch are renewed after either. GCM itself would bear
	// 2^32 packets of one key.
	renewAfter  = 10 * time.Minute
	renewVolume = 1 << 30 // bytes sent and received

	// oldFor is how long packets of the last epoch are taken once the peer was
	// seen in this one: they were on their way. Then its keys are gone.
	oldFor = 10 * time.Second
)

var errNotOurs = errors.New("packet does not open")

// keys seals and opens packets, and changes the keys. It is guarded by Conn.mu.
//
// The client renews. It sends a key; the server answers with its own and knows
// the next epoch, but goes on in the last until it sees a packet of the next:
// only then it is sure that its answer came.
//
//	        key →
//	client ───────── server: can open epoch n+1
//	        ← key
//	client: seals in epoch n+1 ──→ server: seals in epoch n+1
//
// Each end opens packets of epoch n until it has seen the other in n+1, however
// long an outage lasts meanwhile: else the acknowledgements without which the
// answer can't come, or the first packet after it, would open for nobody, and
// the connection would stand for ever.
type keys struct {
	client bool
	chain  [32]byte // from which the next epoch comes

	out     sealer
	in, old opener    // of the latest epoch and of the one before
	met     bool      // the peer was seen in the latest
	oldTill time.Time // once met

	next    *sealer // server: to be used when the client's is seen
	asked   *ecdh.PrivateKey
	since   time.Time // of this epoch
	volume  int64
	started bool
}

type sealer struct {
	epoch uint16
	aead  cipher.AEAD
	seq   uint64 // of the last packet
}

type opener struct {
	epoch uint16
	aead  cipher.AEAD // nil opens nothing
	seen  window
}

func (k *keys) start(secret [32]byte, client bool) error {
	k.client = client
	k.since = time.Now()
	k.chain = secret
	return k.advance(0, nil)
}

// advance makes the keys of an epoch from the chain and what was exchanged.
func (k *keys) advance(epoch uint16, exchanged []byte) error {
	material, err := hkdf.Key(sha256.New, append(exchanged, k.chain[:]...), nil, "tssh kcp epoch", 3*32)
	if err != nil {
		return fmt.Errorf("derive keys: %w", err)
	}
	defer clear(material)
	up, err := aead(material[:32])
	if err != nil {
		return err
	}
	down, err := aead(material[32:64])
	if err != nil {
		return err
	}
	copy(k.chain[:], material[64:])
	out, in := up, down
	if !k.client {
		out, in = down, up
	}
	k.old, k.met = k.in, false
	k.in = opener{epoch: epoch, aead: in}
	if k.client || epoch == 0 {
		k.out = sealer{epoch: epoch, aead: out}
	} else {
		k.next = &sealer{epoch: epoch, aead: out}
	}
	k.since, k.volume = time.Now(), 0
	return nil
}

func aead(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("derive keys: %w", err)
	}
	return cipher.NewGCM(block)
}

// seal appends the packet of body to b. No nonce is used twice: the sequence
// counts on, and with a new key it may start again.
func (k *keys) seal(b, body []byte) ([]byte, error) {
	if k.out.aead == nil || k.out.seq >= 1<<48-1 {
		return nil, errors.New("no key, or used up")
	}
	k.out.seq++
	k.volume += int64(len(body))
	b = binary.BigEndian.AppendUint64(b, uint64(k.out.epoch)<<48|k.out.seq)
	var nonce [12]byte
	copy(nonce[4:], b)
	return k.out.aead.Seal(b, nonce[:], body, b[:headSize]), nil
}

// open returns the body of packet, in its place, if it is the peer's and new.
// A copy of a packet opens as well as the packet, but says nothing: an old
// one would make KCP believe in a slow network.
func (k *keys) open(packet []byte) ([]byte, error) {
	if len(packet) <= overhead {
		return nil, errNotOurs
	}
	head := binary.BigEndian.Uint64(packet)
	epoch, seq := uint16(head>>48), head&(1<<48-1)
	in := &k.in
	if epoch != in.epoch {
		in = &k.old
		k.expire(time.Now())
	}
	if in.aead == nil || epoch != in.epoch || !in.seen.fresh(seq) {
		return nil, errNotOurs
	}
	var nonce [12]byte
	copy(nonce[4:], packet[:headSize])
	body, err := in.aead.Open(packet[headSize:headSize], nonce[:], packet[headSize:], packet[:headSize])
	if err != nil {
		return nil, errNotOurs
	}
	in.seen.mark(seq) // only now: who can't seal can't make us refuse others
	k.volume += int64(len(body))
	if in == &k.in && !k.met {
		k.met, k.oldTill = true, time.Now().Add(oldFor)
		if k.next != nil {
			k.out, k.next = *k.next, nil
		}
	}
	return body, nil
}

// expire drops the keys of the last epoch when nothing more can come of it.
func (k *keys) expire(now time.Time) {
	if k.met && !now.Before(k.oldTill) {
		k.old = opener{}
	}
}

// due reports whether the client should ask for new keys.
func (k *keys) due(now time.Time) bool {
	return k.client && k.asked == nil &&
		(!k.started || now.Sub(k.since) > renewAfter || k.volume > renewVolume)
}

// ask makes the client's half of a renewal.
func (k *keys) ask() ([]byte, error) {
	private, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("renew keys: %w", err)
	}
	k.asked, k.started = private, true
	return private.PublicKey().Bytes(), nil
}

// meet takes the peer's half, and on the server returns the answer.
func (k *keys) meet(body []byte) (answer []byte, err error) {
	public, err := ecdh.X25519().NewPublicKey(body)
	if err != nil {
		return nil, fmt.Errorf("renew keys: %w", err)
	}
	private := k.asked
	switch {
	case k.client && private == nil:
		return nil, errors.New("renew keys: an answer to no question")
	case !k.client && k.next != nil:
		return nil, errors.New("renew keys: asked before the last renewal was over")
	case !k.client:
		if private, err = ecdh.X25519().GenerateKey(rand.Reader); err != nil {
			return nil, fmt.Errorf("renew keys: %w", err)
		}
		answer = private.PublicKey().Bytes()
	}
	k.asked = nil
	exchanged, err := private.ECDH(public)
	if err != nil {
		return nil, fmt.Errorf("renew keys: %w", err)
	}
	defer clear(exchanged)
	return answer, k.advance(k.in.epoch+1, exchanged)
}

// forget drops all keys.
func (k *keys) forget() { *k = keys{} }

// window remembers which of the last sequences were seen.
type window struct {
	highest uint64
	bits    [16]uint64 // a ring
}

// windowSize is a word less than the ring: the highest need not end its word.
const windowSize = 15 * 64

func (w *window) fresh(seq uint64) bool {
	switch {
	case seq > w.highest:
		return true
	case seq == 0 || w.highest-seq >= windowSize:
		return false
	}
	return w.bits[seq/64%16]&(1<<(seq%64)) == 0
}

func (w *window) mark(seq uint64) {
	if seq > w.highest {
		// Words that the ring enters anew are cleared.
		from, to := w.highest/64+1, seq/64
		if to >= from+16 {
			from = to - 15
		}
		for i := from; i <= to; i++ {
			w.bits[i%16] = 0
		}
		w.highest = seq
	}
	w.bits[seq/64%16] |= 1 << (seq % 64)
}
