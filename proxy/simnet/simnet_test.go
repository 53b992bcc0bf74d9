package simnet

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"tssh/proxy/path"
)

func open(t *testing.T, h *Host, port int) *Socket {
	t.Helper()
	s, err := h.Listen(port)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func send(t *testing.T, s *Socket, to netip.AddrPort, text string) {
	t.Helper()
	if err := s.WriteDatagrams([]byte(text), path.Envelope{Peer: to}); err != nil {
		t.Fatal(err)
	}
}

// hear returns what arrives at s within a second, and from where.
func hear(s *Socket) (texts []string, from netip.AddrPort) {
	b := make([]byte, 2048)
	s.SetReadDeadline(time.Now().Add(time.Second))
	for {
		n, e, err := s.ReadDatagrams(b)
		if err != nil {
			return texts, from
		}
		texts, from = append(texts, string(b[:n])), e.Peer
	}
}

func TestDatagramTakesItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		phone, home := Pair(t, Link{Delay: 40 * time.Millisecond})
		a, b := open(t, phone, 0), open(t, home, 7)
		start := time.Now()
		send(t, a, home.Addr(7), "hi")
		n, e, err := b.ReadDatagrams(make([]byte, 9))
		if took := time.Since(start); n != 2 || err != nil || took != 40*time.Millisecond || e.Peer.Addr() != phone.Addr(0).Addr() {
			t.Errorf("%d bytes from %s after %s, %v", n, e.Peer, took, err)
		}
	})
}

func TestLinkFaults(t *testing.T) {
	for name, x := range map[string]struct {
		link     Link
		min, max int
	}{
		"perfect":   {Link{}, 200, 200},
		"loss":      {Link{Loss: 0.3}, 100, 170},
		"duplicate": {Link{Duplicate: 0.3}, 230, 290},
		"down":      {Link{Down: true}, 0, 0},
		"no UDP":    {Link{NoUDP: true}, 0, 0},
		"small MTU": {Link{MTU: 3}, 0, 0},
		"slow":      {Link{Rate: 400}, 25, 80},
	} {
		synctest.Test(t, func(t *testing.T) {
			phone, home := Pair(t, x.link)
			a, b := open(t, phone, 0), open(t, home, 7)
			for range 200 {
				send(t, a, home.Addr(7), "four")
			}
			if got, _ := hear(b); len(got) < x.min || len(got) > x.max {
				t.Errorf("%s: %d of 200 arrived", name, len(got))
			}
		})
	}
}

func TestJitterReorders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		phone, home := Pair(t, Link{Jitter: 50 * time.Millisecond})
		a, b := open(t, phone, 0), open(t, home, 7)
		for _, c := range "abcdefgh" {
			send(t, a, home.Addr(7), string(c))
		}
		if got, _ := hear(b); len(got) != 8 || strings.Join(got, "") == "abcdefgh" {
			t.Errorf("got %q", got)
		}
	})
}

func TestMoveLeavesOldAddressBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		phone, home := Pair(t, Link{Delay: time.Millisecond})
		told := phone.Watch(t.Context())
		a, b := open(t, phone, 5), open(t, home, 7)
		old := phone.Addr(5)
		phone.Move("10.9.9.9")
		<-told
		send(t, b, old, "lost")
		send(t, a, home.Addr(7), "here")
		if got, from := hear(b); len(got) != 1 || from != phone.Addr(5) {
			t.Errorf("got %q from %s", got, from)
		}
		if got, _ := hear(a); got != nil {
			t.Errorf("the old address still got %q", got)
		}
		err := a.WriteDatagrams([]byte("x"), path.Envelope{Peer: netip.MustParseAddrPort("[2001:db8::1]:7")})
		if !errors.Is(err, syscall.ENETUNREACH) {
			t.Errorf("without an IPv6 address: %v", err)
		}
	})
}

func TestNATForgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		phone, home := Pair(t, Link{})
		phone.NAT("198.51.100.1")
		a, b := open(t, phone, 0), open(t, home, 7)
		send(t, a, home.Addr(7), "one")
		_, before := hear(b)
		send(t, b, before, "answer")
		if got, _ := hear(a); len(got) != 1 {
			t.Fatal("the answer did not pass the NAT")
		}
		phone.Rebind()
		send(t, b, before, "late")
		if got, _ := hear(a); got != nil {
			t.Errorf("a forgotten binding let %q in", got)
		}
		send(t, a, home.Addr(7), "two")
		if _, after := hear(b); after == before || after.Addr() != before.Addr() {
			t.Errorf("from %s, before %s", after, before)
		}
	})
}

func TestStreamStallsAndGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		phone, home := Pair(t, Link{Delay: 10 * time.Millisecond})
		l, err := home.ListenTCP(7)
		if err != nil {
			t.Fatal(err)
		}
		c, err := phone.DialTCP(t.Context(), home.Addr(7))
		if err != nil {
			t.Fatal(err)
		}
		s, _ := l.Accept()
		phone.Change(func(l *Link) { l.Down = true })
		io.WriteString(c, "hel")
		io.WriteString(c, "lo")
		c.Close()
		s.SetReadDeadline(time.Now().Add(time.Minute))
		if n, err := s.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("while down: %d, %v", n, err)
		}
		s.SetReadDeadline(time.Time{})
		phone.Change(func(l *Link) { l.Down = false })
		if got, err := io.ReadAll(s); string(got) != "hello" || err != nil {
			t.Errorf("got %q, %v", got, err)
		}
		s.Close()
		l.Close()
		if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("accept: %v", err)
		}
		time.Sleep(time.Second)
	})
}

func TestDialThroughFirewallWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		phone, home := Pair(t, Link{NoTCP: true})
		l, _ := home.ListenTCP(7)
		defer l.Close()
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		if _, err := phone.DialTCP(ctx, home.Addr(7)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("dial: %v", err)
		}
	})
}

func TestStreamOnABadLink(t *testing.T) {
	for name, x := range map[string]struct {
		link     Link
		min, max time.Duration // that 100 kB take
	}{
		"perfect": {Link{}, 0, 0},
		"slow":    {Link{Rate: 50_000}, 2 * time.Second, 2 * time.Second},
		"lossy":   {Link{Loss: 0.2}, resend, resend},
		"jittery": {Link{Jitter: 50 * time.Millisecond}, time.Millisecond, 50 * time.Millisecond},
	} {
		synctest.Test(t, func(t *testing.T) {
			phone, home := Pair(t, x.link)
			l, _ := home.ListenTCP(7)
			defer l.Close()
			c, err := phone.DialTCP(t.Context(), home.Addr(7))
			if err != nil {
				t.Fatal(err)
			}
			s, _ := l.Accept()
			defer s.Close()
			want := []byte(strings.Repeat("0123456789abcdef", 100_000/16))
			start := time.Now()
			go func() { c.Write(want); c.Close() }()
			got, err := io.ReadAll(s)
			if took := time.Since(start); string(got) != string(want) || err != nil || took < x.min || took > x.max {
				t.Errorf("%s: %d of %d bytes after %s, %v", name, len(got), len(want), took, err)
			}
			time.Sleep(time.Second)
		})
	}
}

func TestFirewallForAllButSSH(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		phone, home := Pair(t, Link{OnlySSH: true})
		for port, open := range map[int]bool{22: true, 7: false} {
			l, _ := home.ListenTCP(port)
			defer l.Close()
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
			defer cancel()
			if _, err := phone.DialTCP(ctx, home.Addr(port)); (err == nil) != open {
				t.Errorf("port %d: %v", port, err)
			}
		}
		a, b := open(t, phone, 0), open(t, home, 7)
		send(t, a, home.Addr(7), "x")
		if got, _ := hear(b); got != nil {
			t.Errorf("UDP passed: %q", got)
		}
	})
}
