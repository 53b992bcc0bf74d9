//go:build unix

package registry

import (
	"os"
	"syscall"
	"testing"
)

// TestDirUnderAnyUmask: what a startup file takes from new files, it may take from
// the user too.
func TestDirUnderAnyUmask(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0o777))
	dir, err := Dir()
	if err != nil {
		t.Fatal(err)
	}
	defer os.Remove(dir)
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}
