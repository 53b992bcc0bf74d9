//go:build linux

package e2e_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// bootSystemd runs in mount, process, network, IPC and host name namespaces of
// its own. It covers everything that this machine's files could be changed by,
// and becomes a systemd with an sshd of which KillUserProcesses takes leave.
const bootSystemd = `
dir=$1 built=$2 root=$1/root
mount --make-rprivate /
mount -t tmpfs -o mode=755 box "$dir"
mkdir "$dir/upper" "$dir/work" "$root" "$dir/cgroup"
mount -t overlay box -o lowerdir=/,upperdir="$dir/upper",workdir="$dir/work" "$root"
mount -t cgroup2 cgroup2 "$dir/cgroup"
mkdir "$dir/cgroup/$3"
echo 0 >"$dir/cgroup/$3/cgroup.procs"
mkdir "$root/opt/tssh"
cp "$built/bin/tssh" "$built/user" "$root/opt/tssh"
ln -s tssh "$root/opt/tssh/tsshd"
mount -t tmpfs -o mode=755 run "$root/run"
mount -t tmpfs tmp "$root/tmp"
mount --rbind /dev "$root/dev"
mkdir -p "$root/run/sshd" "$root/var/lib/systemd/linger" "$root/etc/systemd/logind.conf.d" "$root/etc/ssh"
rm -rf "$root/var/lib/systemd/linger/"* "$root/etc/ssh/sshd_config.d"
for user in lasting fleeting; do
	chroot "$root" useradd -m -s /bin/sh -p '*' "$user"
	mkdir "$root/home/$user/.ssh"
	cp "$built/user.pub" "$root/home/$user/.ssh/authorized_keys"
	chroot "$root" chown -R "$user:" "/home/$user"
done
touch "$root/var/lib/systemd/linger/lasting"
printf '[Login]\nKillUserProcesses=yes\nUserStopDelaySec=0\n' >"$root/etc/systemd/logind.conf.d/tssh.conf"
cp "$built/host" "$root/opt/tssh/host"
printf 'HostKey /opt/tssh/host\nUsePAM yes\nUseDNS no\nPasswordAuthentication no\n' >"$root/etc/ssh/sshd_config"
cd "$root/etc/systemd/system"
printf '[Service]\nExecStart=/usr/sbin/sshd -D\nKillMode=process\n' >box-sshd.service
printf '[Unit]\nWants=dbus.service systemd-logind.service systemd-user-sessions.service box-sshd.service\n' >box.target
echo 00000000000000000000000000000001 >"$root/etc/machine-id"
ip link set lo up
exec unshare -C sh -ec '
mount -t proc proc "$0/proc"
mount -t sysfs sysfs "$0/sys"
mount -t cgroup2 cgroup2 "$0/sys/fs/cgroup"
cd "$0"
pivot_root . mnt
umount -l /mnt
exec env -i container=box PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --system --unit=box.target
' "$root"`

// box is a machine with a systemd of its own.
type box struct {
	t   *testing.T
	pid int // of its systemd, as seen from here
}

func newBox(t *testing.T) *box {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("SKIPPED, not tested at all: namespaces need root")
	}
	needs(t, "/lib/systemd/systemd", "dbus-daemon", "nsenter", "useradd")
	dir, name := t.TempDir(), fmt.Sprintf("tssh-e2e-%d", os.Getpid())
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	cmd := exec.Command("unshare", "-m", "-p", "-f", "-i", "-u", "-n", "sh", "-ec", bootSystemd, "box", dir, built, name)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	b := &box{t: t}
	ended := make(chan struct{})
	go func() { cmd.Wait(); close(ended) }()
	t.Cleanup(func() {
		if b.pid != 0 {
			syscall.Kill(b.pid, syscall.SIGKILL) // and with it all in its namespace, for which unshare waits
		} else {
			cmd.Process.Kill()
		}
		<-ended
		exec.Command("unshare", "-m", "sh", "-c", `mount -t cgroup2 cgroup2 "$0" && find "$0/$1" -depth -type d -exec rmdir {} +`,
			t.TempDir(), name).Run()
	})
	up := until(func() bool {
		children, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", cmd.Process.Pid))
		fmt.Sscan(string(children), &b.pid)
		return b.pid != 0 && b.run("systemctl", "is-active", "box-sshd.service", "systemd-logind.service", "systemd-user-sessions.service") == nil &&
			b.run("grep", "-q", ":0016 00000000:0000 0A", "/proc/net/tcp") == nil // sshd listens
	}, *patience)
	if !up {
		said, _ := os.ReadFile(log.Name())
		t.Fatalf("systemd is not up within %s: %s", *patience, said)
	}
	return b
}

// command is one that runs in the box.
func (b *box) command(args ...string) *exec.Cmd {
	cmd := exec.Command("nsenter", append([]string{"-t", fmt.Sprint(b.pid), "-m", "-p", "-n", "-i", "-u", "-C", "--"}, args...)...)
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root"}
	return cmd
}

func (b *box) run(args ...string) error { return b.command(args...).Run() }

// TestLogoutWithSystemd: where systemd kills what a user leaves running when
// the last login ends, the session lives on if the user may linger, and its
// user is told if not.
func TestLogoutWithSystemd(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	for _, user := range []string{"lasting", "fleeting"} {
		cmd := b.command("/opt/tssh/tssh", "--udp", "-i", "/opt/tssh/user", "-oIdentitiesOnly=yes", "-oStrictHostKeyChecking=no",
			"-oUserKnownHostsFile=/dev/null", "-oTsshdPath=/opt/tssh/tsshd", "-oUdpProxyMode=UDP", user+"@127.0.0.1", "echo up; exec cat")
		var said strings.Builder
		cmd.Stderr = &said
		in, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewReader(out)
		if line, err := lines.ReadString('\n'); line != "up\n" {
			cmd.Wait()
			t.Fatalf("%s: %q, %v; %s", user, line, err, said.String())
		}
		b.run("pkill", "-KILL", "-u", "root", "-f", "^sshd: "+user)
		b.run("pkill", "-KILL", "-u", user, "-f", "^sshd: "+user)
		if !until(func() bool {
			logins, _ := b.command("loginctl", "list-sessions", "--no-legend").Output()
			return !strings.Contains(string(logins), user)
		}, *patience) {
			t.Errorf("%s: the login has not ended within %s", user, *patience)
		}
		if user == "lasting" {
			fmt.Fprintln(in, "still here")
			if line, err := lines.ReadString('\n'); line != "still here\n" {
				t.Errorf("after the login's end: %q, %v", line, err)
			}
			in.Close()
		}
		err = cmd.Wait()
		warned := strings.Contains(said.String(), "loginctl enable-linger")
		if user == "lasting" && (err != nil || warned) {
			t.Errorf("%s: %v; %s", user, err, said.String())
		}
		// systemd may kill the command before tsshd, which then tells of a signal
		// as sshd would: without a word.
		if user == "fleeting" && (cmd.ProcessState.ExitCode() != 255 || !warned) {
			t.Errorf("%s: %v; %s", user, err, said.String())
		}
	}
}
