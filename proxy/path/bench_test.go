package path

import (
	"fmt"
	"net/netip"
	"testing"
)

// BenchmarkSocket takes datagrams through two sockets of this machine, one by one and
// in trains.
func BenchmarkSocket(b *testing.B) {
	const size = 1200
	for _, train := range []int{1, 10} {
		b.Run(fmt.Sprint(train), func(b *testing.B) {
			var sockets [2]Socket
			for i := range sockets {
				s, err := Host{}.ListenUDP(0)
				if err != nil {
					b.Fatal(err)
				}
				defer s.Close()
				sockets[i] = s
			}
			e := Envelope{Peer: netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), sockets[1].Local().Port()), Segment: size}
			datagrams, buf := make([]byte, train*size), make([]byte, 64<<10)
			b.SetBytes(int64(len(datagrams)))
			b.ReportAllocs()
			for b.Loop() {
				if err := sockets[0].WriteDatagrams(datagrams, e); err != nil {
					b.Fatal(err)
				}
				for got := 0; got < len(datagrams); {
					n, _, err := sockets[1].ReadDatagrams(buf)
					if err != nil {
						b.Fatal(err)
					}
					got += n
				}
			}
		})
	}
}
