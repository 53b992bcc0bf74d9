//go:build linux

package e2e_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// lying lists the files of both ends, but for the log of sshd, which is no session's.
func (w *world) lying() map[string]bool {
	files := map[string]bool{}
	walk := func(dir string) {
		filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
			switch {
			case err != nil:
			case path != w.dir && e.IsDir() && e.Name() == filepath.Base(built):
				return fs.SkipDir
			case e.Name() != "sshd.log":
				files[strings.TrimPrefix(path, dir)] = true
			}
			return nil
		})
	}
	walk(w.dir)
	walk(w.tmp())
	return files
}

// running lists the processes of both ends, with what they are.
func (w *world) running() map[string]bool {
	all := map[string]bool{}
	for _, ns := range []string{w.client, w.server} {
		for _, pid := range w.processes(ns) {
			if line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)); len(line) > 0 && !bytes.Contains(line, []byte("[listener]")) { // else a zombie, or sshd, whose title counts
				all[fmt.Sprintf("%d %q", pid, line)] = true
			}
		}
	}
	return all
}

// sockets lists what is bound or listened at, on both ends.
func (w *world) sockets() map[string]bool {
	all := map[string]bool{}
	for _, ns := range []string{w.client, w.server} {
		w.within(ns, func() error {
			out, err := exec.Command("ss", "-Hanltu").Output()
			for line := range strings.Lines(string(out)) {
				if f := strings.Fields(line); len(f) > 4 { // less what waits in its queue
					all[f[0]+" "+f[4]] = true
				}
			}
			return err
		})
	}
	return all
}

// TestNothingIsLeft: however a session ends, with what was lent to it, no process,
// socket or file of it stays on either side. One whose client is told to end (as by
// a machine that shuts down) waits to be attached, until it is ended from elsewhere.
func TestNothingIsLeft(t *testing.T) {
	type end struct {
		name   string
		args   []string
		how    func(w *world, p *terminal)
		status int
		waits  bool
	}
	signal := func(s syscall.Signal) func(*world, *terminal) {
		return func(_ *world, p *terminal) { p.cmd.Process.Signal(s) }
	}
	ends := []end{
		{"logout", nil, func(_ *world, p *terminal) { p.keys("exit\r") }, 0, false},
		{"logout with a job", nil, func(_ *world, p *terminal) {
			p.runs("sleep 1000 </dev/null >/dev/null 2>&1 & echo $! >pid", "")
			p.keys("kill $(cat pid); rm pid; exit\r")
		}, 0, false},
		{"escape", nil, func(_ *world, p *terminal) { p.keys("\r~.") }, 255, false},
		{"hangup", nil, signal(syscall.SIGHUP), 255, true},
		{"terminate", nil, signal(syscall.SIGTERM), 255, true},
		{"interrupt", nil, signal(syscall.SIGINT), 255, false},
		{"shell killed", nil, func(_ *world, p *terminal) { p.keys("kill -KILL $$\r") }, 255, false},
		{"offline for too long", []string{"-oUdpAliveTimeout=3"}, func(w *world, p *terminal) { w.fault(nothing) }, 255, false},
		{"roamed", nil, func(w *world, p *terminal) {
			w.roam()
			p.runs("echo over there", "there\r\n")
			p.keys("exit\r")
		}, 0, false},
	}
	for _, kind := range []string{"auto", "ssh"} {
		for _, e := range ends {
			t.Run(e.name+" by "+kind, func(t *testing.T) {
				t.Parallel()
				w := newWorldWith(t, ownTmp)
				socket := w.agent("user")
				w.profile()
				files, processes, sockets := w.lying(), w.running(), w.sockets()

				args := append([]string{placed(), "--udp", "-oUdpProxyMode=" + kind, "-oUdpSessionName=left", "-A", "-oIdentityAgent=" + socket,
					"-L", "7001:127.0.0.1:22", "-R", "7002:127.0.0.1:22", "-R", "/tmp/forward:127.0.0.1:22"}, e.args...)
				cmd := w.tssh(append(args, "server")...)
				cmd.Env = append(cmd.Env, "SSH_AUTH_SOCK="+socket)
				p := w.terminal(cmd)
				p.expect("ready> ")
				p.runs("ssh-add -l", "(ED25519)")
				if n := len(w.lying()); n == len(files) {
					t.Error("a session has no file: the test sees nothing")
				}
				e.how(w, p)
				if status := p.exit(); status != e.status {
					t.Errorf("status %d, want %d", status, e.status)
				}
				if e.waits {
					if r := w.do(w.tssh(placed(), "-oIdentityAgent="+socket, "--end=left", "server")); r.status != 0 {
						t.Errorf("end it from elsewhere: %+v", r)
					}
				}
				more := func(before, now map[string]bool) (left []string) {
					for thing := range now {
						if !before[thing] {
							left = append(left, thing)
						}
					}
					return left
				}
				gone := func() bool { // asking ss costs most
					return len(more(processes, w.running())) == 0 && len(more(files, w.lying())) == 0 && len(more(sockets, w.sockets())) == 0
				}
				if !until(gone, *patience) {
					left := slices.Concat(more(processes, w.running()), more(files, w.lying()), more(sockets, w.sockets()))
					t.Errorf("left behind:\n%s", strings.Join(left, "\n"))
				}
				if lost := more(w.lying(), files); len(lost) > 0 {
					t.Errorf("taken away: %q", lost)
				}
			})
		}
	}
}
