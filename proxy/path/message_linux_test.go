package path

import (
	"bytes"
	"net"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestOneByOldCalls: what has no calls for messages as they are made here takes them by
// those of all systems, with all that belongs to them.
func TestOneByOldCalls(t *testing.T) {
	for _, host := range []string{"127.0.0.1", "::1"} {
		server, client := listen(t).(*socket), listen(t).(*socket)
		to := netip.AddrPortFrom(netip.MustParseAddr(host), server.Local().Port())
		o := &client.outgoing
		o.message.set(&o.parts, []byte("one"), appendEnvelope(o.oob[:0], Envelope{Peer: to, ECN: 2}, false))
		o.message.Namelen = putPeer(&o.parts.peer, to, 0, o.four)
		if o.message.Namelen == 0 {
			t.Logf("SKIPPED in part: no %s here", host)
			continue
		}
		if err := sendOne(client.socket, &o.message); err != 0 {
			t.Logf("SKIPPED in part: no %s here: %v", host, err)
			continue
		}
		if n, err := unix.Poll([]unix.PollFd{{Fd: int32(server.socket), Events: unix.POLLIN}}, 10_000); n != 1 {
			t.Fatalf("nothing came in 10 s: %v", err)
		}
		server.grow(1)
		r := server.rooms[0]
		server.batch.messages[0].set(&r.parts, r.bytes, r.oob[:])
		if err := receiveOne(server.socket, &server.batch.messages[0]); err != 0 {
			t.Fatal(err)
		}
		server.here = 1
		b := make([]byte, 99)
		n, e, err := server.ReadDatagrams(b)
		want := Envelope{Peer: netip.AddrPortFrom(to.Addr(), client.Local().Port()), Local: to.Addr(), ECN: 2}
		if err != nil || string(b[:n]) != "one" || e != want {
			t.Errorf("%q of %+v, %v, want of %+v", b[:n], e, err, want)
		}
		if err := receiveOne(server.socket, &server.batch.messages[0]); err != unix.EAGAIN {
			t.Errorf("nothing is there: %v", err)
		}
	}
}

func TestPeers(t *testing.T) {
	var a unix.RawSockaddrInet6
	for _, c := range []struct {
		peer string
		zone uint32
		four bool
		want string // "": there is no such one
	}{
		{"192.0.2.1:5", 0, true, "192.0.2.1:5"},
		{"192.0.2.1:5", 0, false, "[::ffff:192.0.2.1]:5"},
		{"[::ffff:192.0.2.1]:65535", 0, true, "192.0.2.1:65535"},
		{"[2001:db8::1]:258", 0, false, "[2001:db8::1]:258"},
		{"[2001:db8::1]:5", 0, true, ""},
		{"[fe80::1]:5", 7, false, "[fe80::1]:5"},
	} {
		size := putPeer(&a, netip.MustParseAddrPort(c.peer), c.zone, c.four)
		got, zone := peerOf(&a, size)
		if want, _ := netip.ParseAddrPort(c.want); got != want || (size == 0) != (c.want == "") || size != 0 && zone != c.zone {
			t.Errorf("%+v: %d bytes, %s in zone %d", c, size, got, zone)
		}
	}
	if size := putPeer(&a, netip.AddrPort{}, 0, false); size != 0 {
		t.Error("there is an address of nothing")
	}
	putPeer(&a, netip.MustParseAddrPort("[::1]:1"), 0, false)
	for _, size := range []uint32{0, 1, unix.SizeofSockaddrInet4, unix.SizeofSockaddrInet6 - 1} {
		if p, _ := peerOf(&a, size); p.IsValid() {
			t.Errorf("%s is read from %d bytes", p, size)
		}
	}
}

// TestZones: a link-local address is written and read with the interface's name, as the
// net package has it.
func TestZones(t *testing.T) {
	all, err := net.Interfaces()
	if err != nil {
		t.Skipf("SKIPPED, not tested at all: %v", err)
	}
	var z zones
	for range 2 { // asked, and remembered
		for _, i := range all {
			if name, number := z.name(uint32(i.Index)), z.number(i.Name); name != i.Name || number != uint32(i.Index) {
				t.Errorf("%s is %s, and %d is %d", i.Name, name, i.Index, number)
			}
		}
	}
	if name, number := z.name(1<<30), z.number("123456789"); name != "1073741824" || number != 123456789 {
		t.Errorf("zones of no interface: %s, %d", name, number)
	}
	if l := z.last.Load(); l.name == "123456789" || l.number == 1<<30 {
		t.Error("what is not there is remembered, and would be missed when it comes")
	}
	if name, number := z.name(0), z.number(""); name != "" || number != 0 || z.number("no such one") != 0 {
		t.Errorf("no zone: %q, %d", name, number)
	}
	i := all[0]
	z.last.Store(&zone{uint32(i.Index), "another", time.Now().Add(-time.Second)})
	if name := z.name(uint32(i.Index)); name != i.Name {
		t.Errorf("what was long ago is remembered: %s", name)
	}
}

// TestLinkLocalPeers needs an interface with such an address.
func TestLinkLocalPeers(t *testing.T) {
	all, _ := net.Interfaces()
	tried := false
	for _, i := range all {
		addrs, _ := i.Addrs()
		for _, a := range addrs {
			ip, _ := netip.ParsePrefix(a.String())
			if !ip.Addr().Is6() || !ip.Addr().IsLinkLocalUnicast() || i.Flags&net.FlagUp == 0 {
				continue
			}
			tried = true
			server, client := listen(t), listen(t)
			here := ip.Addr().WithZone(i.Name)
			to := netip.AddrPortFrom(here, server.Local().Port())
			if err := client.WriteDatagrams([]byte("near"), Envelope{Peer: to}); err != nil {
				t.Fatalf("%s: %v", to, err)
			}
			got := read(t, server, 4, func(e Envelope) {
				if want := netip.AddrPortFrom(here, client.Local().Port()); e.Peer != want {
					t.Errorf("came from %s, want %s", e.Peer, want)
				}
				if err := server.WriteDatagrams([]byte("by"), Envelope{Peer: e.Peer, Local: e.Local}); err != nil {
					t.Error(err)
				}
			})
			if !bytes.Equal(got, []byte("near")) {
				t.Errorf("%q", got)
			}
			read(t, client, 2, func(e Envelope) {
				if e.Peer != to {
					t.Errorf("answered from %s, want %s", e.Peer, to)
				}
			})
		}
	}
	if !tried {
		t.Skip("SKIPPED, not tested at all: no interface has a link-local address")
	}
}

// TestSocketOfIPv4Alone, as where the kernel has no IPv6.
func TestSocketOfIPv4Alone(t *testing.T) {
	s, client := listen(t).(*socket), listen(t)
	conn, err := net.ListenUDP("udp4", nil)
	if err != nil {
		t.Fatal(err)
	}
	s.local = conn.LocalAddr().(*net.UDPAddr).AddrPort()
	s.gate.shut()
	if s.gate, err = newGate(conn); err != nil {
		t.Fatal(err)
	}
	s.four = true
	if err := client.WriteDatagrams([]byte("here"), Envelope{Peer: loopback(s)}); err != nil {
		t.Fatal(err)
	}
	read(t, s, 4, func(e Envelope) {
		if e.Peer != loopback(client) {
			t.Errorf("came from %s, want %s", e.Peer, loopback(client))
		}
		if err := s.WriteDatagrams([]byte("there"), Envelope{Peer: e.Peer}); err != nil {
			t.Error(err)
		}
	})
	read(t, client, 5, func(Envelope) {})
	if err := s.WriteDatagrams([]byte("x"), Envelope{Peer: netip.MustParseAddrPort("[2001:db8::1]:9")}); err == nil {
		t.Error("an address of IPv6 is written to")
	}
}
