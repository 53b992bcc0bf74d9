//go:build linux

package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// ownTmp gives the server a /tmp of its own, in which no other world's sessions are.
const ownTmp = `b=$(dirname "$0"); mkdir /run/b; mount --bind "$b" /run/b
mount -t tmpfs -o mode=1777 tmp /tmp; mkdir -p "$b"; mount --bind /run/b "$b"`

// attach comes back to a session.
func (w *world) attach(args ...string) *terminal {
	w.t.Helper()
	return w.terminal(w.tssh(append([]string{placed()}, args...)...))
}

// left awaits that this many sessions are left on the server, and for none that they
// have left nothing behind.
func (w *world) left(n int) {
	w.t.Helper()
	w.awaits(fmt.Sprintf("%d sessions", n), func() bool { return len(w.tsshds()) == n })
	if n > 0 {
		return
	}
	tmp := w.tmp()
	w.awaits("no sockets", func() bool {
		ours, _ := filepath.Glob(tmp + "/tsshd-*")
		agents, _ := filepath.Glob(tmp + "/ssh-*")
		return len(ours)+len(agents) == 0
	})
}

// kill9 is what a battery does.
func (p *terminal) kill9() {
	p.w.t.Helper()
	p.cmd.Process.Kill()
	p.exit()
}

// inOrder checks that a terminal is as a program found it.
func (p *terminal) inOrder() {
	p.w.t.Helper()
	raw, err := p.tty.SyscallConn()
	if err != nil {
		p.w.t.Fatal(err)
	}
	raw.Control(func(fd uintptr) {
		t, err := unix.IoctlGetTermios(int(fd), unix.TCGETS)
		if err != nil || t.Lflag&unix.ICANON == 0 || t.Lflag&unix.ECHO == 0 || t.Oflag&unix.OPOST == 0 {
			p.w.t.Errorf("the terminal is left raw: %+v, %v", t, err)
		}
	})
}

// TestKilledClientIsComeBackTo: with an editor open, from transport to transport.
func TestKilledClientIsComeBackTo(t *testing.T) {
	for _, how := range [][2][]string{
		{{"--quic"}, {"--quic"}}, {{"--kcp"}, {"--quic"}},
		{{"--quic", "-oUdpProxyMode=tcp"}, {"--kcp"}}, {{"--quic"}, {"--quic", "-oUdpProxyMode=ssh"}},
	} {
		t.Run(strings.Trim(fmt.Sprint(how), "[]"), func(t *testing.T) {
			t.Parallel()
			w := newWorldWith(t, ownTmp)
			p := w.shell(append(how[0], "-oUdpSessionName=work", "server")...)
			p.runs("secret=kept; cd /; echo here", "here\r\n")
			p.keys("cd; " + vim(t) + " -u NONE -N file\r")
			p.expect("[New]")
			p.keys("ihello from the first")
			p.expect("first")
			p.kill9()
			q := w.attach(append(how[1], "--attach=work", "server")...)
			q.expect("hello from the first")
			q.keys(" and the second\x1b:wq\r")
			q.expect("written")
			q.expect("ready> ")
			q.runs("echo is-$secret", "is-kept\r\n")
			q.keys("exit 7\r")
			if status := q.exit(); status != 7 {
				t.Errorf("exit status %d", status)
			}
			if text, err := os.ReadFile(w.home() + "/file"); err != nil || string(text) != "hello from the first and the second\n" {
				t.Errorf("vim wrote %q, %v", text, err)
			}
			w.left(0)
		})
	}
}

// TestSecondClientTakesOver: the first one is told, ends well, and with a program on
// the alternate screen; what it had forwarded is free for the second.
func TestSecondClientTakesOver(t *testing.T) {
	w := newWorldWith(t, ownTmp)
	p := w.shell("--udp", "-oUdpSessionName=work", "-R17001:10.83.1.1:9", "-L17005:127.0.0.1:22", "server")
	p.keys(vim(t) + " -u NONE -N file\r")
	p.expect("[New]")
	q := w.attach("--udp", "--attach", "-oExitOnForwardFailure=yes", "-R17001:10.83.1.1:9", "-L17005:127.0.0.1:22", "server")
	q.expect("[New]")
	p.expect("tssh: session work was taken over by alice from 10.83.1.2.")
	if status := p.exit(); status != 0 {
		t.Errorf("the first ends with status %d", status)
	}
	p.inOrder()
	q.keys(":q\r")
	q.expect("ready> ")
	q.keys("exit\r")
	if status := q.exit(); status != 0 {
		t.Errorf("exit status %d", status)
	}
	w.left(0)
}

