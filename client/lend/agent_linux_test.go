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
	b := &Lender{h: &config.Host{ForwardAgent: path}}
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
	for _, none := range []*config.Host{{ForwardAgent: "no"}, {ForwardAgent: "$NO_SUCH_AGENT"}, {ForwardAgent: "yes", IdentityAgent: "none"}} {
		if b.h = none; b.hasAgent() {
			t.Errorf("%+v", none)
		}
	}
}
