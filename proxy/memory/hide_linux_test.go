package memory

import (
	"testing"

	"golang.org/x/sys/unix"
)

func TestHiddenMemoryIsInNoCoreFile(t *testing.T) {
	Hide()
	if n, err := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0); err != nil || n != 0 {
		t.Errorf("%d, %v", n, err)
	}
}