// TestDetachedSessionIsTold: ~d, the line at the next login, the list, a choice by
// number, and the end of one.
func TestDetachedSessionIsTold(t *testing.T) {
	w := newWorldWith(t, ownTmp)
	for _, name := range []string{"one", "two"} {
		p := w.shell("--udp", "-oUdpSessionName="+name, "server")
		p.runs("echo this is "+name, "this is "+name)
		p.keys("~d")
		p.expect("tssh: session " + name + " goes on; to come back: tssh --attach=" + name + " -F " + w.dir + "/config server")
		if status := p.exit(); status != 0 {
			t.Errorf("~d: status %d", status)
		}
		p.inOrder()
	}
	socket := filepath.Join(w.dir, "master")
	p := w.terminal(w.tssh(placed(), "--udp", "-M", "-S", socket, "server"))
	p.expect("2 sessions wait there; to come back: tssh --attach -F " + w.dir + "/config server")
	p.expect("ready> ")
	complete := func(socket string) string {
		return w.do(w.command(filepath.Join(built, "bin/tssh"), "--complete", "-F", filepath.Join(w.dir, "config"), "-S", socket, "server", "--attach=")).out
	}
	if names := complete(socket); names != "--attach=one\n--attach=s1\n--attach=two\n" {
		t.Errorf("by the master: %q", names)
	}
	if names := complete("none"); names != "--attach=s1\n" { // of a client here
		t.Errorf("without a master: %q", names)
	}
	p.keys("exit\r")
	p.exit()
	p = w.terminal(w.tssh(placed(), "-M", "-S", socket, "server"))
	p.expect("ready> ")
	if names := complete(socket); names != "--attach=one\n--attach=two\n" {
		t.Errorf("by a master without UDP: %q", names)
	}
	p.keys("exit\r")
	p.exit()
	r := w.do(w.tssh(placed(), "--udp", "server", "true"))
	if strings.Contains(r.err, "wait") {
		t.Errorf("a command is told of sessions: %q", r.err)
	}
	r = w.do(w.tssh(placed(), "--sessions", "server"))
	if lines := strings.Split(strings.TrimSpace(r.out), "\n"); len(lines) != 3 || !strings.HasPrefix(lines[1], "one ") || !strings.Contains(lines[2], "bash") || r.status != 0 {
		t.Errorf("%+v", r)
	}
	r = w.do(w.tssh(placed(), "--attach", "-tt", "server"))
	if r.status != 255 || !strings.Contains(r.err, "there are 2 sessions: one, two; name one by --attach=name") {
		t.Errorf("without a terminal to choose at: %+v", r)
	}
	p = w.attach("--attach", "server")
	p.expect("Which one (1-2)? ")
	p.keys("2\r")
	p.expect("this is two")
	p.keys("exit 4\r")
	if status := p.exit(); status != 4 {
		t.Errorf("exit status %d", status)
	}
	r = w.do(w.tssh(placed(), "--end=nobody", "server"))
	if r.status != 255 || !strings.Contains(r.err, `no such session as "nobody"; there is one`) {
		t.Errorf("%+v", r)
	}
	p = w.attach("--attach", "server")
	p.expect("this is one")
	if r := w.do(w.tssh(placed(), "--end=one", "server")); r.status != 0 || r.out+r.err != "" {
		t.Errorf("%+v", r)
	}
	p.expect("tssh: session one was ended by alice from 10.83.1.2.")
	if status := p.exit(); status != 255 {
		t.Errorf("the client of a session that was ended: status %d", status)
	}
	p.inOrder()
	w.left(0)
	r = w.do(w.tssh(placed(), "--attach", "-tt", "server"))
	if r.status != 255 || !strings.Contains(r.err, "no such session: there is none") {
		t.Errorf("%+v", r)
	}

	// What ends while nobody is there is told to who comes back.
	p = w.terminal(w.tssh("--udp", placed(), "-tt", "-oUdpSessionName=built", "server", onGo("echo building", "seq 100", "echo last words; exit 6")))
	p.expect("building")
	p.kill9()
	w.goes()
	w.awaits("the end", func() bool {
		r = w.do(w.tssh(placed(), "--sessions", "server"))
		return strings.Contains(r.out, " ended ")
	})
	if !regexp.MustCompile(`\nbuilt .* ended \d\d:\d\d:\d\d with status 6 `).MatchString(r.out) {
		t.Errorf("%+v", r)
	}
	p = w.terminal(w.tssh(placed(), "--udp", "-oUdpSessionAttach=yes", "-oUdpSessionName=built", "server"))
	p.expect("this is a new session: built has ended (tssh --attach=")
	p.expect("ready> ")
	p.keys("exit\r")
	p.exit()
	p = w.attach("--attach", "server")
	p.expect("99\r\n100\r\nlast words\r\n")
	p.expect("tssh: session built was joined ")
	p.expect("s after its program had ended, with status 6.")
	if status := p.exit(); status != 6 {
		t.Errorf("status %d", status)
	}
	p.inOrder()
	w.left(0)
}

