//go:build linux

package e2e_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const wine64 = "/usr/lib/wine/wine64" // Debian's

// windows is a Windows on the client of a world, as far as wine is one.
type windows struct {
	*world
	prefix string
}

func newWindows(t *testing.T) *windows {
	t.Helper()
	needs(t, wine64, "x86_64-w64-mingw32-dlltool", "x86_64-w64-mingw32-ld", "xvfb-run")
	w := &windows{newWorld(t), filepath.Join(built, "wine")}
	t.Cleanup(func() { w.wine("/usr/lib/wine/wineserver64", "-k").Run() })
	if r := w.do(w.wine(wine64, "wineboot", "-i")); r.status != 0 { // whose server makes all sockets
		t.Fatalf("wineboot: %+v", r)
	}
	// Go begins with random numbers of a library that wine has had since 9.
	w.write("random.def", "LIBRARY bcryptprimitives.dll\nEXPORTS\nProcessPrng = advapi32.SystemFunction036\n")
	w.must("x86_64-w64-mingw32-dlltool", "--def", w.dir+"/random.def", "--output-exp", w.dir+"/random.exp")
	w.must("x86_64-w64-mingw32-ld", "-shared", "-o", w.prefix+"/drive_c/windows/system32/bcryptprimitives.dll", w.dir+"/random.exp")
	return w
}

func (w *windows) wine(name string, args ...string) *exec.Cmd {
	cmd := w.command(name, args...)
	cmd.Env = append(cmd.Env, "WINEPREFIX="+w.prefix, "WINEDEBUG=-all", "TERM=", "HOME="+w.prefix)
	return cmd
}

// compile builds what is for Windows, with the one change to Go's library that
// UDP needs on wine, which knows one of the two ioctls that begin a socket.
func (w *windows) compile(what string, args ...string) {
	w.t.Helper()
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		w.t.Fatal(err)
	}
	file := filepath.Join(strings.TrimSpace(string(root)), "src/net/fd_windows.go")
	source, err := os.ReadFile(file)
	if err != nil {
		w.t.Fatal(err)
	}
	const unknown, known = "windows.SIO_UDP_NETRESET", "syscall.SIO_UDP_CONNRESET"
	if strings.Count(string(source), unknown) != 1 {
		w.t.Fatalf("%s: %s is not there once", file, unknown)
	}
	changed := w.write("fd_windows.go", strings.Replace(string(source), unknown, known, 1))
	overlay := w.write("overlay", fmt.Sprintf(`{"Replace": {%q: %q}}`, file, changed))
	cmd := exec.Command("go", append([]string{what, "-overlay", overlay}, args...)...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=windows", "GOARCH=amd64")
	if out, err := cmd.CombinedOutput(); err != nil {
		w.t.Fatalf("go %s: %v: %s", strings.Join(args, " "), err, out)
	}
}

// drive is a file in the root of the drive.
func (w *windows) drive(name string) string { return filepath.Join(w.prefix, "drive_c", name) }

// tssh is ours, in a folder whose name has a blank.
func (w *windows) tssh(args ...string) *exec.Cmd {
	return w.wine(wine64, append([]string{`C:\Program Files\tssh\tssh.exe`, "-F", w.dir + "/config"}, args...)...)
}

