//go:build linux

package e2e_test

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"testing"
	"time"

	"tssh/server/pty"
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
	// Most of the time is spent waiting for networks that are away.
	flag.Set("test.parallel", strconv.Itoa(2*runtime.GOMAXPROCS(0)))
	flag.Parse()
	pty.HeedSignals() // nohup make test: programs here are to be hung up on
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "tssh-e2e-")
	if err == nil {
		defer os.RemoveAll(dir)
		built, err = dir, prepare(dir)
	}
	if err == nil {
		var done func() error
		if done, err = janitor(dir); err == nil {
			defer done()
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		return 1
	}
	return m.Run()
}

// janitor starts a process that tidies up when this one has died of a timeout
// or a signal, and so of what it could not clean: the namespaces and the
// sessions in them, which are made to stay, and what a house runs.
func janitor(dir string) (done func() error, err error) {
	sweep := `read -r line
for ns in $(ip netns list | grep -o "^tssh-e2e-$0-[^ ]*"); do
	kill -9 $(ip netns pids "$ns") 2>/dev/null
	ip netns del "$ns"
done
pkill -9 -f "$1/house-"
rm -rf "$1"`
	cmd := exec.Command("sh", "-c", sweep, strconv.Itoa(os.Getpid()), dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	alive, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return func() error { alive.Close(); return cmd.Wait() }, nil
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
		build = exec.Command("go", "build", "-trimpath", "-tags", "inherit", "-ldflags", "-s -w -checklinkname=0", "-o", tssh, "tssh")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
	}
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build: %w: %s", err, out)
	}
	// What it sends to other kinds of machines lies beside it.
	others, err := filepath.Glob(filepath.Join(filepath.Dir(*given), "tsshd-*.gz"))
	if *given == "" {
		others = nil
	}
	for _, file := range others {
		if err = exec.Command("cp", file, filepath.Join(dir, "bin")).Run(); err != nil {
			return err
		}
	}
	if err != nil {
		return err
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
