package sshconn

import (
	"io"
	"net"
	"testing"

	"golang.org/x/crypto/ssh"

	"tssh/proxy/mux"
)

// BenchmarkBulk sends through a channel over the loopback interface.
func BenchmarkBulk(b *testing.B) {
	for _, transport := range []string{"quic", "kcp"} {
		b.Run(transport, func(b *testing.B) {
			listen := func() *net.UDPConn {
				c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
				if err != nil {
					b.Fatal(err)
				}
				b.Cleanup(func() { c.Close() })
				return c
			}
			near, far := listen(), listen()
			x, y := benchIdentity(b), benchIdentity(b)
			accepted := make(chan mux.Conn, 1)
			go func() {
				m, err := mux.Serve(b.Context(), transport, far, mux.Config{Identity: y, PeerPin: x.Pin()})
				if err != nil {
					b.Error(err)
				}
				accepted <- m
			}()
			m, err := mux.Dial(b.Context(), transport, near, far.LocalAddr(), mux.Config{Identity: x, PeerPin: y.Pin()})
			if err != nil {
				b.Fatal(err)
			}
			client := ssh.NewClient(Client(m, Meta{}))
			server := Serve(<-accepted)
			const piece = 64 << 10
			go func() {
				for n := range server.Channels() {
					c, err := n.Accept()
					if err != nil {
						b.Error(err)
						return
					}
					buf := make([]byte, piece)
					for {
						if _, err := c.Write(buf); err != nil {
							return
						}
					}
				}
			}()
			c, _, err := client.OpenChannel("test", nil)
			if err != nil {
				b.Fatal(err)
			}
			buf := make([]byte, piece)
			io.ReadFull(c, buf)
			b.SetBytes(piece)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := io.ReadFull(c, buf); err != nil {
					b.Fatal(err)
				}
			}
			client.Close()
			server.Close()
		})
	}
}

func benchIdentity(b *testing.B) *mux.Identity {
	i, err := mux.NewIdentity()
	if err != nil {
		b.Fatal(err)
	}
	return i
}
