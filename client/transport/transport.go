// Package transport speaks the client's side of SSH's transport layer (RFC
// 4253): versions, key exchange, encrypted packets, new keys in time. On it
// stand authentication and, by Conn.Mux, the channels of x/crypto/ssh.
//
// x/crypto/ssh has this layer too, but shut in with its authentication, and
// what tssh promises needs it open: requests that leave before the answers to
// earlier ones (a login costs three round trips less), keys renewed by time,
// agents that see which host they sign for, and ssh's own words for what goes
// wrong. The primitives are the standard library's and x/crypto's.
package transport

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/ssh"

	"tssh/client/transport/deflate"
	"tssh/client/voice"
	"tssh/proxy/visible"
)

// Config is what a handshake may agree on. Empty lists mean Sound.
type Config struct {
	Kex, HostKeys, Ciphers, MACs []string

	// RekeyBytes and RekeyAfter bound the use of one set of keys; 0: the
	// cipher's own bound, and no bound of time.
	RekeyBytes uint64
	RekeyAfter time.Duration

	Compression bool // asked for; the server decides

	// VersionAddendum goes behind our version, for logs of servers. It is
	// printable, and short.
	VersionAddendum string

	// CheckHostKey decides about the host's key, whose signature has been
	// verified. It must not be nil. It is asked once: later key exchanges
	// must show the same key.
	CheckHostKey func(key ssh.PublicKey, algorithm string) error

	Log voice.Log // nil: silent
}

// product is how we name ourselves.
const product = "SSH-2.0-tssh_1.0"

const (
	msgDisconnect    = 1
	msgIgnore        = 2
	msgUnimplemented = 3
	msgDebug         = 4
	msgExtInfo       = 7
	msgPing          = 192
	msgPong          = 193
)

// Conn is a connection whose handshake is done. One goroutine reads; any may
// write.
type Conn struct {
	conn net.Conn
	cfg  Config
	log  voice.Log

	version       string // ours
	serverVersion string
	first         Algorithms // of the first exchange
	sessionID     []byte
	hostKey       ssh.PublicKey
	options       *keyOptions
	hostKeyBlob   []byte
	exchangeSig   []byte // the host's signature over the session ID
	strict        bool
	began         time.Time
	inAll, outAll volume

	// The reader's.
	br         *bufio.Reader
	in         opener
	inSeq      uint32
	inLeft     int64 // bytes until new keys are due
	inPackets  int64 // packets until then
	extensions map[string]string
	inflate    *deflate.Inflater // nil: the server does not compress
	unread     []byte            // a packet read early
	early      early             // packets that came into an exchange
	heard      atomic.Int64      // when the last packet came, in nanoseconds since began

	mu         sync.Mutex // guards what follows
	out        sealer
	outSeq     uint32
	outLeft    int64
	outPackets int64
	buf        []byte
	offer      []byte            // our KEXINIT while an exchange runs, else nil
	queue      [][]byte          // packets held back by it
	held       int               // their bytes
	deflate    *deflate.Deflater // nil: we don't compress
	agreedNow  Algorithms        // of the last exchange; the reader writes it
	renew      bool              // keys may be renewed: the user is authenticated; the reader writes it
	timer      *time.Timer
	refuse     func(packet []byte) (no []byte) // what "not implemented" means; nil: nothing
	asked      []asked
	werr       error
}

// Handshake exchanges versions and keys on a fresh connection. Its deadline
// is the caller's to set. Errors are *Error.
func Handshake(conn net.Conn, cfg Config) (*Conn, error) {
	all := Everything()
	sound := Sound()
	fill := func(names, def, known []string) []string {
		if len(names) == 0 {
			names = def
		}
		return able(names, known)
	}
	cfg.Kex = fill(cfg.Kex, sound.Kex, all.Kex)
	cfg.Ciphers = fill(cfg.Ciphers, sound.Ciphers, all.Ciphers)
	cfg.MACs = fill(cfg.MACs, sound.MACs, all.MACs)
	c := &Conn{
		conn: conn, cfg: cfg, log: cfg.Log, version: product, br: bufio.NewReaderSize(conn, 64<<10), began: time.Now(),
		in: &plain{}, out: &plain{}, extensions: map[string]string{}, options: newKeyOptions(),
	}
	if cfg.VersionAddendum != "" {
		c.version += " " + cfg.VersionAddendum
	}
	if err := c.exchangeVersions(); err != nil {
		return nil, Classify(err)
	}
	if err := c.start(); err != nil {
		return nil, Classify(err)
	}
	packet, err := c.raw()
	if err != nil {
		return nil, Classify(err)
	}
	if packet[0] != msgKexInit {
		return nil, Classify(fmt.Errorf("kex protocol error: type %d seq %d", packet[0], c.inSeq-1))
	}
	if err := c.exchange(slices.Clone(packet)); err != nil {
		return nil, Classify(err)
	}
	// The server's extensions (RFC 8308) come right behind its keys. When they are
	// here already, the first request for authentication need not wait.
	for c.br.Buffered() > 0 && len(c.extensions) == 0 && c.unread == nil {
		packet, err := c.raw()
		if err == nil && packet[0] == msgExtInfo {
			err = c.readExtensions(packet)
		} else if err == nil {
			c.unread = packet
		}
		if err != nil {
			return nil, Classify(err)
		}
	}
	return c, nil
}