// TestWayBackIsWhatIsPrinted: a shell takes it as it stands, whatever the session is
// called and the host was.
func TestWayBackIsWhatIsPrinted(t *testing.T) {
	t.Parallel()
	w := newWorldWith(t, ownTmp)
	w.append("config", "Host *\n\t"+strings.Replace(placed()[2:], "=", " ", 1)+"\n")
	p := w.shell("--udp", "-p22", `-oUdpSessionName="it's $HOME; *"`, "alice@server")
	for range 2 {
		p.runs("x=kept$x; echo here", "here\r\n")
		p.keys("~d")
		p.expect("goes on; to come back: ")
		p.exit()
		_, line, _ := strings.Cut(p.text.String(), "to come back: ")
		line, _, _ = strings.Cut(line, "\r")
		p = w.terminal(w.command("sh", "-c", line))
		p.expect("ready> ")
		if !strings.HasSuffix(line, "alice@server") || !strings.Contains(line, "-p 22") {
			t.Errorf("printed: %s", line)
		}
	}
	p.runs("echo is-$x", "is-keptkept\r\n")
	p.keys("exit\r")
	p.exit()
	w.left(0)
}

// TestAttachPastAMaster: a master leads to its own session, which is not the one that is
// meant, or is taken from it.
func TestAttachPastAMaster(t *testing.T) {
	t.Parallel()
	w := newWorldWith(t, ownTmp)
	w.append("config", "Host *\n\tControlMaster auto\n\tControlPath "+w.dir+"/master\n")
	p := w.shell("--udp", "-Snone", "-oUdpSessionName=one", "server")
	p.runs("x=kept; echo here", "here\r\n")
	p.keys("~d")
	p.exit()
	m := w.shell("--udp", "-oUdpSessionName=two", "server")
	m.runs("x=master; echo here", "here\r\n")
	q := w.attach("--attach=one", "server")
	q.expect("ready> ")
	q.runs("echo is-$x", "is-kept\r\n")
	q.keys("~d")
	q.expect("session one goes on")
	q.exit()
	guest := w.attach("server")
	guest.expect("ready> ")
	guest.keys("~d")
	guest.expect("to come back: tssh --attach=two -F " + w.dir + "/config server\r") // \r\n, or \r\r\n once the terminal is cooked again
	guest.exit()
	q = w.attach("--attach=two/1", "server")
	q.expect("ready> ")
	q.runs("echo is-$x", "is-master\r\n")
	m.expect("taken over")
	m.exit()
	if r := w.do(w.tssh(placed(), "-Snone", "--end=one", "server")); r.status != 0 {
		t.Errorf("%+v", r)
	}
	if r := w.do(w.tssh(placed(), "-Snone", "--end=two", "server")); r.status != 0 {
		t.Errorf("%+v", r)
	}
	q.exit()
	w.left(0)
}

// TestClosedWindowLeavesTheSession, as a shutdown of the client's machine does; and an
// exit of the shell ends all.
func TestClosedWindowLeavesTheSession(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGHUP, syscall.SIGTERM} {
		t.Run(signal.String(), func(t *testing.T) {
			t.Parallel()
			w := newWorldWith(t, ownTmp)
			p := w.shell("--udp", "server")
			p.runs("x=kept; echo here", "here\r\n")
			p.cmd.Process.Signal(signal)
			if status := p.exit(); status != 255 {
				t.Errorf("status %d", status)
			}
			q := w.attach("--udp", "-oUdpSessionAttach=yes", "server") // the only one that waits
			q.expect("ready> ")
			q.runs("echo is-$x", "is-kept\r\n")
			q.keys("exit\r")
			q.exit()
			w.left(0)
		})
	}
}

