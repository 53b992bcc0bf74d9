//go:build unix

package detach

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// TestListOfDescriptors: FreeBSD's without fdescfs is none.
func TestListOfDescriptors(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"0", "1", "2"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if sealListed(dir) || sealListed(filepath.Join(dir, "none")) {
		t.Error("it was taken for a whole list")
	}
	fd, err := unix.Open(dir, unix.O_RDONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if !sealListed("/dev/fd") {
		t.Skip("SKIPPED in part: no whole list here")
	}
	if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
		t.Errorf("an inherited descriptor stays open for programs: %x, %v", flags, err)
	}
}