// exchangeVersions sends our line and reads theirs, after whatever lines a
// server says first (RFC 4253, 4.2).
func (c *Conn) exchangeVersions() error {
	c.log.Debugf("Local version string %s", c.version)
	if _, err := c.conn.Write([]byte(c.version + "\r\n")); err != nil {
		return ident("write", err)
	}
	for range 1024 {
		line, err := c.line()
		if err != nil {
			return ident("read", err)
		}
		if !strings.HasPrefix(line, "SSH-") {
			c.log.Debugf("kex_exchange_identification: banner line: %s", visible.Line(line))
			continue
		}
		if !strings.HasPrefix(line, "SSH-2.0-") && !strings.HasPrefix(line, "SSH-1.99-") {
			return &Error{Reason: Refused, Detail: fmt.Sprintf(
				"Protocol major versions differ: 2 vs. %.1s", visible.Line(strings.TrimPrefix(line, "SSH-")))}
		}
		c.serverVersion = line
		c.log.Debugf("Remote protocol version 2.0, remote software version %s", visible.Line(line[strings.Index(line[4:], "-")+5:]))
		return nil
	}
	return &Error{Reason: Refused, Detail: "kex_exchange_identification: No SSH identification string received from server"}
}

// line reads a line byte by byte, at most as long as ssh's are.
func (c *Conn) line() (string, error) {
	var b []byte
	for len(b) < 8192 {
		one, err := c.br.ReadByte()
		if err != nil {
			return "", err
		}
		if one == '\n' {
			return strings.TrimSuffix(string(b), "\r"), nil
		}
		if one == 0 {
			return "", errors.New("banner line contains invalid characters")
		}
		b = append(b, one)
	}
	return "", errors.New("banner line too long")
}

// ident puts ssh's line about the exchange of versions before the last one.
func ident(op string, err error) error {
	e := Classify(err).(*Error)
	switch e.Reason {
	case Closed:
		e.Words = []string{"kex_exchange_identification: Connection closed by remote host"}
	case Reset:
		if e.Step = "banner exchange"; op == "read" { // ssh tells the other one to who debugs
			e.Words = []string{"kex_exchange_identification: read: " + e.Detail}
		}
	case TimedOut:
		e.Words = []string{"Connection timed out during banner exchange"}
	case Refused:
		e.Detail = "kex_exchange_identification: " + e.Detail
	}
	return e
}

// raw reads the next packet, whatever it is.
func (c *Conn) raw() ([]byte, error) {
	if packet := c.unread; packet != nil {
		c.unread = nil
		return packet, nil
	}
	packet, err := c.in.open(c.br, c.inSeq)
	if err != nil {
		return nil, err
	}
	c.inSeq++
	c.heard.Store(int64(time.Since(c.began)))
	c.inLeft -= int64(len(packet))
	c.inPackets--
	sent := len(packet)
	if packet, err = c.expand(packet); err != nil {
		return nil, err
	}
	c.inAll.add(len(packet), sent)
	if packet[0] == msgDisconnect {
		return nil, c.disconnected(packet)
	}
	return packet, nil
}

// next reads what came into an exchange first, then on.
func (c *Conn) next() ([]byte, error) {
	if packet, err := c.early.take(); packet != nil || err != nil {
		return packet, err
	}
	return c.raw()
}

// disconnected makes an error of the other side's last message.
func (c *Conn) disconnected(packet []byte) error {
	var code uint32
	var message string
	if len(packet) >= 5 {
		code = binary.BigEndian.Uint32(packet[1:])
		message, _ = leadingString(packet[5:]) // a language follows, or not: not for our eyes
	}
	return &Error{Reason: Disconnected, Detail: "disconnected",
		Words: []string{fmt.Sprintf("Received disconnect from %s:%d: %s", Peer(c.conn), code, visible.Text(strings.TrimRight(message, "\r\n")))}}
}

