//go:build linux

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestIgnoredSignalsStayIgnored builds the program as make does, which lets it see
// what it inherited. The signals come from the ProxyCommand, whose parent it is.
func TestIgnoredSignalsStayIgnored(t *testing.T) {
	tssh := filepath.Join(t.TempDir(), "tssh")
	build := exec.Command("go", "build", "-tags", "inherit", "-ldflags", "-checklinkname=0", "-o", tssh, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, c := range []struct {
		trap string
		dies bool
	}{{`trap "" TERM QUIT USR1`, false}, {"", true}} {
		cmd := exec.Command("sh", "-c", c.trap+"\n"+`exec "$0" -F none -o 'ProxyCommand=kill -TERM $PPID; kill -QUIT $PPID; kill -USR1 $PPID; exit 1' nowhere`, tssh)
		out, _ := cmd.CombinedOutput()
		status := cmd.ProcessState.Sys().(syscall.WaitStatus)
		if status.Signaled() != c.dies || !c.dies && status.ExitStatus() != 255 || strings.Contains(string(out), "goroutine ") {
			t.Errorf("%q: signal %v, status %d: %s", c.trap, status.Signal(), status.ExitStatus(), out)
		}
	}
}
