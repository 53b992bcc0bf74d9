//go:build unix

package descriptor

import (
	"io"
	"net"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

func conns(t *testing.T) (ours, theirs *net.UnixConn) {
	t.Helper()
	a, b, err := Pair()
	if err != nil {
		t.Fatal(err)
	}
	var both [2]*net.UnixConn
	for i, f := range []*os.File{a, b} {
		c, err := net.FileConn(f)
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		both[i] = c.(*net.UnixConn)
	}
	return both[0], both[1]
}

// TestOneIsKeptOfMany: the write end of a pipe is passed, and its reader sees the
// end once nobody has it any more.
func TestOneIsKeptOfMany(t *testing.T) {
	for name, shape := range map[string][]int{
		"one": {1}, "two": {2}, "many": {100}, "all that fit": {253},
	} {
		t.Run(name, func(t *testing.T) {
			ours, theirs := conns(t)
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			var oob []byte
			for _, n := range shape {
				fds := make([]int, n)
				for i := range fds {
					fds[i] = int(w.Fd())
				}
				oob = append(oob, unix.UnixRights(fds...)...)
			}
			if _, _, err := theirs.WriteMsgUnix([]byte{0}, oob, nil); err != nil {
				t.Skipf("SKIPPED, not tested at all: pass %s: %v", name, err)
			}
			fd, err := Receive(ours)
			if err != nil {
				t.Fatal(err)
			}
			if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
				t.Errorf("programs inherit it: %d, %v", flags, err)
			}
			if _, err := unix.Write(fd, []byte("x")); err != nil {
				t.Error(err)
			}
			unix.Close(fd)
			w.Close()
			if got, err := io.ReadAll(r); string(got) != "x" || err != nil { // waits for ever where one is left
				t.Errorf("%q, %v", got, err)
			}
		})
	}
}

func TestNothingIsPassed(t *testing.T) {
	ours, theirs := conns(t)
	theirs.Write([]byte{0})
	if fd, err := Receive(ours); err == nil {
		t.Errorf("a byte alone gave %d", fd)
	}
	theirs.Close()
	if fd, err := Receive(ours); err != io.EOF {
		t.Errorf("the end gave %d, %v", fd, err)
	}
}

func TestPairIsNotInherited(t *testing.T) {
	a, b, err := Pair()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range []*os.File{a, b} {
		if flags, err := unix.FcntlInt(f.Fd(), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
			t.Errorf("programs inherit it: %d, %v", flags, err)
		}
		f.Close()
	}
}