// Peer says the far end as ssh does: "192.0.2.1 port 22".
func Peer(conn net.Conn) string {
	if a, ok := conn.RemoteAddr().(*net.TCPAddr); ok {
		return fmt.Sprintf("%s port %d", a.AddrPort().Addr().Unmap(), a.Port)
	}
	return "UNKNOWN port 65535"
}

// ReadPacket returns the next packet for the layers above, valid until the
// next call. Key exchanges happen inside of it.
func (c *Conn) ReadPacket() ([]byte, error) { return c.read(true) }

// ReadHere is ReadPacket that does not wait: it returns nil when what is here
// already, whole or in part, is nothing for the layers above. An exchange of keys
// is left to the next call.
func (c *Conn) ReadHere() ([]byte, error) { return c.read(false) }

func (c *Conn) read(wait bool) ([]byte, error) {
	for {
		if !wait && c.early.empty() && c.unread == nil && c.br.Buffered() == 0 {
			return nil, nil
		}
		packet, err := c.next()
		if err != nil {
			c.options.end()
			return nil, Classify(err)
		}
		c.options.see(packet)
		if c.inLeft <= 0 || c.inPackets <= 0 {
			c.due()
		}
		switch packet[0] {
		case msgUnimplemented:
			if answer := c.refused(packet); answer != nil {
				return answer, nil
			}
		case msgIgnore, msgDebug, msgPong:
		case msgPing:
			err = c.pong(packet)
		case msgExtInfo:
			err = c.readExtensions(packet)
		case msgKexInit:
			if !wait {
				c.unread = slices.Clone(packet)
				return nil, nil
			}
			err = c.early.hold(c.exchange(slices.Clone(packet)))
		default:
			if err = c.misplaced(packet[0]); err == nil && c.renew && !isAbove(packet[0]) {
				err = c.unknown(packet[0])
				break
			}
			return packet, err
		}
		if err != nil {
			return nil, Classify(err)
		}
	}
}

// unknown passes over a message that means nothing once the user is
// authenticated, such as a banner that comes late, and says so to the server.
func (c *Conn) unknown(kind byte) error {
	seq := c.inSeq - 1
	c.log.Infof("dispatch_protocol_error: type %d seq %d", kind, seq)
	return c.WritePacket(binary.BigEndian.AppendUint32([]byte{msgUnimplemented}, seq))
}

// asked is a packet of ours that awaits an answer.
type asked struct {
	seq uint32
	no  []byte // the answer of who does not want it
}

// maxAsked is how many are remembered: servers refuse in the order in which
// they are asked, and few questions are under way at once.
const maxAsked = 64

// noteLocked remembers what "not implemented" is to mean for a packet.
func (c *Conn) noteLocked(packet []byte) {
	if c.refuse == nil {
		return
	}
	no := c.refuse(packet)
	if no == nil {
		return
	}
	if len(c.asked) == maxAsked {
		c.asked = slices.Delete(c.asked, 0, 1)
	}
	c.asked = append(c.asked, asked{c.outSeq, no})
}

// refused is the answer that a server meant which does not know what we asked,
// nil when we asked nothing. Each question has one answer: who repeats it can't
// answer later ones.
func (c *Conn) refused(packet []byte) []byte {
	if len(packet) < 5 {
		return nil
	}
	seq := binary.BigEndian.Uint32(packet[1:])
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := len(c.asked) - 1; i >= 0; i-- { // new keys may have begun the numbers anew
		if a := c.asked[i]; a.seq == seq {
			c.asked = slices.Delete(c.asked, i, i+1)
			return a.no
		}
	}
	return nil
}

// misplaced refuses messages of a key exchange where none runs. The layers
// above never see any, whatever they would make of them.
func (c *Conn) misplaced(kind byte) error {
	if kind >= msgNewKeys && kind < 50 {
		return Classify(fmt.Errorf("kex protocol error: type %d seq %d", kind, c.inSeq-1))
	}
	return nil
}

// pong answers a ping. None is answered before the user is authenticated or
// while keys are exchanged: pings are small, and the answers would be held.
func (c *Conn) pong(packet []byte) error {
	c.mu.Lock()
	deaf := !c.renew || c.offer != nil
	c.mu.Unlock()
	if deaf {
		return nil
	}
	return c.WritePacket(append([]byte{msgPong}, packet[1:]...))
}

