//go:build linux

package main

import (
	"context"
	"errors"
	"flag"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"tssh/proxy/terms"
)

// made is where "make release" put its work. Those tests are for after it.
var made = flag.String("dist", "", "the directory of a release to test")

func distDir(t *testing.T) string {
	t.Helper()
	if *made == "" {
		t.Skip("SKIPPED, not tested at all: no release; see make release-test")
	}
	dir, err := filepath.Abs(*made)
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func must(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// TestDebComesAndGoes: dpkg installs both packages into an empty system, the
// program runs there and knows the files of the other package, ssh's name is not
// taken, and nothing stays behind.
func TestDebComesAndGoes(t *testing.T) {
	dir := distDir(t)
	if os.Getuid() != 0 {
		t.Skip("SKIPPED, not tested at all: dpkg and chroot need root")
	}
	root := t.TempDir()
	for _, d := range []string{"info", "updates"} {
		if err := os.MkdirAll(filepath.Join(root, "var/lib/dpkg", d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	os.WriteFile(filepath.Join(root, "var/lib/dpkg/status"), nil, 0o644)
	os.Mkdir(filepath.Join(root, "proc"), 0o755)
	must(t, "mount", "-t", "proc", "proc", filepath.Join(root, "proc"))
	mounted := true
	unmount := func() {
		if mounted {
			must(t, "umount", filepath.Join(root, "proc"))
			mounted = false
		}
	}
	t.Cleanup(unmount)
	deb := filepath.Join(dir, "tssh_"+terms.Release+"-1_amd64.deb")
	must(t, "dpkg", "--root="+root, "--log=/dev/null", "-i", earlier(t, deb))
	must(t, "dpkg", "--root="+root, "--log=/dev/null", "-i", deb, filepath.Join(dir, "tssh-servers_"+terms.Release+"-1_all.deb"))
	if _, err := os.Stat(filepath.Join(root, "usr/share/tssh/of-old")); err == nil {
		t.Error("a file of the earlier version stays behind")
	}
	if out := must(t, "chroot", root, "/usr/bin/tssh", "-V"); !strings.HasPrefix(out, "tssh_"+terms.Release) {
		t.Errorf("-V says %q", out)
	}
	if out := must(t, "chroot", root, "/usr/bin/tsshd", "--version"); out != "tsshd "+terms.Release+"\n" {
		t.Errorf("tsshd --version says %q", out)
	}
	out := must(t, "chroot", root, "/usr/bin/tssh", "--servers")
	if !strings.Contains(out, "in tssh") || !strings.Contains(out, "/usr/share/tssh/tsshd-linux-s390x.gz") || strings.Contains(out, "not ") {
		t.Errorf("--servers says\n%s", out)
	}
	for _, name := range []string{"usr/bin/ssh", "usr/sbin/sshd"} {
		if _, err := os.Lstat(filepath.Join(root, name)); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
	for _, name := range []string{"usr/share/man/man1/tssh.1.gz", "usr/share/man/man5/tssh_config.5.gz", "usr/share/man/man8/tsshd.8.gz",
		"usr/share/bash-completion/completions/tsshd", "usr/share/zsh/vendor-completions/_tssh", "usr/share/fish/vendor_completions.d/tssh.fish"} {
		if _, err := os.Stat(filepath.Join(root, name)); err != nil {
			t.Error(err)
		}
	}
	unmount()
	must(t, "dpkg", "--root="+root, "--log=/dev/null", "--purge", "tssh", "tssh-servers")
	filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(root, path)
		if err == nil && !d.IsDir() && !strings.HasPrefix(rel, "var/lib/dpkg") {
			t.Errorf("%s stays behind", rel)
		}
		return err
	})
}

// TestWhatIsSentIsSmall: a first login waits for it. It is tsshd and nothing else.
func TestWhatIsSentIsSmall(t *testing.T) {
	distDir(t)
	for _, k := range embedded() {
		packed := filepath.Join("..", bundleDir, "tsshd-"+k.OS+"-"+k.Arch+".gz")
		info, err := os.Stat(packed)
		if err != nil {
			t.Fatal(err)
		}
		if info.Size() > 4_000_000 {
			t.Errorf("%s: %d bytes are sent", k, info.Size())
		}
		if k.Arch != runtime.GOARCH {
			continue
		}
		file := filepath.Join(t.TempDir(), "tsshd")
		must(t, "sh", "-c", `gzip -dc "$1" >"$2" && chmod 755 "$2"`, "sh", packed, file)
		if out := must(t, file, "--version"); out != "tsshd "+terms.Release+"\n" {
			t.Errorf("--version says %q", out)
		}
		for _, args := range [][]string{{"sshd"}, {"tssh", "host"}} {
			cmd := exec.Command(file, args...)
			if args[0] == "tssh" {
				cmd.Args[0] = "other"
			}
			if out, err := cmd.CombinedOutput(); err == nil || strings.Count(string(out), "\n") != 1 || !strings.Contains(string(out), "; install tssh") {
				t.Errorf("%s: %v: %s", args, err, out)
			}
		}
	}
}

// TestDebCompletesInEveryShell: who installs the package on a Debian gets
// completion at the TAB key, and has done nothing for it but what each shell's
// users do.
func TestDebCompletesInEveryShell(t *testing.T) {
	dir := distDir(t)
	if os.Getuid() != 0 {
		t.Skip("SKIPPED, not tested at all: dpkg and chroot need root")
	}
	for _, name := range []string{"tmux", "zsh", "fish", "/usr/share/bash-completion/bash_completion"} {
		if err := exec.Command("sh", "-c", `command -v "$0" || test -f "$0"`, name).Run(); err != nil {
			t.Fatalf("no %s", name)
		}
	}
	out := must(t, "unshare", "-m", "sh", "testdata/tab.sh", filepath.Join(dir, "tssh_"+terms.Release+"-1_amd64.deb"))
	for _, shell := range []string{"bash", "zsh", "fish"} {
		if !strings.Contains(out, shell+" completes\n") {
			t.Errorf("%s does not: %s", shell, out)
		}
	}
}

// earlier makes of a package one of a lower version, with a file more.
func earlier(t *testing.T, deb string) string {
	t.Helper()
	tree := filepath.Join(t.TempDir(), "tree")
	must(t, "dpkg-deb", "-R", deb, tree)
	control := filepath.Join(tree, "DEBIAN/control")
	text, err := os.ReadFile(control)
	if err != nil {
		t.Fatal(err)
	}
	os.Remove(filepath.Join(tree, "DEBIAN/conffiles")) // there is none in it, which building again refuses
	text = regexp.MustCompile(`(?m)^Version: .*$`).ReplaceAll(text, []byte("Version: 0.0.1-1"))
	more := filepath.Join(tree, "usr/share/tssh")
	if err := errors.Join(os.WriteFile(control, text, 0o644), os.MkdirAll(more, 0o755), os.WriteFile(filepath.Join(more, "of-old"), nil, 0o644)); err != nil {
		t.Fatal(err)
	}
	must(t, "dpkg-deb", "--root-owner-group", "-b", tree, tree+".deb")
	return tree + ".deb"
}

// TestEveryLinuxRuns: each archive's program tells its version, by an emulator
// that the kernel must have been told of; this machine's own moves the demo's data
// through a network that is cut.
func TestEveryLinuxRuns(t *testing.T) {
	dir := distDir(t)
	for _, k := range Targets {
		if k.OS != "linux" {
			continue
		}
		t.Run(k.Arch, func(t *testing.T) {
			base := name(k.OS, k.Arch)
			archive := filepath.Join(dir, base+".tar.gz")
			if _, err := os.Stat(archive); err != nil {
				t.Skipf("SKIPPED, not tested at all: not in this release: %v", err)
			}
			tmp := t.TempDir()
			must(t, "tar", "xzf", archive, "-C", tmp)
			tssh := filepath.Join(tmp, base, "tssh")
			if out := must(t, tssh, "-V"); !strings.HasPrefix(out, "tssh_"+terms.Release) {
				t.Errorf("-V says %q", out)
			}
			if out := must(t, filepath.Join(tmp, base, "tsshd"), "--version"); out != "tsshd "+terms.Release+"\n" {
				t.Errorf("tsshd --version says %q", out)
			}
			if k.Arch != runtime.GOARCH {
				return // its demo takes an emulator too long
			}
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			demo := exec.CommandContext(ctx, tssh, "--demo")
			demo.WaitDelay = 5 * time.Second // its server may hold the pipe
			demo.Env = append(os.Environ(), "HOME="+tmp)
			if out, err := demo.CombinedOutput(); err != nil || !strings.Contains(string(out), "not a byte was lost") {
				t.Errorf("--demo: %v\n%s", err, out)
			}
		})
	}
}

// TestRecipesAreWhole: checksums in them are those of the archives beside them.
func TestRecipesAreWhole(t *testing.T) {
	dir := distDir(t)
	check := exec.Command("sha256sum", "--quiet", "-c", "SHA256SUMS")
	check.Dir = dir
	if out, err := check.CombinedOutput(); err != nil {
		t.Errorf("SHA256SUMS: %v: %s", err, out)
	}
	sums, err := os.ReadFile(filepath.Join(dir, "SHA256SUMS"))
	if err != nil {
		t.Fatal(err)
	}
	for path := range recipes {
		text, err := os.ReadFile(filepath.Join(dir, path))
		if err != nil {
			t.Logf("SKIPPED, not tested at all: not in this release: %v", err)
			continue
		}
		for _, word := range strings.FieldsFunc(string(text), func(r rune) bool { return strings.ContainsRune(" \n\",", r) }) {
			if len(word) == 64 && !strings.Contains(string(sums), strings.ToLower(word)+"  ") {
				t.Errorf("%s: %s is of no file here", path, word)
			}
		}
	}
}

// TestBuildsAreReproducible: in another folder, from nothing, the same bytes.
func TestBuildsAreReproducible(t *testing.T) {
	distDir(t)
	other := t.TempDir()
	must(t, "sh", "-c", `cd .. && git archive HEAD | tar x -C "$0"`, other)
	cmd := exec.Command("go", "run", "./release", "-only", "linux/amd64", "bundle")
	cmd.Dir = other
	cmd.Env = append(os.Environ(), "GOCACHE="+filepath.Join(other, ".cache"))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	const file = "tsshd-linux-amd64.gz"
	one, err1 := os.ReadFile(filepath.Join("..", bundleDir, file))
	two, err2 := os.ReadFile(filepath.Join(other, bundleDir, file))
	if err1 != nil || err2 != nil || sum(one) != sum(two) {
		t.Errorf("%s differs (%v, %v)", file, err1, err2)
	}
}
