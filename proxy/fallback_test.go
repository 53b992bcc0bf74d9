package proxy

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tssh/proxy/simnet"
)

func only(mode string) tweak {
	return func(c *ClientConfig, _ *ServerConfig) { c.Mode = mode }
}

func TestUDPBlockedFromTheStart(t *testing.T) {
	for mode, want := range map[string]string{Auto: "TCP", OnlyTCP: "TCP"} {
		link := wifi
		link.NoUDP = mode == Auto
		story(t, link, func(s *session) {
			if got := s.client.State(); got.Kind != want || !got.Online {
				t.Errorf("mode %s: %+v, want %s", mode, got, want)
			}
			within(t, "the first echo without UDP, from nothing", s.opening, 1500*time.Millisecond)
			within(t, "echo by TCP", s.echo("x", time.Minute), rtt+time.Millisecond)
			s.transfer(1<<20, nil)
		}, only(mode))
	}
}

func TestFirewallComesAndGoes(t *testing.T) {
	story(t, wifi, func(s *session) {
		for range 3 {
			time.Sleep(10 * time.Second)
			s.phone.Change(func(l *simnet.Link) { l.NoUDP = true })
			within(t, "UDP is blocked now", s.echo("a", time.Minute), 2*time.Second)
			within(t, "by TCP", s.echo("b", time.Minute), rtt+time.Millisecond)
			s.phone.Change(func(l *simnet.Link) { l.NoUDP = false })
			time.Sleep(8 * time.Second)
			if got := s.client.State().Kind; got != "UDP" {
				t.Errorf("after the firewall went: %s", got)
			}
			within(t, "by UDP again", s.echo("c", time.Minute), rtt+time.Millisecond)
		}
	})
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

// connections remembers those that were made.
type connections struct {
	mu   sync.Mutex // guards what follows
	list []net.Conn
}

func (c *connections) add(x net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.list = append(c.list, x)
}

func (c *connections) closeLast() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.list[len(c.list)-1].Close()
}

// carrier makes a path through ssh of TCP connections to port 22.
func carrier(s *session, conns *connections) tweak {
	return func(c *ClientConfig, sc *ServerConfig) {
		c.Carrier = func(ctx context.Context) (io.ReadWriteCloser, error) {
			l, err := sc.Network.ListenTCP(22)
			if err == nil {
				context.AfterFunc(s.ctx, func() { l.Close() })
				go func() {
					for {
						x, err := l.Accept()
						if err != nil {
							return
						}
						go func() {
							io.WriteString(x, "Welcome to your account!\n")
							s.server.Attach(x)
						}()
					}
				}()
			}
			x, err := c.Network.DialTCP(ctx, netip.AddrPortFrom(c.Servers[0].Addr(), 22))
			if err == nil {
				conns.add(x)
			}
			return x, err
		}
	}
}

func TestSessionOutlivesItsCarrier(t *testing.T) {
	for _, mode := range []string{Auto, OnlySSH} {
		synctest.Test(t, func(t *testing.T) {
			afterQUIC()
			phone, far := simnet.Pair(t, wifi)
			var conns connections
			s := &session{t: t, phone: phone, far: far, got: make(chan []byte, 1024)}
			s.open(carrier(s, &conns), func(c *ClientConfig, sc *ServerConfig) {
				c.Mode, sc.Mode = mode, OnlySSH // only port 22 answers
			})
			if got := s.client.State(); got.Kind != "SSH" || !got.Online {
				t.Errorf("mode %s: %+v", mode, got)
			}
			within(t, "the first echo through ssh, from nothing", s.opening, 1750*time.Millisecond)
			time.Sleep(5 * time.Second)
			within(t, "echo through ssh", s.echo("x", time.Second), rtt+time.Millisecond)
			s.transfer(1<<20, nil)
			for range 3 {
				time.Sleep(20 * time.Second)
				conns.closeLast()
				within(t, "the carrier died", s.echo("x", time.Minute), 5*time.Second)
			}
			s.phone.Move("10.5.5.5")
			within(t, "the client moved", s.echo("x", time.Minute), 5*time.Second)
			s.close()
		})
	}
}

func TestRoamWhileOnTCP(t *testing.T) {
	story(t, wifi, func(s *session) {
		for _, to := range []string{"10.7.7.7", "fd00::7", "10.8.8.8"} {
			time.Sleep(5 * time.Second)
			s.phone.Move(to)
			within(t, "move to "+to, s.echo("x", time.Minute), time.Second/2)
		}
	}, only(OnlyTCP))
}

func TestBlackoutOnTCP(t *testing.T) {
	story(t, wifi, func(s *session) {
		for _, dark := range []time.Duration{time.Minute, time.Hour} {
			time.Sleep(5 * time.Second)
			s.phone.Change(func(l *simnet.Link) { l.Down = true })
			s.write("ab")
			time.Sleep(dark)
			s.phone.Change(func(l *simnet.Link) { l.Down = false })
			within(t, "first echo by TCP after "+dark.String(), s.hear("ab", time.Now(), time.Hour), 32*time.Second)
		}
	}, only(OnlyTCP))
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
	}, func(c *ClientConfig, sc *ServerConfig) { c.Alive, sc.Alive = 10*time.Minute, 10*time.Minute })
}

func TestIdlenessIsNotSilence(t *testing.T) {
	story(t, wifi, func(s *session) {
		time.Sleep(3 * time.Hour)
		if got := s.client.State(); !got.Online || !got.Lost.IsZero() {
			t.Errorf("client %+v", got)
		}
		s.echo("x", time.Second)
	}, func(c *ClientConfig, sc *ServerConfig) { c.Alive, sc.Alive = 2*time.Minute, 2*time.Minute })
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
