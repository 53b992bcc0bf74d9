//go:build linux

package e2e_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// service is PAM's for sshd. What opens and closes a session is told to a script, as
// root, which keeps a credential cache as pam_krb5 does.
const service = `auth required pam_permit.so
account required pam_permit.so
session required pam_limits.so conf=DIR/limits.conf
session required pam_umask.so umask=027
session required pam_env.so conffile=DIR/pam_env.conf
session required pam_mkhomedir.so
session required pam_exec.so type=open_session DIR/pam
session required pam_exec.so type=close_session DIR/pam
`

const cache = `#!/bin/sh
echo $PAM_TYPE >>DIR/sessions
case $PAM_TYPE in
open_session) echo ticket >DIR/krb5cc; chown alice DIR/krb5cc ;;
close_session) rm -f DIR/krb5cc ;;
esac
`

// TestPAM: what PAM gives a login its sessions have, also when the login and PAM's
// session are over; who(1) and last(1) show a terminal until it is gone.
func TestPAM(t *testing.T) {
	t.Parallel()
	found, _ := filepath.Glob("/usr/lib/*/utempter/utempter")
	if len(found) == 0 {
		if os.Getenv("CI") == "true" {
			t.Fatal("no libutempter0")
		}
		t.Skip("SKIPPED, not tested at all: no libutempter0")
	}
	w := newWorldWith(t, `: >/run/utmp; : >"$0/wtmp"; mkdir "$0/pam.d"
chgrp --reference `+found[0]+` /run/utmp "$0/wtmp"; chmod 664 /run/utmp "$0/wtmp"
mount --bind "$0/wtmp" /var/log/wtmp; mount --bind "$0/pam.d" /etc/pam.d
sed 's/^UsePAM no/UsePAM yes/' "$0/sshd_config" >/run/sshd_config; mount --bind /run/sshd_config /etc/ssh/sshd_config`)
	for name, text := range map[string]string{
		"pam.d/sshd": service, "pam": cache, "limits.conf": "alice hard nofile 777\nalice soft nofile 555\n",
		"pam_env.conf": "FROM_PAM DEFAULT=given\nKRB5CCNAME DEFAULT=FILE:DIR/krb5cc\n",
	} {
		w.write(name, strings.ReplaceAll(text, "DIR", w.dir))
	}
	if err := os.Chmod(filepath.Join(w.dir, "pam"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(w.home()); err != nil {
		t.Fatal(err)
	}
	ask := "echo $FROM_PAM $KRB5CCNAME $(ulimit -Sn) $(ulimit -Hn) $(umask)"
	given := "given FILE:" + w.dir + "/krb5cc 555 777 0027"
	w.says(given+"\n", "", "--udp", placed(), "server", ask)
	if info, err := os.Stat(w.home()); err != nil || !info.IsDir() {
		t.Errorf("no home was made: %v", err)
	}

	p := w.shell("--udp", "server")
	p.runs(ask, given)
	p.runs("LC_ALL=C who", "(10.83.1.2)")
	w.awaits("the login to be killed", func() (killed bool) {
		for _, pid := range w.processes(w.server) { // not what waits, as root, to close PAM's session
			line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
			if strings.HasPrefix(string(line), "sshd") && strings.Contains(string(line), ": alice@") {
				killed = syscall.Kill(pid, syscall.SIGKILL) == nil
			}
		}
		return killed
	})
	w.awaits("PAM's session to end", func() bool {
		said, _ := os.ReadFile(filepath.Join(w.dir, "sessions"))
		return strings.HasSuffix(string(said), "close_session\n")
	})
	p.runs("who | grep -c alice", "1")
	p.runs(ask, given)
	p.keys("exit\n")
	if status := p.exit(); status != 0 {
		t.Errorf("status %d", status)
	}
	if _, err := exec.LookPath("last"); err != nil {
		t.Logf("SKIPPED, not tested at all: wtmp: %v", err) // newer systems have another
		return
	}
	w.awaits("wtmp to tell of the end", func() bool {
		said, _ := exec.Command("last", "-w", "-f", filepath.Join(w.dir, "wtmp")).Output()
		return regexp.MustCompile(`(?m)^alice +pts/\d+ +10\.83\.1\.2 .* - `).Match(said)
	})
}
