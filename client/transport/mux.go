package transport

import (
	"encoding/binary"
	"errors"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
)

// Mux puts the channels of x/crypto/ssh on an authenticated connection. It
// speaks to them as OpenSSH's ControlMaster does in proxy mode, whose packets
// are those of the connection layer, whole and in the clear: both ends of it
// are in this process. Ended is called with the reason, an *Error, when there
// is nothing more to read, before the channels end for it.
func (c *Conn) Mux(user string, ended func(error)) (ssh.Conn, <-chan ssh.NewChannel, <-chan *ssh.Request, error) {
	b := &bridge{
		c: c, pending: hello(), ended: ended, tunnels: newTunnels(c.serverVersion),
		forgiving: newForgiving(), opening: map[string]*passage{},
	}
	c.mu.Lock()
	c.refuse = b.forgiving.refuse
	c.mu.Unlock()
	if c.guessable() {
		b.early = newEarly(c)
	}
	inner, chans, reqs, err := ssh.NewControlClientConn(b)
	if err != nil {
		return nil, nil, nil, err
	}
	go func() {
		// x/crypto ends for what it can't bear, too, and only here says why.
		err := inner.Wait()
		b.forgiving.end()
		b.ended(classify(err))
	}()
	return &muxed{Conn: inner, b: b, user: user}, chans, reqs, nil
}

// hello is what a ControlMaster says before the first packet: its version,
// and yes to the wish for proxy mode.
func hello() (b []byte) {
	const hello, version, proxy = 1, 4, 0x8000000f
	for _, n := range []uint32{8, hello, version, 8, proxy, 0} {
		b = binary.BigEndian.AppendUint32(b, n)
	}
	return b
}

// bridge is the net.Conn on whose other end the transport is.
type bridge struct {
	c       *Conn
	pending []byte // read by nobody yet
	buf     []byte
	greeted int // messages before the first packet, which nobody needs

	ended func(error)

	early *early // nil: the server's numbers can't be guessed
	plain bool   // early has done its part

	tunnels   *tunnels
	forgiving *forgiving
	ready     [][]byte // for Read, the next first

	mu      sync.Mutex          // guards what follows
	opening map[string]*passage // that OpenChannel has asked x/crypto for
	opened  uint64              // how many
}

// Read gives the framed packets, one after the other.
func (b *bridge) Read(p []byte) (int, error) {
	if len(b.pending) == 0 {
		packet, err := b.next()
		if err != nil {
			b.ended(err)
			return 0, err
		}
		b.buf = binary.BigEndian.AppendUint32(b.buf[:0], uint32(len(packet)+1))
		b.buf = append(b.buf, 0)
		b.buf = append(b.buf, packet...)
		b.pending = b.buf
	}
	n := copy(p, b.pending)
	b.pending = b.pending[n:]
	return n, nil
}

// next returns the server's next packet for x/crypto.
func (b *bridge) next() ([]byte, error) {
	for {
		if len(b.ready) > 0 {
			packet := b.ready[0]
			b.ready = b.ready[1:]
			return packet, nil
		}
		packet, err := b.arrival()
		if err != nil {
			return nil, err
		}
		if packet, ok := b.tunnels.incoming(packet); ok {
			b.take(packet)
		}
	}
}

// take makes a packet ready. Some servers tell a command's status when they have
// closed its channel, and x/crypto hears nothing then; so what has come already
// about the same channel goes before its close, as ssh takes it.
func (b *bridge) take(packet []byte) {
	first, more := b.forgiving.incoming(packet)
	if first == nil {
		return
	}
	if first[0] != msgChannelClose {
		b.ready = append(append(b.ready, first), more...)
		return
	}
	first = slices.Clone(first)
	for b.waiting() {
		packet, err := b.arrival()
		if err != nil {
			break // again with the next read
		}
		if len(packet) < 5 || packet[0] != msgChannelRequest || !slices.Equal(packet[1:5], first[1:5]) {
			packet = slices.Clone(packet)
			b.ready = append(b.ready, first)
			if packet, ok := b.tunnels.incoming(packet); ok {
				b.take(packet)
			}
			return
		}
		b.ready = append(b.ready, slices.Clone(packet))
	}
	b.ready = append(b.ready, first)
}

