//go:build linux

package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestOnlyPort22: a firewall that lets nothing through but ssh.
func TestOnlyPort22(t *testing.T) {
	for _, m := range transports() {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.fault(onlySSH)
			w.says("through\n", "", append(m.args, placed(), "server", "echo through")...)
		})
	}
}

// TestUDPBlocked: before the login, in the middle, and no longer.
func TestUDPBlocked(t *testing.T) {
	for _, m := range transports() {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.fault(noUDP)
			x := w.transfer(m.args...)
			x.goesOn()
			for _, rules := range []string{"", noUDP, onlySSH, "", onlySSH, noUDP, ""} {
				t.Logf("the router forwards all but %q", rules)
				w.fault(rules)
				x.goesOn()
				x.goesOn()
			}
			x.ends()
		})
	}
}

// TestBlockedDuringLogin: ssh is through and tsshd about to start when the
// firewall goes up, so that no knock by UDP, or by TCP either, ever arrives.
func TestBlockedDuringLogin(t *testing.T) {
	t.Parallel()
	for _, m := range transports() {
		for rules, left := range map[string]string{noUDP: "TCP", onlySSH: "ssh"} {
			t.Run(m.name+" with "+left+" left", func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				reached, passed := w.home()+"/reached", w.home()+"/passed"
				real := filepath.Join(built, "bin/tsshd")
				gate := w.script("gate", fmt.Sprintf(`[ "$1" = --offer ] || exec %s "$@"
touch %s
while [ ! -e %s ]; do sleep 0.05; done
exec %[1]s "$@"`, real, reached, passed))
				x := w.transfer(append(m.args, "-oTsshdPath="+gate)...)
				w.awaits("the login to reach tsshd", func() bool { _, err := os.Stat(reached); return err == nil })
				w.fault(rules)
				w.write("alice/passed", "")
				x.goesOn()
				w.fault("")
				x.goesOn()
				x.ends()
			})
		}
	}
}

// TestEachKindOfPath: chosen by hand.
func TestEachKindOfPath(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, kind := range []string{"udp", "tcp", "ssh"} {
		for _, m := range transports() {
			w.says(kind+"\n", "", append(m.args, placed(), "-oUdpProxyMode="+kind, "server", "echo "+kind)...)
		}
	}
}

// TestRoamByTCPAndSSH: connections die with the address that they came from,
// and nobody says so.
func TestRoamByTCPAndSSH(t *testing.T) {
	t.Parallel()
	for _, m := range transports() {
		for _, kind := range []string{"tcp", "ssh"} {
			t.Run(m.name+" over "+kind, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				x := w.transfer(append(m.args, "-oUdpProxyMode="+kind)...)
				for range 5 {
					x.goesOn()
					start := time.Now()
					w.roam()
					x.goesOn()
					t.Logf("goes on %s after an address change", time.Since(start).Round(time.Millisecond))
				}
				x.ends()
			})
		}
	}
}

// TestCarrierDies: the ssh connection that carries the session is killed, and
// the session goes on over another.
func TestCarrierDies(t *testing.T) {
	for _, m := range transports() {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.fault(onlySSH)
			x := w.transfer(m.args...)
			for range 3 {
				x.goesOn()
				w.awaits("an ssh login to kill", func() bool { return w.killLogins() > 0 })
			}
			x.goesOn()
			w.roam() // nothing tells either end that its connection is dead
			x.goesOn()
			x.goesOn()
			x.ends()
		})
	}
}

// killLogins ends all processes of sshd that serve a login.
func (w *world) killLogins() (n int) {
	for _, pid := range w.processes(w.server) {
		line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		if strings.HasPrefix(string(line), "sshd: alice") {
			syscall.Kill(pid, syscall.SIGKILL)
			n++
		}
	}
	return n
}

// TestJump: through two hosts, of which the last can be reached from them only.
func TestJump(t *testing.T) {
	for _, m := range modes() {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.fault(onlySSH4)
			w.says("three hosts\n", "three hosts\n",
				append(m.args, placed(), "-J", "server,server", "server6", "cat")...)
		})
	}
}
