package peer

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"testing"
)

func TestOurOwnProcessIsTheSame(t *testing.T) {
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(t.TempDir(), "s"), Net: "unix"})
	if err != nil {
		t.Skip(err)
	}
	defer l.Close()
	conn, err := net.Dial("unix", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	far, err := l.AcceptUnix()
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	uid, err := UID(far)
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skip(err)
	}
	if err != nil || uid != os.Getuid() {
		t.Errorf("user %d, %v; we are %d", uid, err, os.Getuid())
	}
	if err := Same(far); err != nil {
		t.Error(err)
	}
	if err := SameOrRoot(far); err != nil {
		t.Error(err)
	}
	far.Close()
	if Same(far) == nil || SameOrRoot(far) == nil {
		t.Error("nobody is at the end of a closed socket, and was let in")
	}
}
