//go:build linux

package e2e_test

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

var (
	outage   = flag.Duration("outage", 4*time.Second, "how long the network is lost in tests of that")
	given    = flag.String("tssh", "", "the program to test; built from the source around when empty")
	patience = flag.Duration("patience", 60*time.Second, "how long an event is waited for")
)

// built is where TestMain puts bin/tssh, bin/tsshd and the keys, readable for
// every user. It is set once, before any test runs.
var built string

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "tssh-e2e-")
	if err == nil {
		defer os.RemoveAll(dir)
		built, err = dir, prepare(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		return 1
	}
	return m.Run()
}

// prepare builds the program as make does, and makes the keys of all tests.
func prepare(dir string) error {
	if err := os.Chmod(dir, 0o755); err != nil {
		return err
	}
	if err := os.Mkdir(filepath.Join(dir, "bin"), 0o755); err != nil {
		return err
	}
	tssh := filepath.Join(dir, "bin/tssh")
	build := exec.Command("cp", *given, tssh)
	if *given == "" {
		build = exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", tssh, "tssh")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
	}
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build: %w: %s", err, out)
	}
	if err := os.Symlink("tssh", filepath.Join(dir, "bin/tsshd")); err != nil {
		return err
	}
	for _, key := range []string{"host", "user"} {
		gen := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", key, "-f", filepath.Join(dir, key))
		if out, err := gen.CombinedOutput(); err != nil {
			return fmt.Errorf("ssh-keygen: %w: %s", err, out)
		}
	}
	return nil
}
