package sshconn

import (
	"errors"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	attacker "tssh/proxy/hostile"
	"tssh/proxy/simnet"
)

// TestHostileTsshdEndsOnlyTheSession: what breaks the protocol ends the client's
// connection with a reason, and nothing hangs or panics.
func TestHostileTsshdEndsOnlyTheSession(t *testing.T) {
	for name, attack := range map[string][]byte{
		"unknown frame":                   attacker.Frame('?', ""),
		"huge frame":                      {frameRequest, 0xff, 0xff, 0xff},
		"request too short":               attacker.Frame(frameRequest, "\x00\xff\xff?"),
		"data after the end":              append(attacker.Frame(frameEOF, ""), attacker.Frame(frameData, "x")...),
		"confirmation of its own channel": attacker.Frame(frameConfirm, ""),
		"more than the window":            []byte(strings.Repeat(string(attacker.Frame(frameData, strings.Repeat("x", maxData))), firstWindow/maxData+1)),
	} {
		t.Run(name, func(t *testing.T) {
			simnet.Bubble(t, func(t *testing.T) {
				tsshd, session := attacker.Server(t, "quic")
				c, chans, reqs := Client(session, Meta{})
				go ssh.DiscardRequests(reqs)
				go func() {
					for n := range chans {
						if _, in, err := n.Accept(); err == nil { // it ends with the connection
							go ssh.DiscardRequests(in)
						}
					}
				}()
				tsshd.Stream(attacker.Opening("x11"), attack)
				if err := c.Wait(); !errors.Is(err, errMalformed) {
					t.Errorf("the client ended with %v", err)
				}
				c.Close()
				time.Sleep(time.Minute)
			})
		})
	}
}
