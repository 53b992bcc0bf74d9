package client

import (
	"net"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
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
