package pty

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// inBox is what the test is in a box of its own, whose utmp and wtmp are empty.
const inBox = "TSSH_TEST_RECORD"

const box = `set -e
mount -t tmpfs run /run
: >/run/utmp; : >/run/wtmp; chgrp --reference "$1" /run/utmp /run/wtmp; chmod 664 /run/utmp /run/wtmp
mount --bind /run/wtmp /var/log/wtmp
exec "$0" -test.run '^TestWhoShowsTheTerminal$' -test.v`

// TestWhoShowsTheTerminal: as sshd has it, while the terminal is open, and last(1)
// tells of it afterwards.
func TestWhoShowsTheTerminal(t *testing.T) {
	if os.Getenv(inBox) != "" {
		t.Run("inside", whoShows)
		return
	}
	helper := ""
	for _, path := range recorders {
		if info, err := os.Stat(path); err == nil && !info.IsDir() {
			helper = path
			break
		}
	}
	why := ""
	for _, tool := range []string{"unshare", "who"} {
		if _, err := exec.LookPath(tool); err != nil {
			why = err.Error()
		}
	}
	switch {
	case helper == "":
		why = "no libutempter0"
	case os.Getuid() != 0:
		t.Skip("SKIPPED, not tested at all: mounts need root")
	}
	if why != "" {
		if os.Getenv("CI") == "true" {
			t.Fatal(why)
		}
		t.Skip("SKIPPED, not tested at all: " + why)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("unshare", "-m", "sh", "-c", box, self, helper)
	cmd.Env = append(os.Environ(), inBox+"=1")
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "PASS: TestWhoShowsTheTerminal/inside") {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestRecorderThatHangs is not waited for, and the terminal is as it was.
func TestRecorderThatHangs(t *testing.T) {
	hangs := filepath.Join(t.TempDir(), "utempter")
	if err := os.WriteFile(hangs, []byte("#!/bin/sh\nexec sleep 1000\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	tty, err := Open(Size{Cols: 80, Rows: 24}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if tty.record(hangs, "add", "192.0.2.7") {
		t.Error("a record is thought to be there")
	}
	read := make(chan error, 1)
	go func() { _, err := tty.Read(make([]byte, 1)); read <- err }()
	tty.Close()
	<-read
}

func whoShows(t *testing.T) {
	said := func(name string, args ...string) string {
		out, err := exec.Command(name, args...).CombinedOutput()
		if err != nil {
			t.Error(err)
		}
		return string(out)
	}
	tty, err := Open(Size{Cols: 80, Rows: 24}, nil)
	if err != nil {
		t.Fatal(err)
	}
	line := strings.TrimPrefix(tty.Name(), "/dev/")
	tty.Record("192.0.2.7")
	if who := said("who"); strings.Count(who, line+" ") != 1 || !strings.Contains(who, "(192.0.2.7)") {
		t.Errorf("who(1) shows %q", who)
	}
	// The terminal must be as it was: a Read of it ends with Close.
	read := make(chan error, 1)
	go func() { _, err := tty.Read(make([]byte, 1)); read <- err }()
	tty.Close()
	tty.Close()
	<-read
	if who := said("who"); strings.Contains(who, line) {
		t.Errorf("who(1) still shows %q", who)
	}
	if _, err := exec.LookPath("last"); err != nil { // newer systems have another
		t.Logf("SKIPPED, not tested at all: wtmp: %v", err)
	} else if last := said("last", "-w", "-f", "/var/log/wtmp"); !strings.Contains(last, "192.0.2.7") || strings.Contains(last, "logged in") {
		t.Errorf("last(1) shows %q", last)
	}
	tty.Record("192.0.2.8") // too late
	if who := said("who"); strings.Contains(who, "192.0.2.8") {
		t.Errorf("who(1) shows %q", who)
	}
}
