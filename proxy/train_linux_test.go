package proxy

import (
	"bytes"
	"net/netip"
	"testing"
	"time"

	"tssh/proxy/path"
	"tssh/proxy/wire"
)

// TestKernelJoinsKCP sends KCP's datagrams through this kernel as one train, which
// it hands to the server as one, as it does with what a network card joined.
func TestKernelJoinsKCP(t *testing.T) {
	s, err := Listen(t.Context(), ServerConfig{Secret: secret, Transport: "kcp", Mode: wire.OnlyUDP})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	socket, err := path.Host{}.ListenUDP(0)
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	to := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(s.Port()))
	codec := wire.NewClient(secret)
	socket.WriteDatagrams(codec.Seal(&wire.Knock{Path: wire.UDP, Claim: true}), path.Envelope{Peer: to})
	if n, _, err := socket.ReadDatagrams(make([]byte, 100)); n != wire.KnockSize || err != nil {
		t.Fatalf("an answer of %d bytes, %v", n, err)
	}
	var datagrams [][]byte
	var train []byte // of one size, but for the last
	const segment = 301
	for i, n := range []int{300, 300, 300, 20} {
		d := bytes.Repeat([]byte{byte(i)}, n)
		datagrams = append(datagrams, d)
		train = append(append(train, wire.FixedBit), d...)
	}
	if err := socket.WriteDatagrams(train, path.Envelope{Peer: to, Segment: segment}); err != nil {
		t.Fatal(err)
	}
	s.SetReadDeadline(time.Now().Add(time.Minute))
	b := make([]byte, 1500)
	for i, want := range datagrams {
		if n, _, err := s.ReadFrom(b); err != nil || !bytes.Equal(b[:n], want) {
			t.Errorf("datagram %d: %d bytes, %v, want %d", i, n, err, len(want))
		}
	}
}