// waiting tells whether more from the server is here.
func (b *bridge) waiting() bool { return (b.early == nil || b.plain) && b.c.br.Buffered() > 0 }

func (b *bridge) arrival() ([]byte, error) {
	if b.early != nil && !b.plain {
		if packet, ok, err := b.early.next(); ok {
			return packet, classify(err)
		}
		b.plain = true
	}
	return b.c.ReadPacket()
}

// Write takes one framed packet; x/crypto writes each whole.
func (b *bridge) Write(p []byte) (int, error) {
	if len(p) < 6 || int(binary.BigEndian.Uint32(p)) != len(p)-4 {
		return 0, errors.New("a packet of the channels came in pieces")
	}
	if b.greeted < 2 {
		b.greeted++
		return len(p), nil
	}
	packet := p[5:]
	if packet[0] == msgChannelOpen {
		packet = b.named(packet)
	}
	if b.early != nil {
		b.early.sent(packet)
	}
	b.forgiving.outgoing(packet)
	send := func(packet []byte) error { return b.tunnels.outgoing(packet, b.c.WritePacket) }
	var err error
	if packet[0] == msgChannelRequest && len(packet) > channelNumberBytes {
		err = b.forgiving.request(packet, send)
	} else {
		err = send(packet)
	}
	if err != nil {
		return 0, err
	}
	return len(p), nil
}

// named takes the mark of OpenChannel off the channel's kind, and notes the
// number that x/crypto has given it.
func (b *bridge) named(packet []byte) []byte {
	var m struct {
		Kind string `sshtype:"90"`
		Ours uint32
		Rest []byte `ssh:"rest"`
	}
	if ssh.Unmarshal(packet, &m) != nil {
		return packet
	}
	kind, mark, marked := strings.Cut(m.Kind, "\x00")
	b.mu.Lock()
	p := b.opening[mark]
	b.mu.Unlock()
	if !marked || p == nil {
		return packet
	}
	b.forgiving.opening(m.Ours, p)
	m.Kind = kind
	return ssh.Marshal(&m)
}

// Close closes the connection.
func (b *bridge) Close() error {
	if b.early != nil {
		b.early.close()
	}
	return b.c.Close()
}

func (b *bridge) LocalAddr() net.Addr              { return b.c.conn.LocalAddr() }
func (b *bridge) RemoteAddr() net.Addr             { return b.c.conn.RemoteAddr() }
func (b *bridge) SetDeadline(time.Time) error      { return errors.ErrUnsupported }
func (b *bridge) SetReadDeadline(time.Time) error  { return errors.ErrUnsupported }
func (b *bridge) SetWriteDeadline(time.Time) error { return errors.ErrUnsupported }

// muxed knows of the connection what x/crypto's does not.
type muxed struct {
	ssh.Conn
	b    *bridge
	user string
}

// OpenChannel opens a Channel. Its kind carries a mark through x/crypto, which
// keeps the numbers of its channels to itself.
func (m *muxed) OpenChannel(kind string, extra []byte) (ssh.Channel, <-chan *ssh.Request, error) {
	p := &passage{}
	m.b.mu.Lock()
	m.b.opened++
	mark := strconv.FormatUint(m.b.opened, 16)
	m.b.opening[mark] = p
	m.b.mu.Unlock()
	ch, reqs, err := m.Conn.OpenChannel(kind+"\x00"+mark, extra)
	m.b.mu.Lock()
	delete(m.b.opening, mark)
	m.b.mu.Unlock()
	if err != nil {
		return nil, nil, err
	}
	return &channel{Channel: ch, b: m.b, p: p}, reqs, nil
}

func (m *muxed) User() string          { return m.user }
func (m *muxed) SessionID() []byte     { return slices.Clone(m.b.c.sessionID) }
func (m *muxed) ClientVersion() []byte { return []byte(m.b.c.version) }
func (m *muxed) ServerVersion() []byte { return []byte(m.b.c.serverVersion) }
