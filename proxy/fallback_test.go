package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"tssh/proxy/simnet"
	"tssh/proxy/wire"
)

func only(mode wire.Mode) tweak {
	return func(_ *session, c *ClientConfig, _ *ServerConfig) { c.Mode = mode }
}

func TestUDPComesFirst(t *testing.T) {
	story(t, wifi, func(s *session) {
		for range 100 {
			s.echo("x", time.Second)
			time.Sleep(100 * time.Millisecond)
		}
		s.server.mu.Lock()
		defer s.server.mu.Unlock()
		if n := len(s.server.streams); n > 0 || s.client.State().Kind != "UDP" || len(s.logins) > 0 {
			t.Errorf("%d connections and %d logins beside %s", n, len(s.logins), s.client.State().Kind)
		}
	}, overSSH)
}

// A firewall, and the kind of path that is left.
var firewalls = []struct {
	kind string
	set  func(l *simnet.Link, on bool)
}{
	{"TCP", func(l *simnet.Link, on bool) { l.NoUDP = on }},
	{"SSH", func(l *simnet.Link, on bool) { l.OnlySSH = on }},
}

func TestBlockedFromTheStart(t *testing.T) {
	for _, f := range firewalls {
		for mode, most := range map[wire.Mode]time.Duration{wire.Auto: 1500 * time.Millisecond, wire.Mode(strings.ToLower(f.kind)): 6 * rtt} {
			link := wifi
			f.set(&link, true)
			story(t, link, func(s *session) {
				if got := s.client.State(); got.Kind != f.kind || !got.Online {
					t.Errorf("mode %s: %+v, want %s", mode, got, f.kind)
				}
				within(t, "the first echo by "+f.kind+", from nothing", s.opening, most)
				within(t, "echo by "+f.kind, s.echo("x", time.Minute), rtt+time.Millisecond)
				s.transfer(1<<20, nil)
			}, only(mode), overSSH)
		}
	}
}

func TestFirewallComesAndGoes(t *testing.T) {
	for _, f := range firewalls {
		story(t, wifi, func(s *session) {
			for range 3 {
				time.Sleep(10 * time.Second)
				s.phone.Change(func(l *simnet.Link) { f.set(l, true) })
				within(t, "only "+f.kind+" passes now", s.echo("a", time.Minute), 2*time.Second)
				within(t, "by "+f.kind, s.echo("b", time.Minute), rtt+time.Millisecond)
				s.phone.Change(func(l *simnet.Link) { f.set(l, false) })
				for range 8 {
					within(t, "nothing is blocked", s.echo("c", time.Minute), rtt+time.Millisecond)
					time.Sleep(time.Second)
				}
				if got := s.client.State().Kind; got != "UDP" {
					t.Errorf("after the firewall went: %s", got)
				}
				within(t, "by UDP again", s.echo("d", time.Minute), rtt+time.Millisecond)
			}
		}, overSSH)
	}
}

// A connection that was cut off and comes back for a moment delivers all at
// once what it kept. That is no reason to rely on it.
func TestFirewallChangesItsMind(t *testing.T) {
	link := wifi
	link.NoUDP = true
	for _, moment := range []time.Duration{rtt, 2 * rtt, 4 * rtt} {
		story(t, link, func(s *session) {
			time.Sleep(5 * time.Second)
			s.phone.Change(func(l *simnet.Link) { l.OnlySSH = true })
			within(t, "only ssh passes now", s.echo("a", time.Minute), 2*time.Second)
			s.phone.Change(func(l *simnet.Link) { l.OnlySSH = false })
			want := ""
			for start := time.Now(); time.Since(start) < moment; time.Sleep(10 * time.Millisecond) {
				s.write("b")
				want += "b"
			}
			s.phone.Change(func(l *simnet.Link) { l.OnlySSH = true })
			s.write("c")
			within(t, "only ssh passes again", s.hear(want+"c", time.Now(), time.Minute), 1500*time.Millisecond)
		}, overSSH)
	}
}

