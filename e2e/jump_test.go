//go:build linux

package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// movedJump makes "jump" a name of the server, for logins that go through it
// and move it to the proxies, by a tsshd that is there, or is sent.
func (w *world) movedJump(udpMode, tsshd string) {
	w.t.Helper()
	config, err := os.ReadFile(filepath.Join(w.dir, "config"))
	if err != nil {
		w.t.Fatal(err)
	}
	if tsshd != "" {
		tsshd = "\t#!! TsshdPath " + tsshd + "\n"
	}
	w.write("config", fmt.Sprintf("Host jump\n\tHostName %s\n\t#!! UdpMode %s\n%s\t#!! UdpReconnectTimeout 1\n%s",
		server4, udpMode, tsshd,
		strings.Replace(string(config), "Host server server6", "Host server server6 jump", 1)))
}

// TestMovedJump: a host that is reached through one in UDP mode outlives
// networks as well, in either mode of its own.
func TestMovedJump(t *testing.T) {
	t.Parallel()
	for jump, tsshd := range map[string]string{"QUIC": filepath.Join(built, "bin/tsshd"), "KCP": ""} {
		for _, m := range modes()[:2] {
			t.Run(jump+" to "+m.name, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				w.movedJump(jump, tsshd)
				x := w.transfer(append(m.args, "-J", "jump", "-oServerAliveInterval=1", "-oServerAliveCountMax=1")...)
				for range 3 {
					x.goesOn()
					w.roam()
				}
				x.goesOn()
				w.fault(nothing)
				time.Sleep(*outage) // the fault's length; it decides nothing
				w.roam()
				w.fault("")
				x.goesOn()
				x.goesOn()
				x.ends()
				w.awaits("every tsshd ends", func() bool { return len(w.tsshds()) == 0 })
			})
		}
	}
}

// TestNoticeOfTheJump: what is shown of a network that only the host on the
// way can outlive.
func TestNoticeOfTheJump(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.movedJump("yes", filepath.Join(built, "bin/tsshd"))
	cmd := w.tssh("-tt", "-J", "jump", "server", "echo ready; exec cat")
	m := w.tmux(shellLine(cmd.Args))
	m.shows("the program starts", holds("ready"))
	before := m.screen()
	w.fault(nothing)
	m.shows("the notice", holds("no contact with"))
	m.keys("typed")
	w.fault("")
	m.shows("the screen as before, with what was typed", func(now string) bool {
		return strings.TrimSpace(now) == strings.TrimSpace(before)+"\ntyped"
	})
}