// Chaff returns what sends a ping of the size that a key typed on a terminal
// has, and its answer that of the key's echo; nil when the server knows none,
// as is known once the user is authenticated and before Mux.
// While keys are exchanged nothing is sent: it would be held back, and for
// nothing.
func (c *Conn) Chaff() func() error {
	if _, knows := c.extensions["ping@openssh.com"]; !knows {
		return nil
	}
	ping := binary.BigEndian.AppendUint32([]byte{msgPing}, 5)
	ping = append(ping, "PING!"...)
	return func() error {
		c.mu.Lock()
		busy := c.offer != nil
		c.mu.Unlock()
		if busy {
			return nil
		}
		return c.WritePacket(ping)
	}
}

// maxExtensions is how many are kept: a server may not fill our memory.
const maxExtensions = 32

func (c *Conn) readExtensions(packet []byte) error {
	c.log.Debugf("SSH2_MSG_EXT_INFO received")
	if len(packet) < 5 {
		return errors.New("extension message: too short")
	}
	rest := packet[5:]
	for range min(binary.BigEndian.Uint32(packet[1:]), 1024) {
		var pair struct {
			Name, Value string
			Rest        []byte `ssh:"rest"`
		}
		if err := ssh.Unmarshal(rest, &pair); err != nil {
			return fmt.Errorf("extension message: %w", err)
		}
		c.log.Debugf("kex_input_ext_info: %s=<%s>", visible.Line(pair.Name), visible.Line(pair.Value))
		if _, again := c.extensions[pair.Name]; again || len(c.extensions) < maxExtensions {
			c.extensions[pair.Name] = pair.Value
		}
		rest = pair.Rest
	}
	return nil
}

// maxHeld bounds the bytes held back. The windows of channels keep honest
// servers far below; one that asks and asks, and never ends the exchange, would
// have us hold its answers without end.
const maxHeld = 256 << 20

// packetCost is what a packet held costs beside its bytes.
const packetCost = 64

// WritePacket sends a packet, or holds it back while keys are exchanged.
func (c *Conn) WritePacket(packet []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.werr != nil {
		return c.werr
	}
	if c.offer != nil {
		if c.held += len(packet) + packetCost; c.held > maxHeld {
			c.werr = Classify(errors.New("the server does not end the key exchange"))
			return c.werr
		}
		c.queue = append(c.queue, slices.Clone(packet))
		return nil
	}
	if err := c.writeLocked(packet); err != nil {
		return err
	}
	if (c.outLeft <= 0 || c.outPackets <= 0) && c.renew {
		return c.startLocked()
	}
	return nil
}

func (c *Conn) writeLocked(packet []byte) error {
	c.noteLocked(packet)
	plain := len(packet)
	if c.deflate != nil {
		var err error
		if packet, err = c.deflate.Packet(packet); err != nil {
			c.werr = err
			return err
		}
	}
	c.buf = c.out.seal(c.buf[:0], c.outSeq, packet)
	c.outSeq++
	c.outAll.add(plain, len(packet))
	c.outLeft -= int64(len(packet))
	c.outPackets--
	if _, err := c.conn.Write(c.buf); err != nil {
		c.werr = Classify(err)
		return c.werr
	}
	return nil
}

// Disconnect says goodbye, as ssh does when it ends, and closes.
func (c *Conn) Disconnect(why string) error {
	c.conn.SetWriteDeadline(time.Now().Add(time.Second))
	c.WritePacket(ssh.Marshal(&struct {
		Code     uint32 `sshtype:"1"`
		Message  string
		Language string
	}{11, why, ""}))
	return c.Close()
}

// Close closes the connection beneath.
func (c *Conn) Close() error {
	// A blocked write holds the lock, and this Close ends it.
	err := c.conn.Close()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.timer != nil {
		c.timer.Stop()
	}
	return err
}

// SessionID is the hash of the first key exchange, which authentication signs.
func (c *Conn) SessionID() []byte { return slices.Clone(c.sessionID) }

// ClientVersion is our identification line.
func (c *Conn) ClientVersion() string { return c.version }

// ServerVersion is the server's identification line.
func (c *Conn) ServerVersion() string { return c.serverVersion }

// Algorithms is what the first key exchange agreed on.
func (c *Conn) Algorithms() Algorithms { return c.first }

// HostKey is the server's key as it came, and its signature over SessionID.
// An agent is shown both before it signs for this host.
func (c *Conn) HostKey() (key ssh.PublicKey, blob, signature []byte) {
	return c.hostKey, c.hostKeyBlob, c.exchangeSig
}

// Extension returns what the server said about one extension (RFC 8308), as
// far as it has been read: call it from the goroutine that reads.
func (c *Conn) Extension(name string) (string, bool) {
	v, ok := c.extensions[name]
	return v, ok
}

// Heard is when the last packet came.
func (c *Conn) Heard() time.Time { return c.began.Add(time.Duration(c.heard.Load())) }