func TestTransferOutlivesFirewall(t *testing.T) {
	story(t, simnet.Link{Delay: 15 * time.Millisecond, Rate: 4 << 20}, func(s *session) {
		took := s.transfer(32<<20, func() {
			for range 3 {
				time.Sleep(time.Second)
				s.phone.Change(func(l *simnet.Link) { l.NoUDP = true })
				time.Sleep(5 * time.Second)
				s.phone.Change(func(l *simnet.Link) { l.NoUDP = false })
				time.Sleep(6 * time.Second)
			}
		})
		t.Logf("32 MiB: %s", took)
	})
}

// welcome is what a login prints before the path begins.
const welcome = "Welcome to your account!\n"

// overSSH lets paths through ssh be made of connections to port 22.
func overSSH(s *session, c *ClientConfig, sc *ServerConfig) {
	l, err := sc.Network.ListenTCP(22)
	if err != nil {
		s.t.Fatal(err)
	}
	context.AfterFunc(s.ctx, func() { l.Close() })
	go func() {
		for {
			x, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				io.WriteString(x, welcome)
				s.server.Attach(x)
			}()
		}
	}()
	c.Carrier = func(ctx context.Context, fresh bool) (io.ReadWriteCloser, error) {
		if n := len(s.logins); n > 0 && !fresh && addrOf(s.logins[n-1], net.Conn.LocalAddr).Addr() != s.phone.Addr(0).Addr() {
			select { // a dead login does not say so, and is given up at last
			case <-time.After(2 * time.Second):
			case <-ctx.Done():
			}
		}
		var x net.Conn
		var err error
		for _, at := range c.Servers {
			if x, err = c.Network.DialTCP(ctx, netip.AddrPortFrom(at.Addr(), 22)); err == nil {
				s.logins = append(s.logins, x) // one at a time, and read when all is quiet
				return x, nil
			}
		}
		return nil, err
	}
}

func TestSessionOutlivesItsCarrier(t *testing.T) {
	for _, mode := range []wire.Mode{wire.Auto, wire.OnlySSH} {
		link := wifi
		link.OnlySSH = true
		story(t, link, func(s *session) {
			if got := s.client.State(); got.Kind != "SSH" || !got.Online {
				t.Errorf("mode %s: %+v", mode, got)
			}
			time.Sleep(5 * time.Second)
			within(t, "echo through ssh", s.echo("x", time.Second), rtt+time.Millisecond)
			s.transfer(1<<20, nil)
			for range 3 {
				time.Sleep(20 * time.Second)
				s.logins[len(s.logins)-1].Close()
				within(t, "the carrier died", s.echo("x", time.Minute), time.Second)
			}
			for _, to := range []string{"10.5.5.5", "fd00::5", "10.6.6.6"} {
				time.Sleep(20 * time.Second)
				s.phone.Move(to)
				within(t, "the client moved", s.echo("x", time.Minute), time.Second/2)
			}
			if n := len(s.logins); n > 8 {
				t.Errorf("mode %s: %d logins for 7 reasons", mode, n)
			}
		}, only(mode), overSSH)
	}
}

func TestRoamWhileOnTCP(t *testing.T) {
	story(t, wifi, func(s *session) {
		for _, to := range []string{"10.7.7.7", "fd00::7", "10.8.8.8"} {
			time.Sleep(5 * time.Second)
			s.phone.Move(to)
			within(t, "move to "+to, s.echo("x", time.Minute), time.Second/2)
		}
	}, only(wire.OnlyTCP))
}

func TestBlackoutOnAStream(t *testing.T) {
	for _, mode := range []wire.Mode{wire.OnlyTCP, wire.OnlySSH} {
		story(t, wifi, func(s *session) {
			for _, dark := range []time.Duration{time.Minute, time.Hour} {
				time.Sleep(5 * time.Second)
				s.phone.Change(func(l *simnet.Link) { l.Down = true })
				s.write("ab")
				time.Sleep(dark)
				s.phone.Change(func(l *simnet.Link) { l.Down = false })
				within(t, "first echo by "+string(mode)+" after "+dark.String(), s.hear("ab", time.Now(), time.Hour), 2*time.Second)
			}
		}, only(mode), overSSH)
	}
}

