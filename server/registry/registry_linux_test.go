package registry

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestProcessOfAnotherUserGetsNothing: also one that came past the modes.
func TestProcessOfAnotherUserGetsNothing(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("SKIPPED, not tested at all: only root can be somebody else")
	}
	base := short(t)
	dir := open(t, base, "mine")
	for _, path := range []string{base, dir} {
		if err := os.Chmod(path, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(filepath.Join(dir, door), 0o666); err != nil {
		t.Fatal(err)
	}
	got := as(t, 12345, func() string {
		a, err := ask(context.Background(), patience, dir, Request{Ask: "list"})
		if err == nil {
			return "told " + a.Session.Name
		}
		return err.Error()
	})
	if !strings.Contains(got, "another user") {
		t.Errorf("our own look at who listens: %q", got)
	}
	got = as(t, 12345, func() string { // who does not look
		conn, err := net.Dial("unix", filepath.Join(dir, door))
		if err != nil {
			return err.Error()
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(5 * time.Second))
		conn.Write([]byte(`{"ask":"list"}` + "\n"))
		b := make([]byte, 100)
		n, _ := conn.Read(b)
		return string(b[:n])
	})
	if got != "" {
		t.Errorf("another user was told %q", got)
	}
}

// as runs f as another user, on a thread that ends with it.
func as(t *testing.T, uid int, f func() string) string {
	t.Helper()
	got := make(chan string)
	go func() {
		runtime.LockOSThread() // and never unlocked
		if _, _, e := syscall.RawSyscall(syscall.SYS_SETRESUID, uintptr(uid), uintptr(uid), uintptr(uid)); e != 0 {
			got <- e.Error()
			return
		}
		got <- f()
	}()
	return <-got
}
