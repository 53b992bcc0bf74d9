package transport

import (
	"encoding/binary"
	"errors"
	"net"
	"slices"
	"time"

	"golang.org/x/crypto/ssh"
)

// Mux puts the channels of x/crypto/ssh on an authenticated connection. It
// speaks to them as OpenSSH's ControlMaster does in proxy mode, whose packets
// are those of the connection layer, whole and in the clear: both ends of it
// are in this process. Ended is called with the reason, an *Error, when there
// is nothing more to read, before the channels end for it.
func (c *Conn) Mux(user string, ended func(error)) (ssh.Conn, <-chan ssh.NewChannel, <-chan *ssh.Request, error) {
	b := &bridge{c: c, pending: hello(), ended: ended, tunnels: newTunnels(c.serverVersion)}
	if c.guessable() {
		b.early = newEarly(c)
	}
	inner, chans, reqs, err := ssh.NewControlClientConn(b)
	if err != nil {
		return nil, nil, nil, err
	}
	return &muxed{Conn: inner, c: c, user: user}, chans, reqs, nil
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

	tunnels *tunnels
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
		packet, err := b.arrival()
		if err != nil {
			return nil, err
		}
		if packet, ok := b.tunnels.incoming(packet); ok {
			return packet, nil
		}
	}
}

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
	if b.early != nil {
		b.early.sent(p[5:])
	}
	if err := b.tunnels.outgoing(p[5:], b.c.WritePacket); err != nil {
		return 0, err
	}
	return len(p), nil
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
	c    *Conn
	user string
}

func (m *muxed) User() string          { return m.user }
func (m *muxed) SessionID() []byte     { return slices.Clone(m.c.sessionID) }
func (m *muxed) ClientVersion() []byte { return []byte(m.c.version) }
func (m *muxed) ServerVersion() []byte { return []byte(m.c.serverVersion) }
