package status

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestSessionTellsAnotherTerminalHowItIs(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "s")
	opened := time.Now().Add(-time.Minute).Truncate(time.Second)
	s, err := Serve(dir, func() Report {
		return Report{PID: 7, Host: "h", User: "u", Transport: "quic", Path: "UDP", RTT: 0.030, Opened: opened, Online: true}
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := Read(dir)
	if err != nil || len(got) != 1 || got[0].Host != "h" || got[0].RTT != 0.030 || !got[0].Opened.Equal(opened) {
		t.Fatalf("got %+v, %v", got, err)
	}
	var b strings.Builder
	if err := Table(&b, opened.Add(time.Minute), got); err != nil || !strings.Contains(b.String(), "quic/UDP") || !strings.Contains(b.String(), "1m0s") {
		t.Errorf("table: %v\n%s", err, b.String())
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if got, err := Read(dir); err != nil || len(got) != 0 {
		t.Errorf("after the end: %+v, %v", got, err)
	}
}

func TestPathThroughSSHHasNoAddresses(t *testing.T) {
	r := Report{Path: "SSH", Transport: "kcp", Online: true}
	if got := strings.Join(r.Lines(time.Now()), "\n"); !strings.Contains(got, "path:     SSH\n") {
		t.Error(got)
	}
	var b strings.Builder
	if err := Table(&b, time.Now(), []Report{r}); err != nil || !strings.Contains(b.String(), "kcp/SSH  -  ") {
		t.Errorf("%v\n%s", err, b.String())
	}
}

func TestNoSessionsIsNoError(t *testing.T) {
	if got, err := Read(filepath.Join(t.TempDir(), "none")); err != nil || len(got) != 0 {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestSocketOfTheDeadIsSwept(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "s")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "99.sock")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
	if _, err := Read(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(path); err != nil {
		t.Errorf("a socket that is new: %v", err)
	}
	old := time.Now().Add(-2 * fresh)
	if err := os.Chtimes(path, old, old); err != nil {
		t.Fatal(err)
	}
	s, err := Serve(dir, func() Report { return Report{} })
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(dir); err == nil {
		t.Error("a directory with the socket of the dead is still there")
	}
}

// TestLastSessionLeavesNothing, however many begin and end at once.
func TestLastSessionLeavesNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "s")
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			for range 20 {
				s, err := Serve(dir, func() Report { return Report{Host: "h"} })
				if err != nil {
					t.Error(err)
					return
				}
				if r, err := Read(dir); err != nil || len(r) == 0 {
					t.Errorf("while one is there: %v, %v", r, err)
				}
				s.Close()
			}
		})
	}
	all.Wait()
	if _, err := os.Lstat(dir); err == nil {
		t.Error("the directory is still there")
	}
}

func TestDirectoryOfOthersIsRefused(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "s")
	if err := os.Mkdir(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	os.Chmod(dir, 0o777)
	if _, err := Serve(dir, func() Report { return Report{} }); err == nil {
		t.Error("served where anyone can put a socket")
	}
}
