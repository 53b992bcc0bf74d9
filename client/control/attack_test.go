//go:build unix

package control

import (
	"strings"
	"testing"

	"tssh/client/hostile"
)

// TestGuestsThatBreakTheProtocol: whoever reaches the socket can send what he
// likes; he is answered or left, and the master serves on.
func TestGuestsThatBreakTheProtocol(t *testing.T) {
	s := share(t, nil)
	long := strings.Repeat("x", 1<<16)
	for name, attack := range map[string]func(*hostile.Guest){
		"greets again":        func(p *hostile.Guest) { p.Say([]byte{0, 0, 0, 1, 0, 0, 0, 4}) },
		"no kind":             func(p *hostile.Guest) { p.Say([]byte{1}) },
		"a long message":      func(p *hostile.Guest) { p.Write([]byte{0x7f, 0xff, 0xff, 0xff}) },
		"an unknown kind":     func(p *hostile.Guest) { p.Say(hostile.Request(0x7fffffff, 1, long)) },
		"a session cut short": func(p *hostile.Guest) { p.Say(hostile.Request(cNewSession, 1, "\x00\x00\x00\x04ab")) },
		"lengths that lie":    func(p *hostile.Guest) { p.Say(hostile.Request(cOpenFwd, 1, "\xff\xff\xff\xff\xff\xff\xff\xff")) },
		"half a message":      func(p *hostile.Guest) { p.Write([]byte{0, 0, 1, 0, 1}); p.Close() },
	} {
		p := hostile.Board(t, s.path)
		attack(p)
		p.Hear()
		p.Close()
		if status, _, _, err := runOver(t, s.path, "", GuestSession{Command: "exit 5"}); status != 5 || err != nil {
			t.Errorf("%s: the next client: %d, %v", name, status, err)
		}
	}
}
