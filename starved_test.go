//go:build linux && !race

package main

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestStarvedProgramSaysSo: Go's runtime ends for lack of memory before a line of
// ours runs. One line tells, and no trace; all else that it says is as it was.
func TestStarvedProgramSaysSo(t *testing.T) {
	tssh := filepath.Join(t.TempDir(), "tssh")
	if out, err := exec.Command("go", "build", "-o", tssh, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, limit := range []string{"60000", "300000", "600000", "700000"} {
		out, err := exec.Command("sh", "-c", `ulimit -v "$1"; exec "$0" -V`, tssh, limit).CombinedOutput()
		exit, ok := err.(*exec.ExitError)
		if !ok || exit.ExitCode() != 255 || !strings.HasPrefix(string(out), "tssh: out of memory; ") || strings.Count(string(out), "\n") != 1 {
			t.Errorf("ulimit -v %s: %v: %s", limit, err, out)
		}
	}
	// SIGQUIT's trace is Go's own.
	out, _ := exec.Command("sh", "-c", `"$0" tssh -F none -o ProxyCommand='kill -QUIT $PPID; sleep 1' host`, tssh).CombinedOutput()
	if !strings.Contains(string(out), "goroutine") {
		t.Errorf("its words are gone: %s", out)
	}
}
