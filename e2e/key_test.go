//go:build linux

package e2e_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// look says what a login got: whether there is a terminal, an agent, a display
// and an environment= of the key. ~/.ssh/rc speaks for itself.
const look = `test -t 0 && echo tty; test -S "$SSH_AUTH_SOCK" && echo agent; test -n "$DISPLAY" && echo display; echo "$KEY_ENV $FORCED"; test -S r.sock && echo socket`

// limited is a world whose server has what keys can be kept from.
type limited struct {
	*world
	one, two int // ports of the server that echo
}

func newLimited(t *testing.T, sshd ...string) limited {
	t.Helper()
	w := limited{world: newWorld(t, append([]string{"X11Forwarding yes", "PermitUserEnvironment yes", "StreamLocalBindUnlink yes"}, sshd...)...)}
	w.one, w.two = w.echo(w.server), w.echo(w.server)
	for name, text := range map[string]string{"rc": "cat >/dev/null; echo rc\n", "environment": "FILE_ENV=x\n"} {
		if err := os.MkdirAll(filepath.Join(w.home(), ".ssh"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(w.home(), ".ssh", name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	l, err := net.Listen("unix", filepath.Join(w.home(), "l.sock"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(l.Addr().String(), 0o777); err != nil {
		t.Fatal(err)
	}
	w.echoAll(l)
	w.agent()
	return w
}

// asks makes a login ask for all that can be forbidden, and returns what the
// user sees of it. tty is -tt or -T.
func (w limited) asks(tty string, args ...string) string {
	w.t.Helper()
	os.Remove(filepath.Join(w.home(), ".Xauthority")) // xauth says when it makes one
	// sshd ends after its client.
	w.awaits("what the last login listened at is free", func() bool {
		for at := range w.sockets() {
			if strings.HasSuffix(at, ":7002") || strings.HasSuffix(at, ":7003") {
				return false
			}
		}
		return true
	})
	cmd := w.tssh(append(args, placed(), tty, "-Y", "-oForwardAgent="+w.dir+"/agent",
		"-R", "7002:127.0.0.1:1", "-R", "7003:127.0.0.1:1", "-R", w.home()+"/r.sock:127.0.0.1:1",
		"-L", fmt.Sprintf("7101:127.0.0.1:%d", w.one), "-L", fmt.Sprintf("7102:127.0.0.1:%d", w.two), "-L", "7103:"+w.home()+"/l.sock",
		"server", look+"; echo ready; read -r end")...)
	cmd.Env = append(cmd.Env, "DISPLAY=127.0.0.1:5")
	var errs strings.Builder
	cmd.Stderr = &errs
	in, err := cmd.StdinPipe()
	if err != nil {
		w.t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		w.t.Fatal(err)
	}
	w.start(cmd)
	var seen strings.Builder
	for lines := bufio.NewReader(out); ; {
		line, err := lines.ReadString('\n')
		line = strings.ReplaceAll(line, "\r\n", "\n")
		if err != nil {
			cmd.Wait()
			w.t.Fatalf("%q: the command ended early: %s%s", args, seen.String()+line, errs.String())
		}
		if line == "ready\n" {
			break
		}
		seen.WriteString(line)
	}
	for i, name := range []string{"one", "two", "unix"} {
		c := w.dial(w.client, 7101+i)
		io.WriteString(c, name)
		c.(*net.TCPConn).CloseWrite()
		answer, _ := io.ReadAll(c)
		fmt.Fprintf(&seen, "-L %s: %q\n", name, answer)
	}
	in.Write([]byte("\n"))
	io.Copy(io.Discard, out)
	cmd.Wait()
	fmt.Fprintln(&seen, "status", cmd.ProcessState.ExitCode())
	return seen.String() + sorted(strings.ReplaceAll(errs.String(), "\r\n", "\n"))
}

// sorted puts words that come as the network brings them into one order, and
// leaves out the numbers of channels.
func sorted(words string) string {
	lines := strings.SplitAfter(words, "\n")
	for i, l := range lines {
		if strings.HasPrefix(l, "channel ") {
			_, l, _ = strings.Cut(l, ": ")
			lines[i] = l
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}

// refused makes a login ask for a terminal and nothing else that can be
// forbidden, and returns what the user sees of it.
func (w limited) refused(args ...string) string {
	w.t.Helper()
	cmd := w.tssh(append(args, placed(), "-tt", "server", "sleep 5")...)
	var said strings.Builder
	cmd.Stderr = &said
	w.start(cmd)
	cmd.Wait()
	return fmt.Sprintln(strings.TrimSpace(said.String()), "status", cmd.ProcessState.ExitCode())
}

// same fails the test unless both modes show the same, and all of this. A
// terminal that is refused ends the session, as it does in ssh: what else is
// forbidden shows in one without.
func (w limited) same(name string, shows []string, args ...string) {
	w.t.Helper()
	tty, args := "-tt", slices.Clip(args)
	if i := slices.Index(shows, noTTY); i >= 0 {
		tty, shows = "-T", slices.Delete(slices.Clone(shows), i, i+1)
		for _, mode := range [][]string{args, append(args, "--udp")} {
			if said := w.refused(mode...); said != noTTY+" status 255\n" {
				w.t.Errorf("%s: %q: a terminal: %s", name, mode, said)
			}
		}
	}
	ssh, udp := w.asks(tty, args...), w.asks(tty, append(args, "--udp")...)
	if ssh != udp {
		w.t.Errorf("%s\nover ssh:\n%s\nover UDP:\n%s", name, ssh, udp)
	}
	for _, s := range shows {
		text, not := strings.CutPrefix(s, "!")
		if strings.Contains(ssh, text) == not {
			w.t.Errorf("%s: %q in:\n%s", name, s, ssh)
		}
	}
}

// What sshd says when it refuses.
const (
	noTTY     = "PTY allocation request failed on channel 0"
	noX11     = "X11 forwarding request failed on channel 0"
	noAgent   = "!agent"
	noRC      = "!rc"
	noRemote  = "Warning: remote port forwarding failed for listen port 7002"
	noRemote3 = "Warning: remote port forwarding failed for listen port 7003"
	noSocket  = "Warning: remote port forwarding failed for listen path"
	noOpen    = "open failed: administratively prohibited: open failed"
	noConnect = "open failed: connect failed: open failed"
)

// TestLimitsOfKeys: what the line of a key in authorized_keys forbids is
// forbidden over UDP too, in the same words.
func TestLimitsOfKeys(t *testing.T) {
	t.Parallel()
	w := newLimited(t)
	pub, err := os.ReadFile(filepath.Join(built, "user.pub"))
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		options string
		shows   []string
	}{
		{"", []string{"rc", "tty", "agent", "display", "socket", `one: "one"`, `two: "two"`, `unix: "unix"`, "!failed"}},
		{"restrict", []string{noTTY, noX11, noAgent, noRC, noRemote, noRemote3, noSocket, noOpen, noConnect}},
		{"restrict,pty,port-forwarding", []string{"tty", noX11, noAgent, noRC, "socket", `one: "one"`, `unix: "unix"`}},
		{"restrict,Agent-Forwarding,x11-forwarding,user-rc", []string{noTTY, "agent", "display", "rc", noRemote, noOpen}},
		{"no-pty", []string{noTTY, "agent"}},
		{"no-port-forwarding", []string{"tty", noRemote, noSocket, noOpen, noConnect}},
		{"no-agent-forwarding,no-X11-forwarding", []string{"tty", noAgent, noX11}},
		{"no-user-rc", []string{noRC, "display"}},
		{fmt.Sprintf(`permitopen="127.0.0.1:%d"`, w.one), []string{`one: "one"`, `two: ""`, `unix: ""`, noOpen, noConnect, "socket"}},
		{fmt.Sprintf(`permitopen="localhost:%d",permitopen="127.0.0.1:%d",permitlisten="7003"`, w.one, w.two),
			[]string{`one: ""`, `two: "two"`, noRemote, "!" + noRemote3}},
		{`permitlisten="localhost:7002"`, []string{noRemote3, "!" + noRemote, `unix: "unix"`}},
		{`environment="KEY_ENV=a \"b\",c",environment="KEY_ENV=d",no-pty`, []string{`a "b",c`, noTTY}},
		{`from="10.83.1.*",no-pty`, []string{noTTY}},
		{`expiry-time="20370101",no-agent-forwarding`, []string{noAgent}},
		{`no-pty,command="export FORCED=yes; eval \"$SSH_ORIGINAL_COMMAND\""`, []string{noTTY, "yes"}},
		// Of several lines sshd takes the first that fits.
		{`from="10.99.0.0/16" ` + strings.TrimSpace(string(pub)) + "\nno-pty", []string{noTTY}},
		{`expiry-time="20200101",restrict ` + strings.TrimSpace(string(pub)) + "\nno-user-rc", []string{noRC, "tty"}},
	} {
		w.write("authorized_keys", "# comment\n"+strings.TrimPrefix(test.options+" ", " ")+string(pub))
		// A command that passes ours on is asked to only where there is nothing else.
		w.same("options "+test.options, test.shows, "-oUdpFallback=no")
	}
}

// TestLimitsOfConfiguration: as what sshd_config forbids. The limits of the key
// hold beside: what either forbids is forbidden.
func TestLimitsOfConfiguration(t *testing.T) {
	t.Parallel()
	tests := []struct {
		lines string
		shows []string
	}{
		{"AllowTcpForwarding no", []string{noRemote, noSocket, noOpen, noConnect}},
		{"AllowTcpForwarding local", []string{noRemote, noSocket, `unix: "unix"`}},
		{"AllowTcpForwarding remote", []string{"socket", noOpen, noConnect}},
		{"AllowStreamLocalForwarding no", []string{noSocket, noConnect, `one: "one"`}},
		{"PermitOpen 127.0.0.1:1", []string{noOpen, noConnect, "socket"}},
		{"PermitOpen *:*", []string{`unix: "unix"`, `one: "one"`}},
		{"PermitListen 7003", []string{noRemote, "socket"}},
		{"PermitOpen none\nPermitListen none", []string{noRemote, noRemote3, "socket", noOpen, noConnect}},
		{"DisableForwarding yes", []string{noRemote, noSocket, noOpen, noConnect, noAgent, noX11}},
		{"PermitTTY no\nX11Forwarding no\nAllowAgentForwarding no", []string{noTTY, noX11, noAgent}},
		{"PermitUserRC no", []string{noRC, "display"}},
		{"AuthorizedKeysFile none .ssh/%u_keys", []string{noAgent, noTTY}},
	}
	lines := []string{"AddressFamily inet", "Port 22"} // sshd listens on 16 sockets at most
	for i := range tests {
		lines = append(lines, fmt.Sprintf("Port %d", 2201+i))
	}
	for i, test := range tests {
		lines = append(lines, fmt.Sprintf("Match LocalPort %d", 2201+i), test.lines)
	}
	w := newLimited(t, lines...)
	pub, err := os.ReadFile(filepath.Join(built, "user.pub"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(w.home(), ".ssh/alice_keys"), append([]byte("no-pty,no-agent-forwarding "), pub...), 0o644); err != nil {
		t.Fatal(err)
	}
	w.write("authorized_keys", fmt.Sprintf(`no-agent-forwarding,permitopen="127.0.0.1:%d",permitopen="*:*",permitlisten="*" %s`, w.one, pub))
	for i, test := range tests {
		w.same(test.lines, append(test.shows, noAgent), "-p", fmt.Sprint(2201+i))
	}
}

// TestLimitsOfCertificates: a certificate permits what it names, as far as the
// line that trusts its authority does too.
func TestLimitsOfCertificates(t *testing.T) {
	t.Parallel()
	trusts := "AuthorizedKeysFile none\nTrustedUserCAKeys " + filepath.Join(built, "host.pub")
	w := newLimited(t, "Port 22", "Port 2201", "Port 2202", "Match LocalPort 2201", trusts, "AuthorizedPrincipalsFile .ssh/principals",
		"Match LocalPort 2202", trusts, "ExposeAuthInfo yes")
	if err := os.WriteFile(filepath.Join(w.home(), ".ssh/principals"), []byte("# who\nbob\nno-pty,permitopen=\"a:1\" carol # likes no terminals\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	key, err := os.ReadFile(filepath.Join(built, "user"))
	if err != nil {
		t.Fatal(err)
	}
	pub, err := os.ReadFile(filepath.Join(built, "user.pub"))
	if err != nil {
		t.Fatal(err)
	}
	authority, err := os.ReadFile(filepath.Join(built, "host.pub"))
	if err != nil {
		t.Fatal(err)
	}
	id := w.write("id", string(key))
	if err := os.Chmod(id, 0o600); err != nil {
		t.Fatal(err)
	}
	w.write("id.pub", string(pub))
	for _, test := range []struct {
		cert, line, port string
		shows            []string
	}{
		{"-n alice", "cert-authority", "22", []string{"rc", "tty", "agent", "display", "socket", `one: "one"`, "!failed"}},
		{"-n alice -O clear", "cert-authority", "22", []string{noTTY, noX11, noAgent, noRC, noRemote, noSocket, noOpen}},
		{"-n alice -O clear -O permit-pty -O permit-agent-forwarding", "cert-authority,no-agent-forwarding", "22", []string{"tty", noAgent, noOpen}},
		{"-n alice,carol -O no-x11-forwarding", `cert-authority,principals="bob,carol",permitlisten="7002"`, "22", []string{noX11, noRemote3, "tty"}},
		{"-n carol", "cert-authority,no-pty,principals=\"bob\" " + strings.TrimSpace(string(authority)) + "\ncert-authority,principals=\"carol\",no-user-rc", "22",
			[]string{"tty", noRC}},
		{"-n bob -O no-user-rc", "", "2201", []string{noRC, "tty", `one: "one"`}},
		{"-n carol", "", "2201", []string{noTTY, noOpen, "agent"}},
		{"-n alice -O no-port-forwarding", "", "2202", []string{"tty", noRemote, noOpen}},
	} {
		args := append([]string{"-q", "-s", filepath.Join(built, "host"), "-I", "test"}, strings.Fields(test.cert)...)
		w.must("ssh-keygen", append(args, filepath.Join(w.dir, "id.pub"))...)
		w.write("authorized_keys", test.line+" "+string(authority))
		w.same(test.cert+" by "+test.line+" at "+test.port, test.shows, "-i", id, "-p", test.port)
	}
}

// TestOtherConfigurations: an sshd that was told on its command line what to
// permit, by a file or by options, and one that a wrapper starts for one login.
func TestOtherConfigurations(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	usual, err := os.ReadFile(filepath.Join(w.dir, "sshd_config"))
	if err != nil {
		t.Fatal(err)
	}
	other := w.write("other_config", string(usual)+"PermitTTY no\n")
	var listeners []int // and their children, who have the title at first
	for _, pid := range w.processes(w.server) {
		if title, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)); strings.Contains(string(title), "[listener]") {
			listeners = append(listeners, pid)
		}
	}
	if listeners == nil {
		t.Fatal("sshd is not to be found")
	}
	// In the mounts and the network of the world's sshd.
	within := fmt.Sprintf("nsenter -m -n -t %d ", slices.Min(listeners))
	for i, args := range []string{"-f " + other, "-o PermitTTY=no", "-oPermitTTY=yes -f " + other} {
		port := fmt.Sprint(2201 + i)
		w.must("sh", "-c", within+"/usr/sbin/sshd -p "+port+" "+args)
		for _, mode := range modes() {
			r := w.do(w.tssh(append(mode.args, placed(), "-p", port, "-tt", "server", "test -t 0 && echo tty")...))
			if strings.Contains(r.err, noTTY) != (i < 2) || strings.Contains(r.out, "tty") != (i == 2) {
				t.Errorf("sshd %s, %s: %+v", args, mode.name, r)
			}
		}
	}
	for _, mode := range modes() {
		proxy := "-oProxyCommand=" + within + "sh -c '/usr/sbin/sshd -i -f " + other + "; true'"
		if r := w.do(w.tssh(append(mode.args, placed(), proxy, "-tt", "server", "true")...)); !strings.Contains(r.err, noTTY) {
			t.Errorf("%s: %+v", proxy, r)
		}
	}
}
