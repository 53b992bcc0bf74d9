//go:build linux

package e2e_test

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestPrograms: the programs that run ssh, with ours in its place.
func TestPrograms(t *testing.T) {
	for _, m := range modes() {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			ssh := w.script("ssh-for-tools", "exec "+filepath.Join(built, "bin/tssh")+" -F "+w.dir+"/config "+
				strings.Join(append(m.args, placed()), " ")+` "$@"`)
			big := filepath.Join(w.dir, "big")
			f, err := os.Create(big)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.Copy(f, &stream{left: 3 << 20, state: 7}); err != nil {
				t.Fatal(err)
			}
			f.Close()
			w.runs("scp", "-S", ssh, big, "server:scp")
			w.runs("scp", "-S", ssh, "server:scp", "scp-back")
			w.runs("scp", "-O", "-S", ssh, "server:scp", "scp-old")
			w.runs("sh", "-c", "echo 'put big sftp\nget sftp sftp-back' | sftp -q -b - -S "+ssh+" server")
			w.runs("rsync", "-e", ssh, big, "server:rsync")
			w.runs("rsync", "-e", ssh, "server:rsync", "rsync-back")
			for _, copied := range []string{"scp-back", "scp-old", "sftp-back", "rsync-back"} {
				w.runs("cmp", "big", copied)
			}

			git := "export GIT_SSH=" + ssh + " GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b\n"
			w.runs(ssh, "server", "git init -q --bare repo")
			w.runs("sh", "-ec", git+"git init -q -b main one; cp big one; cd one; git add big; git commit -qm one; git push -q server:repo main")
			w.runs("sh", "-ec", git+"git clone -q -b main server:repo two; cmp big two/big")
		})
	}
}

// runs runs a program on the client that must succeed.
func (w *world) runs(name string, args ...string) {
	w.t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		w.t.Errorf("%v", err)
		return
	}
	if r := w.do(w.command(name, args...)); r.status != 0 {
		w.t.Errorf("%s %s: status %d\n%s%s", name, strings.Join(args, " "), r.status, r.out, r.err)
	}
}