// TestWindows is an afternoon of a Windows machine, with sshd and tsshd of Linux
// at the other end.
func TestWindows(t *testing.T) {
	if *machines == "" {
		t.Skip("SKIPPED, not tested at all: no machines; see make machines")
	}
	t.Parallel()
	w := newWindows(t)
	folder := filepath.Join(w.prefix, "drive_c", "Program Files", "tssh")
	w.compile("build", "-o", filepath.Join(folder, "tssh.exe"), "tssh")
	w.compile("build", "-o", w.drive("more.exe"), "tssh/e2e/testdata/windows")

	is := func(what string, cmd *exec.Cmd, stdin, out, err string, status int) {
		t.Helper()
		cmd.Stdin = strings.NewReader(stdin)
		r := w.do(cmd)
		if r.out != out || !strings.Contains(r.err, err) || err == "" && r.err != "" || r.status != status {
			t.Errorf("%s: status %d, %.300q, %.1000q", what, r.status, r.out, r.err)
		}
	}
	is("version", w.tssh("-V"), "", "", "tssh_", 0)
	is("exit status", w.tssh("server", "echo out; exit 7"), "", "out\n", "", 7)
	blob := strings.Repeat("every byte\x00\x1a\r\n\xff", 20000)
	is("bytes both ways", w.tssh("server", "cat"), blob, blob, "", 0)
	is("terminal", w.tssh("-tt", "server", "echo $TERM; stty size | wc -l"), "", "xterm-256color\r\n1\r\n", "Connection to ", 0)
	is("moved", w.tssh("--udp", "-oUdpProxyMode=TCP", "-oUdpFallback=no", placed(), "server", "cat; exit 3"), blob, blob, "", 3)
	is("master", w.tssh("-oControlMaster=auto", "-oControlPath=~/.ssh/%C", "-oControlPersist=yes", "server", "echo alone"),
		"", "alone\n", "ControlMaster: connections can't be shared on windows", 0)
	is("master asked", w.tssh("-O", "check", "-oControlPath=x", "server"), "", "", "not supported on windows", 255)

	through := w.write("through", "Host far\n\tHostName server\n\tProxyCommand \"C:\\Program Files\\tssh\\tssh.exe\" -F "+w.dir+"/config -W localhost:22 server\nInclude "+w.dir+"/config\n")
	is("ProxyCommand", w.wine(wine64, `C:\Program Files\tssh\tssh.exe`, "-F", through, "-l", "alice", "-i", built+"/user", "-oHostKeyAlias=server",
		"-oUserKnownHostsFile="+w.dir+"/known_hosts", "far", "echo through"), "", "through\n", "", 0)

	key, err := os.ReadFile(filepath.Join(built, "user"))
	if err != nil {
		t.Fatal(err)
	}
	open := w.write("open", string(key)) // mode 0644: wine shows it as a list that everybody is in
	is("a key that others can read", w.wine(wine64, `C:\Program Files\tssh\tssh.exe`, "-F", "none", "-oBatchMode=yes", "-oStrictHostKeyChecking=no", "-oUserKnownHostsFile="+w.dir+"/new",
		"-i", open, "alice@"+server4, "true"), "", "", "UNPROTECTED PRIVATE KEY FILE", 255)
	if text, err := os.ReadFile(w.dir + "/new"); err != nil || !strings.HasPrefix(string(text), server4+" ssh-ed25519 ") {
		t.Errorf("known_hosts: %q, %v", text, err)
	}
	if info, err := os.Stat(w.dir + "/new"); err == nil && info.Mode().Perm()&0o022 != 0 {
		t.Errorf("others may write known_hosts: %v", info.Mode())
	}
	w.agent()
	w.roams()
	w.serves()
	w.systemTests()
}

// agent is OpenSSH's agent, on its pipe: nothing says where it is.
func (w *windows) agent() {
	w.t.Helper()
	args := []string{`C:\Program Files\tssh\tssh.exe`, "-F", "none", "-A", "-oBatchMode=yes", "-oHostKeyAlias=server", "-oIdentityFile=none",
		"-oUserKnownHostsFile=" + w.dir + "/known_hosts", "alice@" + server4, "ssh-add -l"}
	if r := w.do(w.wine(wine64, args...)); r.status != 255 || !strings.Contains(r.err, "Permission denied") {
		w.t.Errorf("without an agent: %+v", r)
	}
	agent := w.wine(wine64, `C:\more.exe`, "agent", built+"/user")
	out, err := agent.StdoutPipe()
	if err != nil {
		w.t.Fatal(err)
	}
	w.start(agent)
	defer func() {
		agent.Process.Kill()
		agent.Wait()
	}()
	if _, err := out.Read(make([]byte, 1)); err != nil {
		w.t.Fatalf("the agent: %v", err)
	}
	for _, mode := range []string{"-oUdpMode=no", "-oUdpMode=yes"} {
		cmd := w.wine(wine64, append([]string{args[0], mode, "-oUdpFallback=no", placed()}, args[1:]...)...)
		if r := w.do(cmd); r.status != 0 || !strings.Contains(r.out, " in the pipe (ED25519)\n") {
			w.t.Errorf("%s with an agent: %+v", mode, r)
		}
	}
}

// roams moves both transports through what networks do, over UDP.
func (w *windows) roams() {
	w.t.Helper()
	var all []*transfer
	for _, transport := range []string{"--udp", "--kcp"} {
		all = append(all, w.transferBy(w.client, w.tssh(transport, "-oUdpProxyMode=UDP", "-oUdpFallback=no", placed(), "server", "cat")))
	}
	w.outlive(all, w.roam)
}

// outlive has transfers live through a move, and an outage with another one.
func (w *windows) outlive(all []*transfer, move func()) {
	w.t.Helper()
	goOn := func() {
		w.t.Helper()
		for _, x := range all {
			x.goesOn()
		}
	}
	goOn()
	move()
	goOn()
	w.fault(nothing)
	time.Sleep(*outage)
	move()
	w.fault("")
	goOn()
	for _, x := range all {
		x.ends()
	}
}

