//go:build linux

package regress

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// sandbox runs commands with the client in namespaces of their own.
type sandbox struct {
	dir    string // everything is below it
	client string
	stock  string   // OpenSSH's ssh
	tsshd  string   // "none"
	env    []string // USER, HOME and the like
	number chan int
}

func newSandbox(t *testing.T) *sandbox {
	t.Helper()
	needs(t)
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	s := &sandbox{dir: t.TempDir(), tsshd: "none", number: make(chan int, 1)}
	s.number <- 0
	s.env = append(os.Environ(), "HOME="+me.HomeDir, "USER="+me.Username, "LOGNAME="+me.Username)
	// Commands run as other users too, and look through all directories above.
	for d := s.dir; d != os.TempDir() && d != "/"; d = filepath.Dir(d) {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	// Copies, since the client may be built anew meanwhile, or lie in the home
	// that is covered. Each keeps its name: both look at it.
	s.client = filepath.Join(s.dir, "bin", "client", filepath.Base(*client))
	s.stock = filepath.Join(s.dir, "bin", "stock", "ssh")
	copyFile(t, *client, s.client)
	copyFile(t, "/usr/bin/ssh", s.stock)
	return s
}

// everything tells whether what can't be run here is a failure.
func everything() bool { return *which == "all" || os.Getenv("CI") == "true" }

// needs skips where sandboxes can't be made, unless everything was asked for.
func needs(t *testing.T) {
	t.Helper()
	missing := ""
	if os.Getuid() != 0 {
		missing = "root, for namespaces of their own"
	} else if _, err := os.Stat(suiteDir); err != nil {
		missing = "apt-get install openssh-tests openssh-server sudo iproute2"
	} else if err := exec.Command("unshare", "-nmpf", "ip", "link", "set", "lo", "up").Run(); err != nil {
		missing = "namespaces: unshare: " + err.Error()
	}
	switch {
	case missing == "":
	case everything():
		t.Fatalf("these tests need %s", missing)
	default:
		t.Skipf("SKIPPED, not tested at all: these tests need %s", missing)
	}
	if testing.Short() {
		t.Skip("-short")
	}
}

// fresh is a directory that nobody has used. Its name is a bare number: some of
// OpenSSH's tests drop lines of their configuration by patterns like "hostkey",
// which a longer path would match.
func (s *sandbox) fresh() string {
	n := <-s.number
	s.number <- n + 1
	return filepath.Join(s.dir, fmt.Sprint(n))
}

// run runs a command in dir, with ssh in the place of the system's. The error of one that took too long says so.
func (s *sandbox) run(ctx context.Context, dir, ssh string, env []string, limit time.Duration, command ...string) (out string, err error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	script, err := filepath.Abs("sandbox.sh")
	if err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, "sh", append([]string{script, dir, s.tsshd, ssh}, command...)...)
	cmd.Env = append(s.env, env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:   syscall.CLONE_NEWPID | syscall.CLONE_NEWNET,
		Unshareflags: syscall.CLONE_NEWNS, // and makes the mounts private
		Setsid:       true,
	}
	var b bytes.Buffer
	cmd.Stdout, cmd.Stderr = &b, &b
	zero, err := os.Open("/dev/zero") // as in Debian's own runner
	if err != nil {
		return "", err
	}
	defer zero.Close()
	cmd.Stdin = zero
	cmd.WaitDelay = 5 * time.Second
	err = cmd.Run()
	if ctx.Err() != nil {
		err = fmt.Errorf("not done after %v; last: %s", limit, lastLine(b.String()))
	}
	return b.String(), err
}

func lastLine(out string) string {
	lines := strings.Split(strings.TrimSpace(out), "\n")
	return strings.TrimSpace(lines[len(lines)-1])
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	b, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, b, 0o755); err != nil {
		t.Fatal(err)
	}
}

func writeScript(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
}
