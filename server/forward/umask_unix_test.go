//go:build unix

package forward

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"tssh/server/policy"
)

// TestAgentUnderAnyUmask: the user reaches the agent, and nobody else.
func TestAgentUnderAnyUmask(t *testing.T) {
	f := New(&fake{}, policy.Careful(), nil)
	defer f.Close()
	defer syscall.Umask(syscall.Umask(0o777))
	socket, err := f.Agent()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]os.FileMode{filepath.Dir(socket): 0o700, socket: 0o600} {
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
}