// TestAttachDuringOutageOfTheOld: nobody hangs, and the old one ends when its network
// is back.
func TestAttachDuringOutageOfTheOld(t *testing.T) {
	w := newWorldWith(t, ownTmp)
	p := w.shell("--udp", "server")
	p.runs("x=kept; echo here", "here\r\n")
	w.fault("udp sport 61001-61999 drop") // answers only, as on a way of which one half is broken
	w.fault("udp dport 61001-61999 drop")
	q := w.attach("--tcp", "--attach", "-oUdpProxyMode=tcp", "server")
	q.expect("ready> ")
	q.runs("echo is-$x", "is-kept\r\n")
	w.fault("")
	p.exit()
	p.inOrder()
	q.keys("exit\r")
	q.exit()
	w.left(0)
}

// TestAgentAndForwardsOfTheNewClient work in the old shell.
func TestAgentAndForwardsOfTheNewClient(t *testing.T) {
	w := newWorldWith(t, ownTmp)
	agent := w.agent()
	with := func(p func(args ...string) *terminal, args ...string) *terminal {
		return p(append([]string{"--udp", "-A", "-oIdentityAgent=" + agent, "-oForwardAgent=" + agent}, args...)...)
	}
	p := with(w.shell, "server")
	p.runs("ssh-add -l", "no identities")
	p.kill9()
	if r := w.do(w.command("sh", "-c", "SSH_AUTH_SOCK="+agent+" ssh-add -q "+filepath.Join(built, "user"))); r.status != 0 {
		t.Fatalf("%+v", r)
	}
	q := with(w.attach, "--attach", "-L17002:127.0.0.1:22", "-R17003:127.0.0.1:17002", "server")
	q.expect("ready> ")
	q.runs("ssh-add -l", "SHA256:")
	q.runs("exec 3<>/dev/tcp/127.0.0.1/17003; read -r a <&3; echo $a; exec 3>&-", "SSH-2.0-")
	q.kill9()
	r := w.attach("--udp", "-a", "--attach", "server") // lends no agent
	r.expect("ready> ")
	r.runs("ssh-add -l >/dev/null 2>&1 && echo lent || echo none; echo over", "none\r\n") // it may say nothing: SIGPIPE
	r.keys("exit\r")
	r.exit()
	w.left(0)
}

// TestDisplayOfTheNewClient: what is started in the old shell, at once, is shown by the
// display of who has come. The server's xauth takes its time.
func TestDisplayOfTheNewClient(t *testing.T) {
	t.Parallel()
	needs(t, "Xvfb", "xprop", "xauth")
	w := newWorldWith(t, ownTmp+`
printf '#!/bin/sh\nsleep .5\nexec xauth "$@"\n' >/tmp/xauth; chmod 755 /tmp/xauth`, "X11Forwarding yes", "XAuthLocation /tmp/xauth")
	w.profile()
	at := func(name string, args ...string) *terminal {
		display := "DISPLAY=127.0.0.1:" + w.screen()
		w.runs("env", display, "xprop", "-root", "-f", "E2E", "8s", "-set", "E2E", name)
		cmd := w.tssh(append(args, placed(), "-Y", "--udp", "server")...)
		cmd.Env = append(cmd.Env, display)
		p := w.terminal(cmd)
		p.expect("ready> ")
		p.runs("xprop -root -notype E2E", "E2E = \""+name+"\"\r\n")
		return p
	}
	at("first").kill9()
	p := at("second", "--attach")
	w.attach("--udp", "--attach", "server").expect("ready> ") // lends none
	p.exit()
	p = w.attach("--udp", "--attach", "server")
	p.expect("ready> ")
	p.runs("xprop -root -notype E2E", "unable to open display")
	p.kill9()
	p = at("third", "--attach")
	p.keys("exit\r")
	p.exit()
	w.left(0)
}

// TestHundredAttaches leave one process, no descriptor and no socket behind.
func TestHundredAttaches(t *testing.T) {
	w := newWorldWith(t, ownTmp)
	p := w.shell("--udp", "server")
	p.runs("echo here", "here\r\n")
	p.kill9()
	count := func() (fds, sockets int) {
		pid := w.tsshds()[0]
		all, _ := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
		files, _ := filepath.Glob(w.tmp() + "/tsshd-*/*")
		return len(all), len(files)
	}
	var fds, sockets int
	for n := range 100 {
		q := w.attach("--udp", "--attach", "server")
		q.expect("ready> ")
		if n%2 == 0 {
			q.kill9()
		} else {
			q.keys("\r~d")
			q.exit()
		}
		if n == 9 {
			w.awaits("one process", func() bool { return len(w.tsshds()) == 1 })
			fds, sockets = count()
		}
	}
	w.awaits("one process", func() bool { return len(w.tsshds()) == 1 })
	w.awaits("no more descriptors and sockets", func() bool {
		f, s := count()
		return f <= fds && s <= sockets
	})
	if r := w.do(w.tssh(placed(), "--end=s1", "server")); r.status != 0 {
		t.Errorf("%+v", r)
	}
	w.left(0)
}

