package sshconn

import (
	"testing"
	"time"

	"tssh/proxy/simnet"
)

// TestTwoQuestionsInOneRoundTrip: and each gets its own answer.
func TestTwoQuestionsInOneRoundTrip(t *testing.T) {
	const delay = 100 * time.Millisecond
	story(t, simnet.Link{Delay: delay}, func(t *testing.T, e ends) {
		e.serve(t, func(n NewChannel) {
			c, err := n.Accept()
			if err != nil {
				t.Error(err)
				return
			}
			for r := range c.Requests() {
				r.Reply(r.Type == "shell", nil)
			}
		})
		ch, _, err := e.Conn.OpenChannel("session", nil)
		if err != nil {
			t.Fatal(err)
		}
		defer ch.Close()
		asker, ok := ch.(interface {
			Ask(string, []byte) (func() (bool, error), error)
		})
		if !ok {
			t.Skip("a channel of x/crypto")
		}
		start := time.Now()
		pty, err := asker.Ask("pty-req", nil)
		if err != nil {
			t.Fatal(err)
		}
		shell, err := asker.Ask("shell", nil)
		if err != nil {
			t.Fatal(err)
		}
		if ok, err := shell(); !ok || err != nil {
			t.Errorf("shell: %v, %v", ok, err)
		}
		if ok, err := pty(); ok || err != nil {
			t.Errorf("pty: %v, %v", ok, err)
		}
		if took := time.Since(start); took > 3*delay {
			t.Errorf("took %v", took)
		}
	})
}
