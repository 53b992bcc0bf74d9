// Package hostile has the attackers of a client's tests: an SSH server, and a
// client of a master's control socket. Both keep to their protocol, so that
// they are talked to, until a test has them not. They speak it by themselves:
// the packages under attack are not what they are made of. Only tests import it.
package hostile

import (
	"bufio"
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"io"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

// What the server speaks; a client under attack must offer it.
const (
	Kex    = "curve25519-sha256"
	Cipher = "aes128-ctr"
	MAC    = "hmac-sha2-256"
)

// Server is an SSH server that does what a test's script says, packet by packet.
type Server struct {
	Version string     // what it calls itself
	Key     ssh.Signer // its host key
	Strict  bool       // offers strict key exchange

	Extensions []string // that it says right behind its first keys, each of the value "0"

	conn    net.Conn
	br      *bufio.Reader
	in, out direction
	client  string // the client's version
	offer   []byte // ours, of the last exchange
	theirs  []byte
	session []byte // the first exchange's hash
	hash    []byte
	shared  []byte // as it is hashed
}

// direction is one of a connection's two; plain until keys are taken.
type direction struct {
	seq    uint32
	stream cipher.Stream
	mac    []byte
}

// Serve runs script against the client that has the other end of the connection
// it returns, and waits for it when the test ends.
func Serve(t testing.TB, script func(*Server)) net.Conn {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	client, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(time.Minute) // whatever hangs
	client.SetDeadline(deadline)
	conn.SetDeadline(deadline)
	s := On(t, conn)
	done := make(chan struct{})
	go func() {
		defer close(done)
		script(s)
	}()
	t.Cleanup(func() {
		client.Close()
		conn.Close()
		<-done
	})
	return client
}

// On is the server of a connection that the caller accepted.
func On(t testing.TB, conn net.Conn) *Server {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return &Server{Version: "SSH-2.0-hostile", Key: signer, Strict: true, conn: conn, br: bufio.NewReader(conn)}
}

// Hello exchanges versions.
func (s *Server) Hello() {
	io.WriteString(s.conn, s.Version+"\r\n")
	line, _ := s.br.ReadString('\n')
	s.client = strings.TrimSpace(line)
}

// Raw writes bytes as they are.
func (s *Server) Raw(b []byte) { s.conn.Write(b) }

// Send seals a packet and sends it. A client that is gone is none of its business.
func (s *Server) Send(payload []byte) {
	d, block := &s.out, 8
	if d.stream != nil {
		block = aes.BlockSize
	}
	padding := block - (5+len(payload))%block
	if padding < 4 {
		padding += block
	}
	p := binary.BigEndian.AppendUint32(nil, uint32(1+len(payload)+padding))
	p = append(append(append(p, byte(padding)), payload...), make([]byte, padding)...)
	var sum []byte
	if d.stream != nil {
		sum = d.sum(p)
		d.stream.XORKeyStream(p, p)
	}
	s.conn.Write(append(p, sum...))
	d.seq++
}

func (d *direction) sum(p []byte) []byte {
	m := hmac.New(sha256.New, d.mac)
	m.Write(binary.BigEndian.AppendUint32(nil, d.seq))
	m.Write(p)
	return m.Sum(nil)
}

// Read returns the client's next packet, nil when there is none or it is none.
func (s *Server) Read() []byte {
	d, head := &s.in, make([]byte, 8)
	if d.stream != nil {
		head = make([]byte, aes.BlockSize)
	}
	if _, err := io.ReadFull(s.br, head); err != nil {
		return nil
	}
	if d.stream != nil {
		d.stream.XORKeyStream(head, head)
	}
	n := int(binary.BigEndian.Uint32(head))
	if n < len(head)-4 || n > 1<<18 {
		return nil
	}
	p := append(head, make([]byte, n+4-len(head))...)
	if _, err := io.ReadFull(s.br, p[len(head):]); err != nil {
		return nil
	}
	if d.stream != nil {
		d.stream.XORKeyStream(p[len(head):], p[len(head):])
		sum := make([]byte, sha256.Size)
		if _, err := io.ReadFull(s.br, sum); err != nil || !bytes.Equal(sum, d.sum(p)) {
			return nil
		}
	}
	d.seq++
	if pad := int(p[4]); pad < n {
		return p[5 : 4+n-pad]
	}
	return nil
}

// Await reads until a packet of that kind and returns it, nil at the end.
func (s *Server) Await(kind byte) []byte {
	for {
		if p := s.Read(); len(p) == 0 || p[0] == kind {
			return p
		}
	}
}

// Offer sends KEXINIT.
func (s *Server) Offer() {
	kex := Kex
	if s.Strict && s.session == nil {
		kex += ",kex-strict-s-v00@openssh.com"
	}
	s.offer = append([]byte{20}, make([]byte, 16)...)
	for _, names := range []string{kex, s.Key.PublicKey().Type(), Cipher, Cipher, MAC, MAC, "none", "none", "", ""} {
		s.offer = appendString(s.offer, names)
	}
	s.offer = append(s.offer, 0, 0, 0, 0, 0)
	s.Send(s.offer)
}

// Agree reads the client's offer.
func (s *Server) Agree() { s.theirs = s.Await(20) }

// Reply is what answers the client's public value.
type Reply struct {
	HostKey, Public, Signature []byte
}

// Answer answers the client's public value. Edit, unless it is nil, spoils the
// answer before it leaves.
func (s *Server) Answer(edit func(*Reply)) {
	var init struct {
		Public []byte `sshtype:"30"`
	}
	if ssh.Unmarshal(s.Await(30), &init) != nil {
		return // the client is gone
	}
	own, _ := ecdh.X25519().GenerateKey(rand.Reader)
	far, err := ecdh.X25519().NewPublicKey(init.Public)
	if err != nil {
		return
	}
	k, err := own.ECDH(far)
	if err != nil {
		return
	}
	r := Reply{HostKey: s.Key.PublicKey().Marshal(), Public: own.PublicKey().Bytes()}
	s.shared = ssh.Marshal(&struct{ K *big.Int }{new(big.Int).SetBytes(k)})
	h := sha256.New()
	for _, part := range [][]byte{[]byte(s.client), []byte(s.Version), s.theirs, s.offer, r.HostKey, init.Public, r.Public} {
		h.Write(appendString(nil, string(part)))
	}
	h.Write(s.shared)
	s.hash = h.Sum(nil)
	if s.session == nil {
		s.session = s.hash
	}
	sig, _ := s.Key.Sign(rand.Reader, s.hash)
	r.Signature = ssh.Marshal(sig)
	if edit != nil {
		edit(&r)
	}
	s.Send(ssh.Marshal(&struct {
		HostKey   []byte `sshtype:"31"`
		Public    []byte
		Signature []byte
	}{r.HostKey, r.Public, r.Signature}))
}

// TakeKeys ends an exchange at both ends.
func (s *Server) TakeKeys() {
	if s.shared == nil {
		return // the client left before
	}
	s.Send([]byte{21})
	s.keys(&s.out, 'B', 'D', 'F')
	if len(s.Extensions) > 0 && bytes.Equal(s.session, s.hash) {
		info := binary.BigEndian.AppendUint32([]byte{7}, uint32(len(s.Extensions)))
		for _, name := range s.Extensions {
			info = appendString(appendString(info, name), "0")
		}
		s.Send(info)
	}
	if s.Await(21) != nil {
		s.keys(&s.in, 'A', 'C', 'E')
	}
}

func (s *Server) keys(d *direction, iv, key, mac byte) {
	derive := func(tag byte) []byte {
		h := sha256.New()
		h.Write(s.shared)
		h.Write(s.hash)
		h.Write([]byte{tag})
		h.Write(s.session)
		return h.Sum(nil)
	}
	block, _ := aes.NewCipher(derive(key)[:16])
	d.stream, d.mac = cipher.NewCTR(block, derive(iv)[:aes.BlockSize]), derive(mac)
	if s.Strict {
		d.seq = 0
	}
}

// Connect is the whole of an honest key exchange.
func (s *Server) Connect() {
	s.Hello()
	s.Renew()
}

// Renew is an honest exchange of new keys.
func (s *Server) Renew() {
	s.Offer()
	s.Agree()
	s.Answer(nil)
	s.TakeKeys()
}

// Welcome lets anybody in, as the user that the client says.
func (s *Server) Welcome() {
	if s.Await(5) == nil {
		return
	}
	s.Send(appendString([]byte{6}, "ssh-userauth"))
	if s.Await(50) != nil {
		s.Send([]byte{52})
	}
}

func appendString(b []byte, s string) []byte {
	return append(binary.BigEndian.AppendUint32(b, uint32(len(s))), s...)
}
