package transport

import (
	"bufio"
	"bytes"
	"testing"
)

// BenchmarkPacket seals and opens a packet of bulk, and one of a key.
func BenchmarkPacket(b *testing.B) {
	for _, name := range []string{"aes128-gcm@openssh.com", "chacha20-poly1305@openssh.com", "aes128-ctr"} {
		for size, what := range map[int]string{32 << 10: "bulk", 16: "key"} {
			b.Run(name+"/"+what, func(b *testing.B) {
				s, _ := suiteNamed(name)
				d, _ := digestNamed("hmac-sha2-256-etm@openssh.com")
				k := outward(func(_ byte, n int) []byte { return make([]byte, n) })
				out, in := newSealer(s, d, k), newOpener(s, d, k)
				payload := make([]byte, size)
				wire := bytes.NewReader(nil)
				r := bufio.NewReaderSize(wire, 64<<10)
				var packet []byte
				var n uint32
				b.SetBytes(int64(size))
				b.ReportAllocs()
				for b.Loop() {
					packet = out.seal(packet[:0], n, payload)
					wire.Reset(packet)
					r.Reset(wire)
					if p, err := in.open(r, n); err != nil || len(p) != size {
						b.Fatal(len(p), err)
					}
					n++
				}
			})
		}
	}
}
