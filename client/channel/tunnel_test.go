package channel

import (
	"bytes"
	"encoding/binary"
	"io"
	"testing"

	"tssh/proxy/tun"
)

// A message of a tunnel is one packet, however the user cuts the stream; one that is
// larger than the server takes is lost.
func TestPacketsGoWhole(t *testing.T) {
	s := newServer(t, Config{CountsLengths: true})
	ch, _, _ := s.open(tun.Kind, 1<<20)
	one, two := bytes.Repeat([]byte{1}, 300), bytes.Repeat([]byte{2}, 700)
	large := bytes.Repeat([]byte{3}, 1001) // the server takes 1000
	stream := append(append(lengthed(one), lengthed(large)...), lengthed(two)...)
	for cut := 1; cut < len(stream); cut += 70 {
		if _, err := ch.Write(stream[:cut]); err != nil {
			t.Fatal(err)
		}
		if _, err := ch.Write(stream[cut:]); err != nil {
			t.Fatal(err)
		}
		for _, want := range [][]byte{one, two} {
			if p := s.expect(msgData); !bytes.Equal(p, data(9, want)) {
				t.Fatalf("cut at %d: % x...", cut, p[:20])
			}
		}
	}
	if _, err := ch.Write([]byte{1, 0, 0, 0}); err == nil {
		t.Error("a packet of 16 MiB is waited for")
	}
}

// Packets come with their lengths, and their window is given back, not more.
func TestPacketsComeFramedAndTheWindowDoesNotLeak(t *testing.T) {
	s := newServer(t, Config{})
	ch, _, ours := s.open(tun.Kind, 1<<20)
	packet := bytes.Repeat([]byte{7}, 1000)
	given, taken := fullWindow, 0
	b := make([]byte, 1004)
	for range 10000 {
		s.said <- data(ours, packet)
		if taken += len(packet); taken > given {
			t.Fatalf("%d bytes taken, %d given", taken, given)
		}
		if _, err := io.ReadFull(ch, b); err != nil || !bytes.Equal(b, lengthed(packet)) {
			t.Fatalf("%v, % x", err, b[:8])
		}
		for len(s.sent) > 0 {
			given += int(binary.BigEndian.Uint32(s.expect(msgWindowAdjust)[5:]))
		}
	}
	if given-taken > fullWindow {
		t.Errorf("the window has become %d", given-taken)
	}
}
