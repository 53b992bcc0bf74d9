package proxy

import (
	"testing"

	"tssh/proxy/wire"
)

func TestNothingIsSplitIntoNothing(t *testing.T) {
	split(nil, 0, func([]byte, int) { t.Error("a datagram in nothing") }, func([]byte) { t.Error("a packet in nothing") })
}

func FuzzSplit(f *testing.F) {
	f.Add([]byte{0x40, 1, 0x01, 2, 0x40, 3}, 2)
	f.Add([]byte{1, 2, 3}, 0)
	f.Fuzz(func(t *testing.T, b []byte, segment int) {
		total := 0
		split(b, segment, func(b []byte, segment int) {
			total += len(b)
			for at := 0; at < len(b); at += segment {
				if !wire.IsTransport(b[at:]) {
					t.Errorf("%x is not the transport's", b[at:])
				}
			}
		}, func(b []byte) {
			total += len(b)
			if wire.IsTransport(b) {
				t.Errorf("%x is the transport's", b)
			}
		})
		if total != len(b) {
			t.Errorf("%d of %d bytes", total, len(b))
		}
	})
}