func TestCloseUnblocksEverything(t *testing.T) {
	story(t, wifi, func(s *session) {
		read := make(chan error, 2)
		s.quic.CloseWithError(0, "")
		go func() { _, _, err := s.client.ReadFrom(make([]byte, 9)); read <- err }()
		go func() { _, _, err := s.server.ReadFrom(make([]byte, 9)); read <- err }()
		s.close()
		s.close()
		for range 2 {
			if err := <-read; !errors.Is(err, net.ErrClosed) {
				t.Errorf("read: %v", err)
			}
		}
		<-s.client.Done()
		<-s.server.Done()
		if _, err := s.client.WriteTo([]byte("x"), s.client.Peer()); !errors.Is(err, net.ErrClosed) {
			t.Errorf("write: %v", err)
		}
		s.quic = nil
	})
}

func TestBothEndsGiveUpAfterAlive(t *testing.T) {
	story(t, wifi, func(s *session) {
		s.phone.Change(func(l *simnet.Link) { l.Down = true })
		start := time.Now()
		s.write("nobody hears this")
		<-s.server.Done()
		<-s.client.Done()
		if took := time.Since(start); took < 9*time.Minute || took > 12*time.Minute {
			t.Errorf("gave up after %s", took)
		}
	}, func(_ *session, c *ClientConfig, sc *ServerConfig) {
		c.Alive, sc.Alive = 10*time.Minute, 10*time.Minute
	})
}

func TestIdlenessIsNotSilence(t *testing.T) {
	story(t, wifi, func(s *session) {
		time.Sleep(3 * time.Hour)
		if got := s.client.State(); !got.Online || !got.Lost.IsZero() {
			t.Errorf("client %+v", got)
		}
		s.echo("x", time.Second)
	}, func(_ *session, c *ClientConfig, sc *ServerConfig) { c.Alive, sc.Alive = 2*time.Minute, 2*time.Minute })
}

func TestStateTellsOfAnOutage(t *testing.T) {
	story(t, wifi, func(s *session) {
		time.Sleep(5 * time.Second)
		for len(s.client.Watch()) > 0 {
			<-s.client.Watch()
		}
		cut := time.Now()
		s.client.Cut(true)
		s.write("x")
		<-s.client.Watch()
		if got := s.client.State(); got.Online || got.Lost.Sub(cut) > time.Second || got.Trying == "" {
			t.Errorf("cut: %+v", got)
		}
		if took := time.Since(cut); took > 3*time.Second {
			t.Errorf("told after %s", took)
		}
		time.Sleep(20 * time.Second)
		s.client.Cut(false)
		<-s.client.Watch()
		if got := s.client.State(); !got.Online || !got.Lost.IsZero() || got.Trying != "" {
			t.Errorf("restored: %+v", got)
		}
		s.hear("x", time.Now(), time.Second)
	})
}

// TestPathsThroughSSHThatAreLeft: the connection dies with its address, so the
// server does not hear that the client closed it, and must not keep it.
func TestPathsThroughSSHThatAreLeft(t *testing.T) {
	for _, mode := range []wire.Mode{wire.Auto, wire.OnlySSH} {
		link := wifi
		link.OnlySSH = true
		story(t, link, func(s *session) {
			stand := func() int {
				s.server.mu.Lock()
				defer s.server.mu.Unlock()
				return len(s.server.streams)
			}
			for i := range 5 {
				s.phone.Move(fmt.Sprintf("10.5.5.%d", 1+i))
				s.echo("x", time.Minute)
				time.Sleep(3 * time.Second)
			}
			if n := stand(); n < 2 {
				t.Errorf("mode %s: %d paths stand: the test sees nothing", mode, n)
			}
			time.Sleep(time.Minute)
			if n := stand(); n != 1 {
				t.Errorf("mode %s: %d paths stand after a minute", mode, n)
			}
			within(t, "the path that is used", s.echo("x", time.Second), rtt+time.Millisecond)
			time.Sleep(time.Hour) // in which next to nothing is heard
			within(t, "after an idle hour", s.echo("x", time.Second), rtt+time.Millisecond)
		}, only(mode), overSSH)
	}
}
