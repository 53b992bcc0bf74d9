//go:build linux

package e2e_test

import (
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
)

// logins counts the logins of alice's that sshd serves: of each the half that
// has root's rights.
func (w *world) logins() (n int) {
	for _, pid := range w.processes(w.server) {
		line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		if strings.HasPrefix(string(line), "sshd") && strings.Contains(string(line), ": alice [priv]") {
			n++
		}
	}
	return n
}

// TestNoLoginsAreLeft: each address takes the ssh connections from it along, and
// nobody tells sshd. One login at most stays, and none when the session ends, but
// one of somebody else's, which does nothing either.
func TestNoLoginsAreLeft(t *testing.T) {
	for _, kind := range []string{"ssh", "auto"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			other := w.command("/usr/bin/ssh", "-F", w.dir+"/config", "-N", "server")
			w.start(other)
			w.awaits("the other login", func() bool { return w.logins() == 1 })
			cmd := w.tssh("--udp", "-oUdpProxyMode="+kind, placed(), "server", "cat")
			in, err := cmd.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			w.start(cmd)
			answers := func() {
				t.Helper()
				io.WriteString(in, "x\n")
				if got := readFull(t, out, make([]byte, 2)); got != "x\n" {
					t.Fatalf("got %q", got)
				}
			}
			answers()
			most := 0
			for range 4 {
				w.roam()
				if kind == "auto" { // so that the path through ssh is of use
					w.fault(onlySSH)
					answers()
					w.fault("")
				}
				answers()
				most = max(most, w.logins()-1)
			}
			if t.Logf("%d logins at most while it roams", most); most < 2 {
				t.Error("no login was left behind: the test sees nothing")
			}
			w.awaits("one login at most", func() bool {
				answers() // who says nothing has left nothing
				return w.logins() <= 2
			})
			w.roam() // so that the client's last close is not heard either
			answers()
			in.Close()
			if err := cmd.Wait(); err != nil {
				t.Error(err)
			}
			w.awaits("tsshd to end", func() bool { return len(w.tsshds()) == 0 })
			w.awaits("the other login alone", func() bool { return w.logins() <= 1 })
			if w.logins() != 1 {
				t.Errorf("the other login has ended\n%s", w.ps())
			}
		})
	}
}
