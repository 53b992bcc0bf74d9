//go:build linux

package e2e_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// home is a user's directory on the server.
func (w *world) home() string { return filepath.Join(w.dir, "alice") }

// tmp is /tmp as the server's users see it.
func (w *world) tmp() string {
	w.t.Helper()
	dir := fmt.Sprintf("/proc/%d/root/tmp", w.sshd)
	if _, err := os.Stat(dir); err != nil {
		w.t.Fatal(err)
	}
	return dir
}

// startSSHD runs OpenSSH's server in mounts of its own: the users are ours,
// nothing of this machine's systemd can be seen, and what sshd_config permits
// is where tsshd looks for it.
func (w *world) startSSHD(first, more string) {
	w.t.Helper()
	w.furnish(more)
	log, err := os.Create(filepath.Join(w.dir, "sshd.log"))
	if err != nil {
		w.t.Fatal(err)
	}
	defer log.Close()
	mounts := `set -e; mount -t tmpfs -o mode=755 run /run; mkdir /run/sshd
for f in passwd shadow group motd; do [ ! -e /etc/$f ] || mount --bind "$0/$f" /etc/$f; done
mount --bind "$0/sshd_config" /etc/ssh/sshd_config
` + first + `
exec env --default-signal /usr/sbin/sshd -D -e` // go test may have been started with some ignored
	cmd := exec.Command("unshare", "-m", "sh", "-c", mounts, w.dir)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	w.within(w.server, cmd.Start)
	w.sshd = cmd.Process.Pid
	go cmd.Wait() // it ends when the world does
	w.awaits("sshd to listen", func() bool {
		var up bool
		w.within(w.client, func() error {
			c, err := net.Dial("tcp", server4+":22")
			if up = err == nil; up {
				c.Close()
			}
			return nil
		})
		return up
	})
}

// furnish writes the files of the server and of the client.
func (w *world) furnish(more string) {
	w.t.Helper()
	d := w.dir
	pub, err := os.ReadFile(filepath.Join(built, "user.pub"))
	if err != nil {
		w.t.Fatal(err)
	}
	host, err := os.ReadFile(filepath.Join(built, "host.pub"))
	if err != nil {
		w.t.Fatal(err)
	}
	w.write("authorized_keys", string(pub))
	w.write("known_hosts", "server "+string(host))
	w.write("passwd", fmt.Sprintf("root:x:0:0:root:%s:/bin/bash\nsshd:x:102:65534::/run/sshd:/usr/sbin/nologin\n"+
		"alice:x:%d:%[2]d:Alice:%[3]s:/bin/bash\nfishy:x:%[2]d:%[2]d::%[3]s:/usr/bin/fish\ntessa:x:%[2]d:%[2]d::%[3]s:/bin/tcsh\n",
		d, aliceUID, w.home()))
	w.write("shadow", "root:*:1::::::\nalice:*:1::::::\nfishy:*:1::::::\ntessa:*:1::::::\n")
	w.write("group", fmt.Sprintf("root:x:0:\ntty:x:5:\nalice:x:%d:\nnogroup:x:65534:\n", aliceUID))
	w.write("sshd_config", fmt.Sprintf(`HostKey %s/host
AuthorizedKeysFile %s/authorized_keys
PidFile none
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
UseDNS no
StrictModes no
MaxStartups 100
AcceptEnv LANG LC_* E2E_*
Subsystem sftp /usr/lib/openssh/sftp-server
%s
`, built, d, more))
	w.write("motd", "the message of the day\n")
	if err := os.Mkdir(w.home(), 0o755); err != nil {
		w.t.Fatal(err)
	}
	if err := os.Chown(w.home(), aliceUID, aliceUID); err != nil {
		w.t.Fatal(err)
	}
	w.write("config", fmt.Sprintf(`Host server server6
	User alice
	IdentityFile %s/user
	IdentitiesOnly yes
	IdentityAgent none
	UserKnownHostsFile %s/known_hosts
	GlobalKnownHostsFile /dev/null
	HostKeyAlias server
	StrictHostKeyChecking yes
Host server
	HostName %s
Host server6
	HostName %s
`, built, d, server4, server6))
}

// write puts a file into the world's directory.
func (w *world) write(name, text string) string {
	w.t.Helper()
	path := filepath.Join(w.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		w.t.Fatal(err)
	}
	return path
}

// append adds to a file there.
func (w *world) append(name, text string) {
	w.t.Helper()
	old, err := os.ReadFile(filepath.Join(w.dir, name))
	if err != nil {
		w.t.Fatal(err)
	}
	w.write(name, string(old)+text)
}

// script puts a program into the world's directory.
func (w *world) script(name, text string) string {
	w.t.Helper()
	path := w.write(name, "#!/bin/sh\n"+strings.TrimLeft(text, "\n")+"\n")
	if err := os.Chmod(path, 0o755); err != nil {
		w.t.Fatal(err)
	}
	return path
}
