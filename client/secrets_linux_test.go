package client

import (
	"net"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"tssh/client/config"
)

// TestMemoryIsHiddenBeforeThereIsASecret in it.
func TestMemoryIsHiddenBeforeThereIsASecret(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().(*net.TCPAddr)
	l.Close()
	unix.Prctl(unix.PR_SET_DUMPABLE, 1, 0, 0, 0)
	code, said := complained(t, []string{"-F", "none", "-p", strings.TrimPrefix(addr.String(), "127.0.0.1:"), "127.0.0.1"})
	if code != exitError || !strings.Contains(said, "Connection refused") {
		t.Errorf("status %d, %q", code, said)
	}
	if n, err := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0); err != nil || n != 0 {
		t.Errorf("others may read it: %d, %v", n, err)
	}
}

// TestAgentThatIsGoneIsNotLent: its name is still in the environment.
func TestAgentThatIsGoneIsNotLent(t *testing.T) {
	path := filepath.Join(t.TempDir(), "agent")
	b := &lender{h: &config.Host{ForwardAgent: path}}
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
