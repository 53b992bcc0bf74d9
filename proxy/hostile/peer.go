package hostile

import (
	"encoding/binary"
	"net"
	"testing"

	"tssh/proxy/mux"
	"tssh/proxy/simnet"
	"tssh/proxy/wire"
)

// Peer is an end of a session that has its keys and breaks the protocol: a
// hostile tsshd, or a hostile client. It sends streams byte by byte.
type Peer struct {
	mux.Conn
	t testing.TB
}

// Client returns a hostile client and the server's end of its session, over
// transport; Server a hostile tsshd and the client's end. For fake time they are
// called within synctest.
func Client(t testing.TB, transport wire.Transport) (*Peer, mux.Conn) {
	m := pair(t, transport)
	return &Peer{m[0], t}, m[1]
}

// Server is Client with the sides changed.
func Server(t testing.TB, transport wire.Transport) (*Peer, mux.Conn) {
	m := pair(t, transport)
	return &Peer{m[1], t}, m[0]
}

// Stream opens a stream and writes b to it.
func (p *Peer) Stream(b ...[]byte) mux.Stream {
	p.t.Helper()
	s, err := p.Open(p.t.Context())
	if err != nil {
		p.t.Fatal(err)
	}
	for _, b := range b {
		s.Write(b)
	}
	return s
}

// Opening is what a stream begins with: the kind of the channel, no extra data,
// and the window. No kind: the stream of global requests.
func Opening(kind string) []byte {
	return append(append([]byte{byte(len(kind))}, kind...), make([]byte, 8)...)
}

// Frame is a frame of a channel as package sshconn draws it.
func Frame(kind byte, body string) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(body)))
	b[0] = kind
	return append(b, body...)
}

// pair is the two ends of a session on a network of their own, the client's first.
func pair(t testing.TB, transport wire.Transport) (m [2]mux.Conn) {
	t.Helper()
	near, far := simnet.Pair(t, simnet.Link{})
	var keys [2]*mux.Identity
	var socks [2]net.PacketConn
	for i, h := range []*simnet.Host{near, far} {
		k, err := mux.NewIdentity()
		if err != nil {
			t.Fatal(err)
		}
		s, err := h.Listen([]int{0, 61001}[i])
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		keys[i], socks[i] = k, s
	}
	served := make(chan error, 1)
	go func() {
		var err error
		m[1], err = mux.Serve(t.Context(), transport, socks[1], mux.Config{Identity: keys[1], PeerPin: keys[0].Pin()})
		served <- err
	}()
	var err error
	m[0], err = mux.Dial(t.Context(), transport, socks[0], net.UDPAddrFromAddrPort(far.Addr(61001)), mux.Config{Identity: keys[0], PeerPin: keys[1].Pin()})
	if err != nil {
		t.Fatal(err)
	}
	if err := <-served; err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m[0].Close(); m[1].Close() })
	return m
}
