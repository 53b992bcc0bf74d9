package mux

import (
	"io"
	"net"
	"testing"

	"tssh/proxy/wire"
)

// BenchmarkStream sends through one stream over the loopback interface, and has a key
// go there and back.
func BenchmarkStream(b *testing.B) {
	for _, transport := range []wire.Transport{wire.QUIC, wire.KCP} {
		for _, c := range []struct {
			name  string
			piece int
			echo  bool
		}{{"bulk", 64 << 10, false}, {"key", 1, true}} {
			b.Run(string(transport)+"/"+c.name, func(b *testing.B) {
				client, server := benchPair(b, transport)
				go func() {
					s, err := server.Accept(b.Context())
					if err != nil {
						b.Error(err)
						return
					}
					if c.echo {
						io.Copy(s, s)
					}
					for buf, err := make([]byte, c.piece), error(nil); err == nil; {
						_, err = s.Write(buf)
					}
				}()
				s, err := client.Open(b.Context())
				if err != nil {
					b.Fatal(err)
				}
				buf := make([]byte, c.piece)
				s.Write(buf[:1])
				io.ReadFull(s, buf)
				b.SetBytes(int64(c.piece))
				b.ReportAllocs()
				for b.Loop() {
					if c.echo {
						s.Write(buf)
					}
					if _, err := io.ReadFull(s, buf); err != nil {
						b.Fatal(err)
					}
				}
				client.Close()
				server.Close()
			})
		}
	}
}

func benchPair(b *testing.B, transport wire.Transport) (client, server Conn) {
	b.Helper()
	var sockets [2]*net.UDPConn
	var identities [2]*Identity
	for i := range sockets {
		var err error
		if sockets[i], err = net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}); err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { sockets[i].Close() })
		if identities[i], err = NewIdentity(); err != nil {
			b.Fatal(err)
		}
	}
	accepted := make(chan Conn, 1)
	go func() {
		m, err := Serve(b.Context(), transport, sockets[1], Config{Identity: identities[1], PeerPin: identities[0].Pin()})
		if err != nil {
			b.Error(err)
		}
		accepted <- m
	}()
	client, err := Dial(b.Context(), transport, sockets[0], sockets[1].LocalAddr(), Config{Identity: identities[0], PeerPin: identities[1].Pin()})
	if err != nil {
		b.Fatal(err)
	}
	if server = <-accepted; server == nil {
		b.FailNow()
	}
	return client, server
}