// serves has Linux log in to Windows.
func (w *windows) serves() {
	w.t.Helper()
	folder := filepath.Join(w.prefix, "drive_c", "Program Files", "tssh")
	if err := os.Link(filepath.Join(folder, "tssh.exe"), filepath.Join(folder, "tsshd.exe")); err != nil {
		w.t.Fatal(err)
	}
	if err := os.Link(filepath.Join(folder, "tssh.exe"), w.drive("tsshd.exe")); err != nil {
		w.t.Fatal(err)
	}
	sshd := w.wine(wine64, `C:\Program Files\tssh\tsshd.exe`, "sshd", "--listen", "0.0.0.0:0",
		"--authorized-keys", built+"/user.pub", "--port-file", w.dir+"/port")
	w.start(sshd)
	defer func() {
		sshd.Process.Kill()
		sshd.Wait()
	}()
	var port string
	w.awaits("tsshd on Windows to listen", func() bool {
		text, _ := os.ReadFile(w.dir + "/port")
		port = strings.TrimSpace(string(text))
		return port != ""
	})
	user := strings.TrimSpace(w.do(w.wine(wine64, "cmd", "/c", "echo %USERNAME%")).out) // it lets nobody else in
	at := []string{"-F", "none", "-p", port, "-i", built + "/user", "-oStrictHostKeyChecking=no", "-oUserKnownHostsFile=/dev/null", "-oLogLevel=ERROR", user + "@127.0.0.1"}
	says := func(line, out string, status int) {
		w.t.Helper()
		r := w.do(w.command(filepath.Join(built, "bin/tssh"), append(at, line)...))
		if r.out != out || r.err != "" || r.status != status {
			w.t.Errorf("%s: status %d, %q, %q; want %d, %q", line, r.status, r.out, r.err, status, out)
		}
	}
	says("exit 5", "", 5)
	says(`echo "a  b"`, "\"a  b\"\r\n", 0)
	says(`"C:\windows\system32\cmd.exe" /c "echo "x  y""`, "\"x  y\"\r\n", 0)
	blob := strings.Repeat("every byte\x00\x1a\r\n\xff", 20000)
	w.write("blob", blob)
	sftp := w.command("sftp", "-q", "-b", "-", "-S", filepath.Join(built, "bin/tssh"), "-P", port)
	sftp.Args = append(append(sftp.Args, at[:2]...), at[4:]...)
	sftp.Stdin = strings.NewReader("put blob there\nget there back\n")
	if r := w.do(sftp); r.status != 0 {
		w.t.Errorf("sftp: %+v", r)
	}
	if back, err := os.ReadFile(w.dir + "/back"); err != nil || string(back) != blob {
		w.t.Errorf("sftp brought back %d bytes, %v", len(back), err)
	}

	at[len(at)-1] = fmt.Sprintf("%s@10.83.1.%d", user, w.addr)
	var all []*transfer
	for _, transport := range []string{"--udp", "--kcp"} {
		args := append([]string{transport, "-oUdpProxyMode=UDP", "-oUdpFallback=no", `-oTsshdPath=C:\tsshd.exe`}, at...)
		cmd := w.command(filepath.Join(built, "bin/tssh"), append(args, `C:\more.exe cat`)...)
		all = append(all, w.transferBy(w.server, cmd))
	}
	last := 1
	w.outlive(all, func() {
		w.ip(w.server, fmt.Sprintf("addr del 10.83.2.%d/24 dev wan", last), fmt.Sprintf("addr add 10.83.2.%d/24 dev wan", last+10),
			"route replace default via 10.83.2.2")
		last += 10
	})
}

// systemTests runs the tests of what is Windows' own.
func (w *windows) systemTests() {
	for pkg, run := range map[string]string{
		"client/auth": "Pageant", "client/owner": ".", "client/config": "Windows", "client/shell": ".", "client/tty": "Console", "client/voice": "Console", "server/session": ".",
		"proxy/nss": "Windows", "server/policy": "Windows", "server/cache": ".",
	} {
		test := filepath.Join(w.dir, filepath.Base(pkg)+".exe")
		w.compile("test", "-c", "-o", test, "tssh/"+pkg)
		cmd := w.wine(wine64, test, "-test.v", "-test.run", run)
		if pkg == "client/auth" { // which makes a window
			w.wine("/usr/lib/wine/wineserver64", "-k").Run()
			cmd = w.wine("xvfb-run", "-a", wine64, test, "-test.v", "-test.run", run)
		}
		if run == "Console" { // wine has one where a terminal is
			cmd.Env = append(cmd.Env, "TERM=xterm")
			p := w.terminal(cmd)
			p.expect("--- PASS: TestConsole")
			if status := p.exit(); status != 0 {
				w.t.Errorf("%s: exit status %d", pkg, status)
			}
			continue
		}
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), "\nPASS\n") && !strings.Contains(string(out), "\nPASS\r\n") {
			w.t.Errorf("%s: %v: %s", pkg, err, out)
		}
		if pkg == "client/auth" && !strings.Contains(string(out), "--- PASS: TestPageant") {
			w.t.Errorf("%s", out)
		}
	}
}
