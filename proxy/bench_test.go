//go:build unix

package proxy

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/netip"
	"syscall"
	"testing"

	"github.com/quic-go/quic-go"
)

// BenchmarkLoopback moves bytes from server to client by QUIC over the real
// loopback: through the proxies, and over bare sockets for comparison.
func BenchmarkLoopback(b *testing.B) {
	for name, size := range map[string]uint16{"1200": 1200, "found": 0} {
		config := new(session).quicConfig()
		config.InitialPacketSize, config.DisablePathMTUDiscovery = size, size != 0
		config.MaxStreamReceiveWindow, config.MaxConnectionReceiveWindow = 32<<20, 64<<20
		b.Run("proxy/"+name, func(b *testing.B) {
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			s, err := Listen(ctx, ServerConfig{Secret: secret, Transport: "quic", Halves: true, MTU: int(size)})
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			c, err := Dial(ctx, ClientConfig{
				Secret: secret, Transport: "quic", Halves: true, MTU: int(size),
				Servers: []netip.AddrPort{netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(s.Port()))},
			})
			if err != nil {
				b.Fatal(err)
			}
			defer c.Close()
			pump(b, s, c, c.Peer(), config)
		})
		b.Run("bare/"+name, func(b *testing.B) {
			s, _ := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
			defer s.Close()
			c, _ := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
			defer c.Close()
			pump(b, s, c, s.LocalAddr(), config)
		})
	}
}

func pump(b *testing.B, server, client net.PacketConn, peer net.Addr, config *quic.Config) {
	ctx := b.Context()
	st, ct := &quic.Transport{Conn: server}, &quic.Transport{Conn: client}
	defer st.Close()
	defer ct.Close()
	l, err := st.Listen(&tls.Config{Certificates: []tls.Certificate{certificate(b)}, NextProtos: []string{"test"}}, config)
	if err != nil {
		b.Fatal(err)
	}
	const chunk = 1 << 20
	go func() {
		c, err := l.Accept(ctx)
		if err != nil {
			return
		}
		x, err := c.AcceptStream(ctx)
		if err != nil {
			return
		}
		buf := make([]byte, chunk)
		for {
			if _, err := x.Write(buf); err != nil {
				return
			}
		}
	}()
	c, err := ct.Dial(ctx, peer, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"test"}}, config)
	if err != nil {
		b.Fatal(err)
	}
	defer c.CloseWithError(0, "")
	x, err := c.OpenStreamSync(ctx)
	if err != nil {
		b.Fatal(err)
	}
	x.Write([]byte("go"))
	b.SetBytes(chunk)
	var before, after syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &before)
	b.ResetTimer()
	if _, err := io.CopyN(io.Discard, x, int64(b.N)*chunk); err != nil {
		b.Fatal(err)
	}
	syscall.Getrusage(syscall.RUSAGE_SELF, &after)
	used := after.Utime.Nano() + after.Stime.Nano() - before.Utime.Nano() - before.Stime.Nano()
	b.ReportMetric(float64(used)/1e6/float64(b.N), "cpu-ms/MiB")
}
