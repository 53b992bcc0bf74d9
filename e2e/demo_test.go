//go:build linux

package e2e_test

import (
	"path/filepath"
	"testing"
)

// TestDemoIsComeBackTo: its session is cut, restored, left and come back to.
func TestDemoIsComeBackTo(t *testing.T) {
	t.Parallel()
	w := newWorldWith(t, ownTmp)
	cmd := w.command(filepath.Join(built, "bin/tssh"), "--demo")
	cmd.Env = append(cmd.Env, "USER=root", "LOGNAME=root")
	p := w.terminal(cmd)
	p.expect("logged in to this machine")
	p.expect("exit ends")
	p.keys("unset HISTFILE; x=kept; echo he\"\"re\r")
	p.expect("here\r\n")
	p.keys("\r~!")
	p.expect("offline for")
	p.keys("\r~!echo ag\"\"ain\r")
	p.expect("again\r\n")
	p.keys("\r~d")
	p.expect("goes on")
	p.expect("here Enter does; end ends it: ")
	p.keys("\r")
	p.expect("again\r\n")
	p.keys("echo is-$x\r")
	p.expect("is-kept\r\n")
	p.keys("exit\r")
	if status := p.exit(); status != 0 {
		t.Errorf("status %d", status)
	}
	p.inOrder()
}
