package transport

import (
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

// TestNothingSlipsIntoARenewal: what does not belong to it is not kept for later.
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
