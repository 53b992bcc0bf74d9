package memory

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// TestTrimGivesBackWhatComesAgain, and nothing that was written to a mapping which can
// only be read now, as a relocated one is. Hide may come before it.
func TestTrimGivesBackWhatComesAgain(t *testing.T) {
	Hide()
	file := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(file, []byte(strings.Repeat("x", 4*os.Getpagesize())), 0o600); err != nil {
		t.Fatal(err)
	}
	clean, written := mapped(t, file), mapped(t, file)
	written[0] = 'y'
	for _, m := range [][]byte{clean, written} {
		if err := unix.Mprotect(m, unix.PROT_READ); err != nil {
			t.Fatal(err)
		}
	}
	if clean[0] != 'x' || resident(t, clean) == 0 {
		t.Fatal("nothing is there to give back")
	}
	Trim()
	if n := resident(t, clean); n != 0 {
		t.Errorf("%d KB stay of what nobody has written to", n)
	}
	if clean[0] != 'x' || written[0] != 'y' {
		t.Errorf("%c and %c, want x and y", clean[0], written[0])
	}
}

func mapped(t *testing.T, file string) []byte {
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	m, err := unix.Mmap(int(f.Fd()), 0, 4*os.Getpagesize(), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Munmap(m) })
	return m
}

// resident says how much of a mapping is in memory, in KB.
func resident(t *testing.T, m []byte) (n int) {
	f, err := os.Open("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	ours := false
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if begins := fmt.Sprintf("%x-", uintptr(unsafe.Pointer(&m[0]))); strings.HasPrefix(lines.Text(), begins) {
			ours = true
		} else if strings.HasPrefix(lines.Text(), "Rss:") && ours {
			fmt.Sscanf(lines.Text(), "Rss: %d kB", &n)
			return n
		}
	}
	t.Fatal("the mapping is not found")
	return 0
}
