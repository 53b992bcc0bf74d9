package path

import (
	"bytes"
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"
)

func listen(t *testing.T) Socket {
	t.Helper()
	s, err := Host{}.ListenUDP(0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// read reads from s until n bytes came, and checks each envelope.
func read(t *testing.T, s Socket, n int, check func(Envelope)) []byte {
	t.Helper()
	timer := time.AfterFunc(time.Minute, func() { s.Close() })
	defer timer.Stop()
	var all []byte
	b := make([]byte, 64<<10)
	for len(all) < n {
		got, e, err := s.ReadDatagrams(b)
		if err != nil {
			t.Fatalf("after %d of %d bytes: %v", len(all), n, err)
		}
		check(e)
		all = append(all, b[:got]...)
	}
	return all
}

func TestDatagramsPassBothFamilies(t *testing.T) {
	for _, loopback := range []string{"127.0.0.1", "127.0.0.2", "::1"} {
		host := netip.MustParseAddr(loopback)
		if c, err := net.ListenPacket("udp", netip.AddrPortFrom(host, 0).String()); err != nil {
			t.Logf("no %s here: %v", loopback, err)
			continue
		} else {
			c.Close()
		}
		server, client := listen(t), listen(t)
		to := netip.AddrPortFrom(host, server.Local().Port())
		sent := bytes.Repeat([]byte("0123456789"), 505) // five of 1000, one of 50
		var from Envelope
		if err := client.WriteDatagrams(sent, Envelope{Peer: to, Segment: 1000, ECN: 2}); err != nil {
			t.Fatal(err)
		}
		got := read(t, server, len(sent), func(e Envelope) {
			if e.Local != (netip.Addr{}) && (e.Local != host || e.ECN != 2) {
				t.Errorf("%s: reached %s with ECN %d", loopback, e.Local, e.ECN)
			}
			from = e
		})
		if !bytes.Equal(got, sent) {
			t.Errorf("%s: other bytes arrived", loopback)
		}
		// The answer leaves from the address that was reached.
		if err := server.WriteDatagrams([]byte("answer"), Envelope{Peer: from.Peer, Local: from.Local}); err != nil {
			t.Fatal(err)
		}
		read(t, client, 6, func(e Envelope) {
			if e.Peer != to && from.Local.IsValid() {
				t.Errorf("%s: answered from %s, want %s", loopback, e.Peer, to)
			}
		})
	}
}

func TestTooLargeVanishes(t *testing.T) {
	s := listen(t)
	to := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), s.Local().Port())
	if err := s.WriteDatagrams(make([]byte, 65507+1), Envelope{Peer: to}); err != nil {
		t.Errorf("too large for IP: %v", err)
	}
}

func TestCloseEndsRead(t *testing.T) {
	s := listen(t)
	done := make(chan error, 1)
	go func() {
		_, _, err := s.ReadDatagrams(make([]byte, 10))
		done <- err
	}()
	s.Close()
	s.Close()
	if err := <-done; !errors.Is(err, net.ErrClosed) {
		t.Errorf("read: %v", err)
	}
	if err := s.WriteDatagrams([]byte("x"), Envelope{Peer: netip.MustParseAddrPort("127.0.0.1:9")}); !errors.Is(err, net.ErrClosed) {
		t.Errorf("write: %v", err)
	}
}
