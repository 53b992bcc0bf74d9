package transport

import (
	"bytes"
	"testing"

	"golang.org/x/crypto/ssh"

	attacker "tssh/client/hostile"
)

// against shakes hands with a server that follows a script.
func against(t *testing.T, script func(*attacker.Server)) (*Conn, error) {
	cfg := trusting
	cfg.Kex, cfg.Ciphers, cfg.MACs = []string{attacker.Kex}, []string{attacker.Cipher}, []string{attacker.MAC}
	return Handshake(attacker.Serve(t, script), cfg)
}

func TestHarnessIsTalkedTo(t *testing.T) {
	c, err := against(t, func(s *attacker.Server) {
		s.Connect()
		s.Send([]byte{90, 1})
		s.Renew()
		s.Send([]byte{91, 2})
	})
	if err != nil {
		t.Fatal(err)
	}
	for kind := byte(90); kind < 92; kind++ {
		if p, err := c.ReadPacket(); err != nil || p[0] != kind {
			t.Fatalf("got %v, %v", p, err)
		}
	}
}

// TestSecondOfferEndsTheExchange: each would be kept until the exchange ends.
func TestSecondOfferEndsTheExchange(t *testing.T) {
	_, err := against(t, func(s *attacker.Server) {
		s.Hello()
		s.Offer()
		s.Offer()
	})
	refused(t, err, "kex protocol error: type 20")
}

// TestServerSendsOnWhileKeysAreRenewed, as asyncssh does: every packet arrives, in
// order, before those that follow the exchange or its end, whatever ends it.
func TestServerSendsOnWhileKeysAreRenewed(t *testing.T) {
	data := func(s string) []byte {
		return ssh.Marshal(&struct {
			Channel uint32 `sshtype:"94"`
			Data    string
		}{0, s})
	}
	for _, ends := range []bool{false, true} {
		c, err := against(t, func(s *attacker.Server) {
			s.Connect()
			s.Send(data("before"))
			s.Offer()
			s.Send(data("one"))
			s.Send([]byte{2, 0, 0, 0, 0})
			s.Agree()
			s.Send(data("two"))
			if ends {
				s.Send([]byte{1, 0, 0, 0, 11}) // disconnect
				return
			}
			s.Answer(nil)
			s.Send(data("three"))
			s.TakeKeys()
			s.Send(data("after"))
		})
		if err != nil {
			t.Fatal(err)
		}
		c.AllowRekey()
		want := []string{"before", "one", "two"}
		if !ends {
			want = append(want, "three", "after")
		}
		for _, w := range want {
			if p, err := c.ReadPacket(); err != nil || !bytes.Equal(p, data(w)) {
				t.Fatalf("%q, %v, want %s", p, err, w)
			}
		}
		if ends {
			if p, err := c.ReadPacket(); err == nil {
				t.Errorf("after the end: %q", p)
			}
		}
	}
}

// TestRenewalIsNoStore: what a server sends into an exchange is bounded.
func TestRenewalIsNoStore(t *testing.T) {
	var e early
	packet := make([]byte, 32<<10)
	for range maxEarly/len(packet) + 1 {
		if e.put(packet) != nil {
			return
		}
	}
	t.Error("all is kept")
}

// TestNothingSlipsIntoARenewal: before the user is authenticated, what does not belong to it is not kept for later.
func TestNothingSlipsIntoARenewal(t *testing.T) {
	for _, packet := range [][]byte{
		ssh.Marshal(&struct {
			Channel uint32 `sshtype:"94"`
			Data    string
		}{0, "x"}), // data
		{80, 0, 0, 0, 0, 0}, // a global request
		{50},                // authentication
		{20},                // another offer
		{192, 0, 0, 0, 0},   // a ping
		{7, 0, 0, 0, 0},     // extensions
	} {
		c, err := against(t, func(s *attacker.Server) {
			s.Connect()
			s.Offer()
			for range 100 {
				s.Send(packet)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.ReadPacket()
		refused(t, err, "kex protocol error")
	}
}