// TestAttachThroughJumpHost goes the way that the session goes.
func TestAttachThroughJumpHost(t *testing.T) {
	w := newWorldWith(t, ownTmp)
	p := w.shell("--udp", "-Jserver", "server")
	p.runs("x=kept; echo here", "here\r\n")
	p.kill9()
	q := w.attach("--udp", "-Jserver", "--attach", "server")
	q.expect("ready> ")
	q.runs("echo is-$x", "is-kept\r\n")
	q.keys("exit\r")
	q.exit()
	w.left(0)
}

// TestLoginsThatMayNotAttach: sshd's limits of the new login hold.
func TestLoginsThatMayNotAttach(t *testing.T) {
	w := newWorldWith(t, ownTmp, "Match Address 10.83.1.250", "PermitTTY no", "Match Address 10.83.1.251", "ForceCommand echo forced",
		"Match Address 10.83.1.252", "AllowTcpForwarding no")
	p := w.shell("--udp", "-oUdpSessionName=mine", "server")
	p.runs("echo here", "here\r\n")
	keys, err := os.ReadFile(w.dir + "/authorized_keys")
	if err != nil {
		t.Fatal(err)
	}
	refused := func(what, words string, args ...string) {
		t.Helper()
		r := w.do(w.tssh(append(append([]string{placed()}, args...), "--attach=mine", "-tt", "server")...))
		if r.status != 255 || !strings.Contains(r.err, words) {
			t.Errorf("%s: %+v", what, r)
		}
	}
	for options, words := range map[string]string{
		"restrict":       "sshd permits this login no terminal, so it can't attach a session",
		"no-pty":         "sshd permits this login no terminal, so it can't attach a session",
		`command="true"`: "the server did not run our command",
	} {
		w.write("authorized_keys", options+" "+string(keys))
		refused(options, words)
	}
	w.write("authorized_keys", string(keys))
	w.ip(w.client, "addr add 10.83.1.250/24 dev wan", "addr add 10.83.1.251/24 dev wan", "addr add 10.83.1.252/24 dev wan")
	refused("PermitTTY no", "no terminal, so it can't attach", "-b10.83.1.250")
	refused("ForceCommand", "the server did not run our command", "-b10.83.1.251")
	p.runs("echo unharmed", "unharmed\r\n")

	// And they judge what it adds.
	q := w.attach("--attach=mine", "-b10.83.1.252", "-oExitOnForwardFailure=yes", "-R17004:127.0.0.1:22", "server")
	q.expect("remote port forwarding failed for listen port 17004")
	q.exit()
	p.exit()
	q = w.attach("--attach=mine", "server")
	q.keys("\rexit\r")
	q.exit()
	w.left(0)
}

// TestOthersGetNothing: other users, root too, see no session, and what they put into
// /tmp changes nothing.
func TestOthersGetNothing(t *testing.T) {
	w := newWorldWith(t, ownTmp+`
mkdir -m 777 /tmp/tsshd-evil /tmp/tsshd-1; touch /tmp/tsshd-file; ln -s /tmp/tsshd-evil /tmp/tsshd-link`)
	p := w.shell("--udp", "server")
	p.runs("echo here", "here\r\n")
	p.runs("stat -c %a%U /tmp/tsshd-*/session", "600alice\r\n")
	r := w.do(w.tssh(placed(), "--sessions", "--json", "server"))
	if strings.Count(r.out, `"pid"`) != 1 {
		t.Errorf("%+v", r)
	}
	nobody := w.do(w.command("nsenter", "-t", fmt.Sprint(w.tsshds()[0]), "-m", "-n", filepath.Join(built, "bin/tsshd"), "sessions"))
	if nobody.out != "no sessions\n" {
		t.Errorf("root sees %+v", nobody)
	}
	p.keys("exit\r")
	p.exit()
	w.awaits("the end", func() bool { return len(w.tsshds()) == 0 })
}
