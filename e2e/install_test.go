//go:build linux

package e2e_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestInstall: install.sh with every sh that may be there, again and again.
func TestInstall(t *testing.T) {
	t.Parallel()
	script, err := filepath.Abs("../install.sh")
	if err != nil {
		t.Fatal(err)
	}
	for _, shell := range [][]string{{"dash"}, {"bash", "--posix"}, {"busybox", "sh"}} {
		t.Run(shell[0], func(t *testing.T) {
			t.Parallel()
			needs(t, shell[0])
			home := filepath.Join(t.TempDir(), "a home")
			bin := filepath.Join(home, ".local/bin")
			run := func(path string, args ...string) (string, error) {
				cmd := exec.Command(shell[0], append(append(shell[1:], script), args...)...)
				cmd.Env = []string{"HOME=" + home, "PATH=" + path}
				out, err := cmd.CombinedOutput()
				return string(out), err
			}
			must := func(want, path string, args ...string) {
				t.Helper()
				if out, err := run(path, args...); err != nil || !strings.Contains(out, want) {
					t.Fatalf("install.sh %s: %v, %s; %q was expected", strings.Join(args, " "), err, out, want)
				}
			}
			const path = "/usr/bin:/bin"
			file := filepath.Join(built, "bin/tssh")
			must(bin+" is not in your PATH", path, file)
			must("installed", path+":"+bin, file)
			if out, err := run(path, "--sha256", strings.Repeat("0", 64), file); err == nil || !strings.Contains(out, "is not what was named") {
				t.Errorf("with another checksum: %v, %s", err, out)
			}
			must("installed", path, "--sha256="+hashOf(t, file), file)
			must("installed", path, "--sha256", strings.ToUpper(hashOf(t, file))+"  tssh", file)
			if out, err := exec.Command("bash", "-n", filepath.Join(home, ".local/share/bash-completion/completions/tsshd")).CombinedOutput(); err != nil {
				t.Errorf("completion: %v, %s", err, out)
			}
			if out, err := exec.Command(filepath.Join(bin, "tsshd"), "--version").CombinedOutput(); err != nil || !strings.HasPrefix(string(out), "tsshd") {
				t.Errorf("tsshd --version: %v, %s", err, out)
			}
			if entries, err := os.ReadDir(bin); err != nil || len(entries) != 2 {
				t.Errorf("left in %s: %v, %v", bin, entries, err)
			}
			if out, err := run(path, "/etc/passwd"); err == nil || !strings.Contains(out, "does not run here") {
				t.Errorf("installed /etc/passwd: %s", out)
			}
			// Somebody else may write there too, and knows our process.
			victim := filepath.Join(home, "victim")
			if err := os.WriteFile(victim, []byte("precious"), 0o644); err != nil {
				t.Fatal(err)
			}
			trap := exec.Command("sh", append([]string{"-c", `for n in "" .0 .link .0; do ln -s "$0" "$1/.tssh.$$$n"; done; shift; exec "$@"`,
				victim, bin}, append(shell, script, file)...)...)
			trap.Env = []string{"HOME=" + home, "PATH=" + path}
			if out, err := trap.CombinedOutput(); err != nil {
				t.Errorf("with links in the way: %v, %s", err, out)
			}
			if b, err := os.ReadFile(victim); string(b) != "precious" {
				t.Errorf("wrote to the file behind somebody's link: %v, %d bytes", err, len(b))
			}
			if out, err := exec.Command(filepath.Join(bin, "tssh"), "-V").CombinedOutput(); err != nil {
				t.Errorf("tssh -V: %v, %s", err, out)
			}
			must("removed", path, "--uninstall")
			must("nothing to remove", path, "--uninstall")
			if err := os.WriteFile(filepath.Join(bin, "tsshd"), nil, 0o755); err != nil {
				t.Fatal(err)
			}
			if out, err := run(path, "--uninstall"); err == nil || !strings.Contains(out, "left alone") {
				t.Errorf("a tsshd of somebody else: %v, %s", err, out)
			}
		})
	}
}

// TestInstallFromCheckout builds what it installs.
func TestInstallFromCheckout(t *testing.T) {
	t.Parallel()
	prefix := t.TempDir()
	run := func(name string, args ...string) error {
		out, err := exec.Command(name, args...).CombinedOutput()
		if err != nil {
			return fmt.Errorf("%s %q: %w: %s", name, args, err, out)
		}
		return nil
	}
	if err := run("../install.sh", "--prefix", prefix); err != nil {
		t.Fatal(err)
	}
	tssh := filepath.Join(prefix, "bin/tssh")
	if err := run(tssh, "-V"); err != nil {
		t.Error(err)
	}
	if err := run("../install.sh", "--prefix="+prefix, "--uninstall"); err != nil {
		t.Error(err)
	}
	if err := run(tssh, "-V"); err == nil {
		t.Error("it is still there")
	}
}
