package lend

import (
	"net"
	"path/filepath"
	"testing"

	"tssh/client/config"
)

// TestAgentThatIsGoneIsNotLent: its name is still in the environment.
func TestAgentThatIsGoneIsNotLent(t *testing.T) {
	path := filepath.Join(t.TempDir(), "agent")
	b := &Lender{h: &config.Host{}, lent: config.Lent{ForwardAgent: path}}
	if b.hasAgent() {
		t.Error("lent a name without a socket")
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	if !b.hasAgent() {
		t.Error("did not lend an agent that is there")
	}
	l.SetUnlinkOnClose(false)
	l.Close()
	if b.hasAgent() {
		t.Error("lent a socket at which nobody listens")
	}
	for _, path := range []string{"", "no", "$NO_SUCH_AGENT", "yes"} {
		b.h, b.lent.ForwardAgent = &config.Host{IdentityAgent: "none"}, path
		if b.hasAgent() {
			t.Errorf("lent by ForwardAgent %q", path)
		}
	}
}
