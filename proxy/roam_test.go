package proxy

import (
	"testing"
	"time"

	"tssh/proxy/simnet"
	"tssh/proxy/wire"
)

const rtt = 60 * time.Millisecond // of most stories: 30 ms each way

var wifi = simnet.Link{Delay: rtt / 2}

// within checks how long something took.
func within(t testing.TB, what string, took, most time.Duration) {
	t.Helper()
	t.Logf("%s: %s, %.1f round trips", what, took, float64(took)/float64(rtt))
	if took > most {
		t.Errorf("%s took %s, at most %s is good", what, took, most)
	}
}

func TestEchoTakesOneRoundTrip(t *testing.T) {
	story(t, wifi, func(s *session) {
		within(t, "the first echo, from nothing", s.opening, 2*rtt+time.Millisecond)
		time.Sleep(time.Second)
		within(t, "echo", s.echo("x", time.Second), rtt+time.Millisecond)
	})
}

func TestSessionOutlivesAddressChange(t *testing.T) {
	story(t, wifi, func(s *session) {
		time.Sleep(5 * time.Second)
		for _, to := range []string{"10.7.7.7", "fd00::7", "10.8.8.8"} {
			s.phone.Move(to)
			// Which is noticed first, the key or the move, is the scheduler's; the
			// knock for the second comes 25 ms after that for the first.
			within(t, "move to "+to, s.echo("still here", time.Minute), rtt+30*time.Millisecond)
			time.Sleep(5 * time.Second)
		}
	})
}

func TestNATRebindingHealsWithTheNextKey(t *testing.T) {
	story(t, wifi, func(s *session) {
		s.phone.NAT("198.51.100.7")
		s.echo("behind a NAT now", time.Minute)
		for range 5 {
			time.Sleep(7 * time.Second)
			s.phone.Rebind()
			within(t, "rebinding", s.echo("k", time.Minute), rtt+time.Millisecond)
		}
	})
}

func TestKeysTypedInABlackoutComeOnceAndAtOnce(t *testing.T) {
	for _, dark := range []time.Duration{time.Second, 10 * time.Second, time.Minute, 47 * time.Minute, 10 * time.Hour} {
		story(t, wifi, func(s *session) {
			time.Sleep(5 * time.Second)
			s.phone.Change(func(l *simnet.Link) { l.Down = true })
			time.Sleep(dark / 2)
			for _, key := range "abc" {
				s.write(string(key))
				time.Sleep(50 * time.Millisecond)
			}
			time.Sleep(dark / 2)
			s.phone.Change(func(l *simnet.Link) { l.Down = false })
			most := rtt + 250*time.Millisecond + 20*time.Millisecond
			if dark > 5*time.Minute {
				most = rtt + time.Second
			}
			if dark > time.Hour {
				most = rtt + 5*time.Second
			}
			within(t, "first echo after "+dark.String(), s.hear("abc", time.Now(), time.Hour), most)
			within(t, "the next key", s.echo("d", time.Minute), rtt+time.Millisecond)
		})
	}
}

func TestLossyPathLosesFewKeys(t *testing.T) {
	for _, c := range []struct {
		loss float64 // each way
		most int     // of 1000 echoes may be slow; without copies it is 100 and 360
	}{{0.05, 25}, {0.2, 40}} {
		link := wifi
		link.Loss = c.loss
		story(t, link, func(s *session) {
			for range 100 { // so that the loss is known
				s.echo("x", time.Minute)
				time.Sleep(150 * time.Millisecond)
			}
			var slow int
			for range 1000 {
				if s.echo("x", time.Minute) > rtt+2*30*time.Millisecond+5*time.Millisecond {
					slow++
				}
				time.Sleep(150 * time.Millisecond)
			}
			t.Logf("loss %.0f%% each way: %d of 1000 echoes were slow; measured %.0f%%", 100*c.loss, slow, 100*s.client.State().Loss)
			if slow > c.most {
				t.Errorf("loss %.0f%% each way: %d of 1000 echoes were slow", 100*c.loss, slow)
			}
		})
	}
}

// loseOne writes a key, loses the first datagram of the transport that the
// server, or else the client, sends then, and returns how long the echo takes.
func (s *session) loseOne(key string, fromServer bool) time.Duration {
	lost := false
	s.phone.Lose(func(p simnet.Packet) bool {
		if lost || !wire.IsTransport(p.Data) || (p.From.Port() == 61001) != fromServer {
			return false
		}
		lost = true
		return true
	})
	return s.echo(key, time.Hour)
}

func TestLossSoonAfterAnOutageIsNoOutage(t *testing.T) {
	for _, dark := range []time.Duration{47 * time.Second, 10 * time.Hour} {
		story(t, wifi, func(s *session) {
			time.Sleep(5 * time.Second)
			s.phone.Change(func(l *simnet.Link) { l.NoAnswer = true })
			time.Sleep(time.Second)
			s.write("a") // the server answers it for hours, each time later
			time.Sleep(dark)
			s.phone.Change(func(l *simnet.Link) { l.NoAnswer = false })
			within(t, "first echo", s.hear("a", time.Now(), time.Hour), 3*rtt+5*time.Second)
			time.Sleep(5 * time.Second)
			within(t, "keys and echoes lost five seconds later", max(s.loseOne("b", true), s.loseOne("c", false), s.loseOne("d", true)), 500*time.Millisecond)
		})
	}
}

func TestAnswersComeBackLaterThanQuestions(t *testing.T) {
	story(t, wifi, func(s *session) {
		time.Sleep(5 * time.Second)
		s.phone.Change(func(l *simnet.Link) { l.Down = true })
		s.write("a")
		time.Sleep(10 * time.Minute)
		s.phone.Change(func(l *simnet.Link) { l.Down, l.NoAnswer = false, true })
		time.Sleep(10 * time.Minute)
		s.phone.Change(func(l *simnet.Link) { l.NoAnswer = false })
		within(t, "first echo", s.hear("a", time.Now(), time.Hour), 2*rtt+time.Second)
		time.Sleep(5 * time.Second)
		within(t, "keys and echoes lost five seconds later", max(s.loseOne("b", true), s.loseOne("c", false), s.loseOne("d", true)), 500*time.Millisecond)
	})
}

func TestFullWindowsDrainAfterAnOutage(t *testing.T) {
	story(t, simnet.Link{Delay: rtt / 2, Rate: 4 << 20}, func(s *session) {
		took := s.transfer(8<<20, func() {
			time.Sleep(2 * time.Second)
			s.phone.Change(func(l *simnet.Link) { l.Down = true })
			time.Sleep(20 * time.Minute)
			s.phone.Change(func(l *simnet.Link) { l.Down = false })
			before := s.client.State().Received
			time.Sleep(2 * time.Second)
			if got := s.client.State().Received - before; got < 1<<20 {
				t.Errorf("%d bytes in the two seconds after", got)
			}
		})
		t.Logf("8 MiB with an outage of 20 minutes: %s", took)
	})
}
