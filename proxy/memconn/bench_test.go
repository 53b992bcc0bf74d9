package memconn

import (
	"fmt"
	"testing"

	"golang.org/x/net/ipv4"

	"tssh/proxy/wire"
)

// BenchmarkConn takes datagrams from a transport and gives them back, one by one and in
// trains of ten, as they are sent at 100 Mbit/s.
func BenchmarkConn(b *testing.B) {
	const size = 1200
	for _, transport := range []wire.Transport{wire.QUIC, wire.KCP} {
		for _, train := range []int{1, 10} {
			b.Run(fmt.Sprintf("%s/%d", transport, train), func(b *testing.B) {
				f := mirror(transport)
				ms := make([]ipv4.Message, 8)
				for i := range ms {
					ms[i] = ipv4.Message{Buffers: [][]byte{make([]byte, 1500)}, OOB: make([]byte, 128)}
				}
				datagrams := make([]byte, train*size)
				for i := range train {
					datagrams[i*size] = wire.FixedBit
				}
				b.SetBytes(int64(len(datagrams)))
				b.ReportAllocs()
				for b.Loop() {
					if transport == wire.QUIC {
						f.write(datagrams, size, 0, false)
					} else {
						for i := range train {
							f.write(datagrams[i*size:][:size], 0, 0, false)
						}
					}
					for got := 0; got < train; {
						n, err := f.ReadBatch(ms, 0)
						if err != nil {
							b.Fatal(err)
						}
						got += n
					}
				}
			})
		}
	}
}
