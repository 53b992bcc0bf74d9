package transport

import (
	"bufio"
	"bytes"
	"crypto"
	"crypto/mlkem"
	"crypto/rand"
	"crypto/rsa"
	"encoding/binary"
	"fmt"
	"math/big"
	"strings"
	"testing"

	"tssh/proxy/pubkey"

	"golang.org/x/crypto/ssh"
)

func rsaKey() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) }

// answers is a key exchange with a server whose packets are known.
type answers struct{ packets [][]byte }

func (a *answers) send([]byte) error { return nil }
func (a *answers) receive(byte) ([]byte, error) {
	p := a.packets[0]
	a.packets = a.packets[1:]
	return p, nil
}
func (a *answers) debugf(string, ...any)  {}
func (a *answers) debug2f(string, ...any) {}
func (a *answers) bits() int              { return 3072 }

func dhAnswer(kind byte, f *big.Int) []byte {
	b := appendString([]byte{kind}, []byte("key"))
	return appendString(appendSigned(b, f), []byte("sig"))
}

// appendSigned is an mpint that may be negative.
func appendSigned(b []byte, n *big.Int) []byte {
	return append(b, ssh.Marshal(&struct{ N *big.Int }{n})...)
}

func TestPublicValuesThatGiveTheSecretAway(t *testing.T) {
	p := oakley(2048).p
	k, _ := kexNamed("diffie-hellman-group14-sha256")
	for name, f := range map[string]*big.Int{
		"0": big.NewInt(0), "1": big.NewInt(1), "p-1": new(big.Int).Sub(p, big.NewInt(1)), "p": p, "p+1": new(big.Int).Add(p, big.NewInt(1)),
		"-2": big.NewInt(-2), "huge": new(big.Int).Lsh(p, 1<<19), "hugely negative": new(big.Int).Neg(new(big.Int).Lsh(p, 1<<19)),
	} {
		if _, err := k.run(&answers{[][]byte{dhAnswer(31, f)}}); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
	if _, err := k.run(&answers{[][]byte{dhAnswer(31, big.NewInt(5))}}); err != nil {
		t.Error(err)
	}
}

// TestGroupsThatAreTraps: among them the square of a number, with that number
// to raise: each power but the first is 0, and no exponent will ever do.
func TestGroupsThatAreTraps(t *testing.T) {
	good := oakley(2048)
	q := new(big.Int).SetBit(big.NewInt(12345), 1100, 1)
	square := new(big.Int).Mul(q, q)
	k, _ := kexNamed("diffie-hellman-group-exchange-sha256")
	run := func(p, g *big.Int) error {
		group := appendSigned(appendSigned([]byte{31}, p), g)
		_, err := k.run(&answers{[][]byte{group, dhAnswer(33, big.NewInt(5))}})
		return err
	}
	if err := run(good.p, good.g); err != nil {
		t.Fatal(err)
	}
	two := big.NewInt(2)
	for name, g := range map[string]group{
		"small": {oakley(1024).p, two}, "large": {new(big.Int).SetBit(big.NewInt(1), 8192, 1), two},
		"even": {new(big.Int).Add(good.p, big.NewInt(1)), two}, "negative": {new(big.Int).Neg(good.p), two}, "zero": {new(big.Int), two},
		"g is 0": {good.p, new(big.Int)}, "g is 1": {good.p, big.NewInt(1)}, "g is p-1": {good.p, new(big.Int).Sub(good.p, big.NewInt(1))},
		"g is -2": {good.p, big.NewInt(-2)}, "square": {square, q},
	} {
		if run(g.p, g.g) == nil {
			t.Errorf("%s: was taken", name)
		}
	}
}

func TestPointsOffTheCurve(t *testing.T) {
	for name, points := range map[string][][]byte{
		"ecdh-sha2-nistp256":    {{0}, {4}, bytes.Repeat([]byte{4}, 65), append([]byte{2}, bytes.Repeat([]byte{1}, 32)...)},
		"ecdh-sha2-nistp521":    {{0}, bytes.Repeat([]byte{4}, 133)},
		"mlkem768x25519-sha256": {nil, make([]byte, 32), make([]byte, mlkem.CiphertextSize768+31), make([]byte, mlkem.CiphertextSize768+32), make([]byte, mlkem.CiphertextSize768+33)},
	} {
		k, _ := kexNamed(name)
		for _, point := range points {
			reply := ssh.Marshal(&ecdhReply{[]byte("key"), point, []byte("sig")})
			if _, err := k.run(&answers{[][]byte{reply}}); err == nil {
				t.Errorf("%s: %d bytes were taken", name, len(point))
			}
		}
	}
}

// established returns a connection with the keys of one exchange.
func established(t *testing.T) (*Conn, *hostile) {
	t.Helper()
	h, client := newHostile(t)
	done := make(chan struct{})
	go func() {
		defer close(done)
		h.open()
		h.reply(nil)
		h.newKeys()
	}()
	c, err := Handshake(client, trusting)
	if err != nil {
		t.Fatal(err)
	}
	<-done
	if err := c.WritePacket([]byte{80}); err != nil {
		t.Fatal(err)
	}
	return c, h
}

func TestFloodsAreNotKept(t *testing.T) {
	c := &Conn{extensions: map[string]string{}}
	for i := range 1000 {
		b := binary.BigEndian.AppendUint32([]byte{msgExtInfo}, 1)
		b = appendString(appendString(b, fmt.Appendf(nil, "ext%d", i)), []byte("v"))
		if err := c.readExtensions(b); err != nil {
			t.Fatal(err)
		}
	}
	if len(c.extensions) > maxExtensions {
		t.Errorf("%d extensions are kept", len(c.extensions))
	}

	c.offer = []byte{msgKexInit}
	ping := []byte{msgPing, 0, 0, 0, 0}
	for _, c.renew = range []bool{false, true} {
		if err := c.pong(ping); err != nil || len(c.queue) > 0 {
			t.Errorf("a ping is answered before its time: %v", err)
		}
	}

	c.held = maxHeld - packetCost - 3
	if err := c.WritePacket([]byte{82, 0}); err != nil {
		t.Error(err)
	}
	if err := c.WritePacket([]byte{82, 0}); err == nil {
		t.Error("answers are held without end")
	}
}

func TestKeysWearOutByPacketsToo(t *testing.T) {
	server, client := newHostile(t)
	go server.hello()
	c := &Conn{conn: client, cfg: trusting, out: &plain{}, outLeft: 1 << 40, outPackets: 2, renew: true, sessionID: []byte{1}}
	for range 2 {
		if c.offer != nil {
			t.Error("keys are renewed too early")
		}
		if err := c.WritePacket([]byte{80}); err != nil {
			t.Fatal(err)
		}
	}
	if c.offer == nil {
		t.Error("keys are not renewed")
	}
}

// TestMisplacedMessages: outside of an exchange its messages end all.
func TestMisplacedMessages(t *testing.T) {
	for _, kind := range []byte{msgNewKeys, msgKexReply, 49} {
		c, h := established(t)
		if p := h.read(); p == nil || p[0] != 80 {
			t.Fatalf("got %v", p)
		}
		h.send([]byte{kind, 0, 0, 0, 0})
		_, err := c.ReadPacket()
		refused(t, err, "kex protocol error")
	}
}

func TestPacketsOutOfBounds(t *testing.T) {
	for name, b := range map[string]string{
		"short":              "\x00\x00\x00\x04\x04\x14\x00\x00\x00\x00\x00\x00",
		"long":               "\x00\x04\x00\x04" + strings.Repeat("\x04", 300),
		"longest":            "\xff\xff\xff\xff" + strings.Repeat("\x04", 300),
		"no whole block":     "\x00\x00\x00\x0d\x04" + strings.Repeat("\x14", 12),
		"too little padding": "\x00\x00\x00\x0c\x03" + strings.Repeat("\x14", 11),
		"padding only":       "\x00\x00\x00\x0c\x0b" + strings.Repeat("\x14", 11),
		"more padding":       "\x00\x00\x00\x0c\xff" + strings.Repeat("\x14", 11),
	} {
		if _, err := new(plain).open(bufio.NewReader(strings.NewReader(b)), 0); err == nil {
			t.Errorf("%s: was taken", name)
		}
	}
}

func TestVersionsOutOfBounds(t *testing.T) {
	for name, b := range map[string]string{
		"long line":  strings.Repeat("x", 9000) + "\nSSH-2.0-x\r\n",
		"many lines": strings.Repeat("x\r\n", 1025) + "SSH-2.0-x\r\n",
		"zero":       "SSH-2.0-x\x00y\r\n",
		"old":        "SSH-1.5-x\r\n",
		"escape":     "SSH-\x1bc-x\r\n",
	} {
		c := &Conn{conn: &script{}, br: bufio.NewReader(strings.NewReader(b))}
		err := c.exchangeVersions()
		if err == nil || strings.Contains(err.Error(), "\x1b") {
			t.Errorf("%s: %q", name, err)
		}
	}
}

// TestServersWordsDontReachTheTerminal: neither names nor text of a server
// carry control characters into what is shown.
func TestServersWordsDontReachTheTerminal(t *testing.T) {
	_, err := attack(t, trusting, func(h *hostile) {
		h.hello()
		h.propose("\x1b]0;mine\x07", ssh.KeyAlgoED25519, false)
	})
	refused(t, err, "no matching key exchange method found. Their offer: \\033]0;mine\\007")
	_, err = attack(t, trusting, func(h *hostile) {
		h.open()
		h.reply(func(r *ecdhReply) { r.Signature = ssh.Marshal(&ssh.Signature{Format: "\x1b[2J", Blob: []byte("x")}) })
	})
	refused(t, err, "algorithm \\033[2J instead")
	d := (&Conn{conn: &script{}}).disconnected(ssh.Marshal(&struct {
		Code     uint32 `sshtype:"1"`
		Message  string
		Language string
	}{2, "a\x1b[31m\nb\u009b", ""}))
	if w := strings.Join(d.(*Error).Words, ""); !strings.HasSuffix(w, ":2: a\\033[31m\nb\\302\\233") {
		t.Errorf("%q", w)
	}
}

// FuzzOpeners gives each cipher's decoder bytes that nobody sealed, and bytes
// that somebody did and another changed: none may come out of it.
func FuzzOpeners(f *testing.F) {
	f.Add([]byte("0123456789abcdef0123456789abcdef0123456789abcdef"), uint8(3))
	f.Fuzz(func(t *testing.T, data []byte, at uint8) {
		derive := (&Conn{sessionID: []byte{1}}).deriver(&secret{hash: crypto.SHA256, shared: []byte{1}}, []byte{2})
		for _, s := range suites() {
			for _, d := range digests()[:4] {
				open := func() opener { return newOpener(s, d, outward(derive)) }
				if _, err := open().open(bufio.NewReader(bytes.NewReader(data)), 0); err == nil {
					t.Fatalf("%s %s: a packet out of nothing", s.name, d.name)
				}
				packet := newSealer(s, d, outward(derive)).seal(nil, 0, append([]byte{99}, data...))
				packet[int(at)%len(packet)] ^= 1 + at>>2
				if _, err := open().open(bufio.NewReader(bytes.NewReader(packet)), 0); err == nil && 1+at>>2 != 0 {
					t.Fatalf("%s %s: a changed packet passed", s.name, d.name)
				}
			}
		}
	})
}

func FuzzServerMessages(f *testing.F) {
	f.Add([]byte{msgExtInfo, 0, 0, 0, 1, 0, 0, 0, 1, 'a', 0, 0, 0, 1, 'b'})
	f.Add(ssh.Marshal(&kexInit{Kex: []string{"a"}}))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) == 0 {
			return
		}
		c := &Conn{conn: &script{}, extensions: map[string]string{}}
		c.readExtensions(data)
		c.disconnected(data)
		var m kexInit
		if ssh.Unmarshal(data, &m) == nil {
			negotiate(&kexInit{Kex: Sound().Kex, HostKey: []string{"ssh-ed25519"}}, &m)
		}
		for _, k := range kexAlgorithms() {
			if !strings.Contains(k.name, "group1") { // large exponents are slow
				k.run(&answers{[][]byte{data, data}})
			}
		}
		key, err := ssh.ParsePublicKey(data)
		if err == nil {
			pubkey.MostRSABits(key)
			pubkey.Verify(key, data, &ssh.Signature{Format: key.Type(), Blob: data, Rest: data})
		}
	})
}
