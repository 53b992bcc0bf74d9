package transport

import (
	"bytes"
	"encoding/binary"
	"testing"

	"golang.org/x/crypto/ssh"

	"tssh/proxy/tun"
)

// crossing is a bridge with one tunnel, 5 here and 9 at the server.
type crossing struct {
	t *testing.T
	*tunnels
	sent [][]byte
}

func newCrossing(t *testing.T, server string) *crossing {
	c := &crossing{t: t, tunnels: newTunnels(server)}
	open := ssh.Marshal(&struct {
		Kind                 string `sshtype:"90"`
		Ours, Window, Packet uint32
		Request              tun.Request
	}{tun.Kind, 5, 4000, 32 << 10, tun.Request{Mode: tun.PointToPoint, Unit: 3}})
	got := c.out(open)
	want := bytes.Replace(open, words(0, 4000, 32<<10)[1:], words(0, 3000, 32<<10-4)[1:], 1)
	if len(got) != 1 || !bytes.Equal(got[0], want) {
		t.Fatalf("opened by % x", got)
	}
	confirm := words(msgChannelOpened, 5, 9, 2000, 1000)
	if p, ok := c.incoming(confirm); !ok || !bytes.Equal(p, confirm) {
		t.Fatalf("confirmed by % x", p)
	}
	return c
}

// out is what the server gets of a packet of x/crypto's.
func (c *crossing) out(p []byte) [][]byte {
	c.t.Helper()
	c.sent = nil
	if err := c.outgoing(p, func(b []byte) error {
		c.sent = append(c.sent, bytes.Clone(b))
		return nil
	}); err != nil {
		c.t.Fatal(err)
	}
	return c.sent
}

func data(number uint32, b []byte) []byte {
	return append(words(msgChannelData, number, uint32(len(b))), b...)
}

func lengthed(b []byte) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(b))), b...)
}

// TestPacketsGoWhole: a message is one packet, however x/crypto cuts the stream.
func TestPacketsGoWhole(t *testing.T) {
	c := newCrossing(t, "SSH-2.0-OpenSSH_9.2")
	c.out(words(msgChannelClose, 9))
	wide := words(msgChannelOpened, 5, 9, 2<<20, 1000)
	if p, _ := c.incoming(wide); !bytes.Equal(p, words(msgChannelOpened, 5, 9, maxUnderWay, 1000)) {
		t.Errorf("a wide window is shown as % x", p)
	}
	one, two := bytes.Repeat([]byte{1}, 300), bytes.Repeat([]byte{2}, 700)
	large := bytes.Repeat([]byte{3}, 1001) // the server takes 1000
	stream := append(append(lengthed(one), lengthed(large)...), lengthed(two)...)
	for cut := 1; cut < len(stream); cut += 7 {
		got := append(c.out(data(9, stream[:cut])), c.out(data(9, stream[cut:]))...)
		if len(got) != 2 || !bytes.Equal(got[0], data(9, one)) || !bytes.Equal(got[1], data(9, two)) {
			t.Fatalf("cut at %d: %d messages", cut, len(got))
		}
	}
	if err := c.outgoing(data(9, []byte{1, 0, 0, 0}), func([]byte) error { return nil }); err == nil {
		t.Error("a packet of 16 MiB is waited for")
	}
	// Other channels are none of its business, also one with the same number here.
	for _, p := range [][]byte{data(5, one), words(msgWindowAdjust, 5, 1), words(msgChannelClose, 3), {80}} {
		if got := c.out(p); len(got) != 1 || !bytes.Equal(got[0], p) {
			t.Errorf("% x became % x", p, got)
		}
	}
	c.out(words(msgChannelClose, 9))
	if got := c.out(data(9, one)); len(got) != 1 || !bytes.Equal(got[0], data(9, one)) {
		t.Error("the next channel of that number is taken for a tunnel")
	}
}

// TestPacketsComeFramed: each with its length before it, and never more than
// x/crypto has room for, which would end the connection.
func TestPacketsComeFramed(t *testing.T) {
	c := newCrossing(t, "SSH-2.0-OpenSSH_9.2")
	one := bytes.Repeat([]byte{1}, 996)
	for range 4 { // 4000 bytes with their lengths
		if p, ok := c.incoming(data(5, one)); !ok || !bytes.Equal(p, data(5, lengthed(one))) {
			t.Fatalf("came as % x", p)
		}
	}
	for _, p := range [][]byte{data(5, one), data(5, []byte{1}), append(words(msgChannelData, 5, 3), 1)} {
		if _, ok := c.incoming(p); ok {
			t.Fatalf("% x comes through", p[:9])
		}
	}
	// The server gets back what it has sent: without lengths, and with what was lost.
	want := words(msgWindowAdjust, 9, 4*996+996+1+1)
	if got := c.out(words(msgWindowAdjust, 9, 4000)); len(got) != 1 || !bytes.Equal(got[0], want) {
		t.Errorf("% x, want % x", got, want)
	}
	if p, ok := c.incoming(data(5, one)); !ok || !bytes.Equal(p, data(5, lengthed(one))) {
		t.Error("nothing comes any more")
	}
	if got := c.out(words(msgWindowAdjust, 9, 3)); got != nil {
		t.Errorf("% x for less than a length", got)
	}
	for _, p := range [][]byte{{}, {msgChannelData, 0, 0, 0, 5}, words(msgWindowAdjust, 5)[:6], words(msgChannelOpened, 5)} {
		c.incoming(p) // x/crypto's to judge
	}
	c.incoming(words(msgChannelClose, 5))
	if p, ok := c.incoming(data(5, one)); !ok || !bytes.Equal(p, data(5, one)) {
		t.Error("the next channel of that number is taken for a tunnel")
	}
}

// TestWindowDoesNotLeak: what a server takes from its window and gives back is
// what x/crypto has taken, whether it counts lengths or not.
func TestWindowDoesNotLeak(t *testing.T) {
	for version, back := range map[string]uint32{"SSH-2.0-OpenSSH_9.2": 304, "SSH-2.0-Other": 300} {
		c := newCrossing(t, version)
		c.out(data(9, lengthed(make([]byte, 300))))
		if p, _ := c.incoming(words(msgWindowAdjust, 5, back)); !bytes.Equal(p, words(msgWindowAdjust, 5, 304)) {
			t.Errorf("%s: % x", version, p)
		}
		c.out(data(9, lengthed(make([]byte, 1001)))) // lost
		if p, _ := c.incoming(words(msgWindowAdjust, 5, 1)); !bytes.Equal(p, words(msgWindowAdjust, 5, 1006)) {
			t.Errorf("%s: % x after a loss", version, p)
		}
	}
}
