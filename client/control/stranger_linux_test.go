package control

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestStrangersAreNotServed though the socket's mode let them in.
func TestStrangersAreNotServed(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("SKIPPED, not tested at all: only root can be somebody else for a moment")
	}
	s := share(t, nil)
	for path := s.path; path != os.TempDir(); path = filepath.Dir(path) {
		if err := os.Chmod(path, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	heard := func(uid int) int {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(fd)
		become := func(uid int) { // this thread alone
			if _, _, e := unix.RawSyscall(unix.SYS_SETRESUID, ^uintptr(0), uintptr(uid), ^uintptr(0)); e != 0 {
				t.Fatal(e)
			}
		}
		become(uid)
		err = unix.Connect(fd, &unix.SockaddrUnix{Name: s.path})
		become(0)
		if err != nil {
			t.Fatal(err)
		}
		wait := unix.NsecToTimeval(int64(time.Minute))
		unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &wait)
		n, err := unix.Read(fd, make([]byte, 64))
		if err == unix.EAGAIN {
			t.Fatal("neither served nor sent away")
		}
		return n
	}
	if n := heard(65534); n > 0 {
		t.Error("a stranger was served")
	}
	if n := heard(0); n <= 0 {
		t.Error("the user was not")
	}
}
