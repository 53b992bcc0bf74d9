//go:build linux

package e2e_test

import (
	"crypto/sha256"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// machines is made by machines.sh: a directory for each kind of machine with
// that kind's programs, which this kernel runs by an emulator; and the program
// is one that brings tsshd to other kinds ("make servers").
var machines = flag.String("machines", "", "where the roots of other kinds of machines are, for the tests on these")

// newMachine is a world whose server has another kind of processor: sshd is this
// machine's, and all that a login sees or runs is the other's.
func newMachine(t *testing.T, arch string) *world {
	t.Helper()
	root := filepath.Join(*machines, arch)
	if _, err := os.Stat(filepath.Join(root, "bin/sh")); err != nil {
		t.Fatal(err)
	}
	w := newWorldWith(t, fmt.Sprintf(`m=/run/machine; mkdir $m; mount --bind %s $m; mount -t proc proc $m/proc; mount --rbind /dev $m/dev
mount -t tmpfs -o mode=1777 tmp $m/tmp; mount -t tmpfs -o mode=755 etc $m/etc; cp "$0/passwd" "$0/group" $m/etc
mkdir -p "$m$0/alice"; mount --bind "$0/alice" "$m$0/alice"`, root),
		"ChrootDirectory /run/machine")
	return w
}

// TestOtherMachines: nothing is installed there. The first login brings the right
// tsshd, a shell roams, files arrive whole, and the second login brings nothing.
func TestOtherMachines(t *testing.T) {
	if *machines == "" {
		t.Skip("SKIPPED, not tested at all: no machines; see make machines")
	}
	for arch, uname := range map[string]string{"arm64": "aarch64", "s390x": "s390x"} {
		t.Run(arch, func(t *testing.T) {
			t.Parallel()
			w := newMachine(t, arch)
			w.says("Linux "+uname+"\n", "", "--udp", "-oUdpFallback=no", "server", "uname -sm")
			found, _ := filepath.Glob(filepath.Join(w.home(), ".cache/tssh/*/tsshd"))
			if len(found) != 1 {
				t.Fatalf("in the cache: %q", found)
			}
			head := make([]byte, 20)
			f, err := os.Open(found[0])
			if err != nil {
				t.Fatal(err)
			}
			io.ReadFull(f, head)
			f.Close()
			if machine := map[string]byte{"arm64": 183, "s390x": 22}[arch]; head[18] != machine && head[19] != machine {
				t.Errorf("what was sent is for another machine: % x", head)
			}
			p := w.terminal(w.tssh("--udp", "-oUdpFallback=no", "server"))
			p.expect("$ ")
			n := 0
			for _, move := range []func(){func() {}, w.roam, w.only6, w.only4, w.roam} {
				move()
				n++
				p.keys(fmt.Sprintf("echo on $(uname -m) st\"\"ill %d\r", n))
				p.expect(fmt.Sprintf("on %s still %d\r\n", uname, n))
			}
			p.keys("exit\r")
			if status := p.exit(); status != 0 {
				t.Errorf("exit status %d", status)
			}
			w.sftpThere(arch)
			if again, _ := filepath.Glob(filepath.Join(w.home(), ".cache/tssh/*/tsshd")); len(again) != 1 || again[0] != found[0] {
				t.Errorf("in the cache after the second login: %q", again)
			}
		})
	}
}

// sftpThere sends a file and fetches it again over UDP.
func (w *world) sftpThere(arch string) {
	w.t.Helper()
	file := w.file("sent", 4<<20)
	batch := w.write("batch", fmt.Sprintf("put %s there\nget there %s.back\n", file, file))
	cmd := w.command("sftp", "-b", batch, "-S", filepath.Join(built, "bin/tssh"), "-F", filepath.Join(w.dir, "config"),
		"-oUdpMode=yes", "-oUdpFallback=no", "server")
	if r := w.do(cmd); r.status != 0 {
		w.t.Fatalf("sftp: %+v", r)
	}
	if hashOf(w.t, file) != hashOf(w.t, file+".back") {
		w.t.Errorf("%s: what came back is not what was sent", arch)
	}
}

func hashOf(t *testing.T, name string) string {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}

// TestMachineWithoutABuild goes on as ssh, and one line says what to do: the
// files for other machines are not where tssh looks.
func TestMachineWithoutABuild(t *testing.T) {
	if *machines == "" {
		t.Skip("SKIPPED, not tested at all: no machines; see make machines")
	}
	w := newMachine(t, "s390x")
	alone := filepath.Join(w.dir, "alone")
	if err := os.Mkdir(alone, 0o755); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("cp", filepath.Join(built, "bin/tssh"), alone+"/tssh").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	r := w.do(w.command(alone+"/tssh", "-F", filepath.Join(w.dir, "config"), "--udp", "server", "uname -m"))
	if r.out != "s390x\n" || r.status != 0 || strings.Count(r.err, "\n") != 1 ||
		!strings.Contains(r.err, "tsshd-linux-s390x.gz") || !strings.Contains(r.err, "install tssh-servers") {
		t.Errorf("got %+v", r)
	}
}
