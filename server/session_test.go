package server

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
)

func TestCommandSaysAllItHas(t *testing.T) {
	each(t, func(t *testing.T, open func(service) *ssh.Client) {
		c := open(testService(t))
		r := command(t, c, "echo to stdout; echo to stderr >&2; exit 7")
		if r.out != "to stdout\n" || r.err != "to stderr\n" || r.status() != 7 {
			t.Errorf("%+v", r)
		}
		if r := command(t, c, "kill -TERM $$"); r.exit == nil {
			t.Error("killed, but well")
		} else if e := new(ssh.ExitError); !errors.As(r.exit, &e) || e.Signal() != "TERM" {
			t.Errorf("killed: %v", r.exit)
		}
	})
}

// TestTailOfOutput has output that ends in the moment in which the program does.
func TestTailOfOutput(t *testing.T) {
	each(t, func(t *testing.T, open func(service) *ssh.Client) {
		c := open(testService(t))
		for range 10 {
			r := command(t, c, "head -c 3000000 /dev/zero; printf end; head -c 300000 /dev/zero >&2; printf end >&2; exit 3")
			if len(r.out) != 3000003 || !strings.HasSuffix(r.out, "end") || len(r.err) != 300003 || r.status() != 3 {
				t.Fatalf("%d and %d bytes, status %d", len(r.out), len(r.err), r.status())
			}
		}
	})
}

func TestBytesAreSacred(t *testing.T) {
	each(t, func(t *testing.T, open func(service) *ssh.Client) {
		data := make([]byte, 8<<20)
		rand.Read(data)
		s, err := open(testService(t)).NewSession()
		if err != nil {
			t.Fatal(err)
		}
		s.Stdin = bytes.NewReader(data)
		out, err := s.Output("cat")
		if err != nil || sha256.Sum256(out) != sha256.Sum256(data) {
			t.Errorf("%v, %d bytes of %d", err, len(out), len(data))
		}
	})
}

func TestHalfClosed(t *testing.T) {
	each(t, func(t *testing.T, open func(service) *ssh.Client) {
		c := open(testService(t))
		within(t, "a command that waits for the end of its input", func() {
			s, _ := c.NewSession()
			s.Stdin = strings.NewReader("b\na\n")
			if out, err := s.Output("sort; echo after"); string(out) != "a\nb\nafter\n" {
				t.Errorf("%q, %v", out, err)
			}
		})
		within(t, "a command that doesn't read its input", func() {
			s, _ := c.NewSession()
			s.Stdin = io.LimitReader(zeros{}, 20<<20)
			if out, err := s.Output("exec <&-; echo done"); string(out) != "done\n" || err != nil && err != io.EOF {
				t.Errorf("%q, %v", out, err)
			}
		})
		within(t, "output that ends before the program", func() {
			s, _ := c.NewSession()
			out, _ := s.StdoutPipe()
			in, _ := s.StdinPipe()
			if err := s.Start("exec >&- 2>&-; read x; exit 4"); err != nil {
				t.Fatal(err)
			}
			if b, err := io.ReadAll(out); len(b) != 0 || err != nil {
				t.Errorf("%q, %v", b, err)
			}
			io.WriteString(in, "go on\n")
			if r := (result{exit: s.Wait()}); r.status() != 4 {
				t.Errorf("%v", r.exit)
			}
		})
	})
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// TestBackground has what sshd does: without a terminal, who holds the output keeps the
// session; on one the session ends with its program.
func TestBackground(t *testing.T) {
	each(t, func(t *testing.T, open func(service) *ssh.Client) {
		c := open(testService(t))
		r := command(t, c, "(read x </dev/null; sleep 0.3; echo late) & echo early; exit 5")
		if r.out != "early\nlate\n" || r.status() != 5 {
			t.Errorf("%+v", r)
		}
		within(t, "a terminal that somebody in the background keeps", func() {
			s := terminal(t, c)
			if out, err := s.Output("trap '' HUP; sleep 100 & echo $!; echo x"); err != nil || !strings.HasSuffix(string(out), "x\r\n") {
				t.Errorf("%q, %v", out, err)
			} else {
				command(t, c, "kill "+lines(string(out))[0])
			}
		})
	})
}

func terminal(t *testing.T, c *ssh.Client) *ssh.Session {
	t.Helper()
	s, err := c.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.RequestPty("xterm-256color", 31, 97, ssh.TerminalModes{ssh.VINTR: 25, ssh.ECHO: 0}); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestTerminal(t *testing.T) {
	each(t, func(t *testing.T, open func(service) *ssh.Client) {
		s := terminal(t, open(testService(t)))
		pipe, _ := s.StdoutPipe()
		if err := s.Start("stty size; stty -a; echo $TERM; [ \"$SSH_TTY\" = \"$(tty)\" ] && echo tty; trap 'stty size; exit 3' WINCH; echo ready; while :; do sleep 0.01; done"); err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		for b := make([]byte, 1); !strings.HasSuffix(out.String(), "ready\r\n"); out.Write(b) {
			if _, err := pipe.Read(b); err != nil {
				t.Fatalf("%q, %v", out.String(), err)
			}
		}
		if err := s.WindowChange(40, 120); err != nil {
			t.Fatal(err)
		}
		within(t, "a program that waits for another size", func() {
			io.Copy(&out, pipe)
			if r := (result{exit: s.Wait()}); r.status() != 3 {
				t.Errorf("%v", r.exit)
			}
		})
		for _, want := range []string{"intr = ^Y", "-echo ", "xterm-256color\r\n", "tty\r\n", "40 120\r\n"} {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%q is not in %q", want, out.String())
			}
		}
	})
}

func TestHangup(t *testing.T) {
	each(t, func(t *testing.T, open func(service) *ssh.Client) {
		service := testService(t)
		c := open(service)
		s := terminal(t, c)
		out, _ := s.StdoutPipe()
		if err := s.Start("trap 'echo hung up >" + inHome(service, "end") + "; exit' HUP; echo ready; while :; do read x || sleep 0.01; done"); err != nil {
			t.Fatal(err)
		}
		ready := make([]byte, 7)
		if _, err := io.ReadFull(out, ready); err != nil || string(ready) != "ready\r\n" {
			t.Fatalf("%q, %v", ready, err)
		}
		s.Close()
		within(t, "the program of a closed terminal", func() {
			command(t, c, "until [ -s "+inHome(service, "end")+" ]; do sleep 0.01; done")
		})
	})
}

func TestSignal(t *testing.T) {
	each(t, func(t *testing.T, open func(service) *ssh.Client) {
		s, _ := open(testService(t)).NewSession()
		out, _ := s.StdoutPipe()
		if err := s.Start("trap 'exit 9' USR1; echo ready; while :; do sleep 0.01; done"); err != nil {
			t.Fatal(err)
		}
		io.ReadFull(out, make([]byte, 6))
		if err := s.Signal(ssh.SIGUSR1); err != nil {
			t.Fatal(err)
		}
		within(t, "a program that got a signal", func() {
			if r := (result{exit: s.Wait()}); r.status() != 9 {
				t.Errorf("%v", r.exit)
			}
		})
	})
}

func TestEnvironment(t *testing.T) {
	each(t, func(t *testing.T, open func(service) *ssh.Client) {
		service := testService(t)
		service.policy.SetEnv = []string{"SET=1", "SSH_CONNECTION=forged"}
		service.policy.UserEnv = "USER_*"
		os.Mkdir(inHome(service, ".ssh"), 0o700)
		os.WriteFile(inHome(service, ".ssh/environment"), []byte("# comment\nUSER_A=u\nLD_PRELOAD=/evil\nbad line\n"), 0o600)
		s, _ := open(service).NewSession()
		for _, v := range [][2]string{{"TEST_A", "a b"}, {"LC_ALL", "C"}, {"LANG", "client"}, {"LD_PRELOAD", "/evil"}, {"HOME", "/evil"}} {
			s.Setenv(v[0], v[1])
		}
		out, err := s.Output("env")
		if err != nil {
			t.Fatal(err)
		}
		env := lines(string(out))
		for _, want := range []string{"TEST_A=a b", "LC_ALL=C", "LANG=C", "SET=1", "USER_A=u", "HOME=" + service.login.Home} {
			if !has(env, want) {
				t.Errorf("%q is not in %q", want, env)
			}
		}
		if strings.Contains(string(out), "evil") || strings.Contains(string(out), "forged") || strings.Contains(string(out), "SSH_TTY") || strings.Contains(string(out), "TERM=") {
			t.Errorf("%q", env)
		}
	})
}

func TestLoginShell(t *testing.T) {
	each(t, func(t *testing.T, open func(service) *ssh.Client) {
		service := testService(t)
		os.Mkdir(inHome(service, ".ssh"), 0o700)
		os.WriteFile(inHome(service, ".ssh/rc"), []byte("echo rc ran in $PWD >&2\n"), 0o600)
		s := terminal(t, open(service))
		in, _ := s.StdinPipe()
		var out bytes.Buffer
		s.Stdout = &out
		if err := s.Shell(); err != nil {
			t.Fatal(err)
		}
		io.WriteString(in, "echo I am $0; pwd; exit 6\n")
		within(t, "a shell that was told to exit", func() {
			if r := (result{exit: s.Wait()}); r.status() != 6 {
				t.Errorf("%v", r.exit)
			}
		})
		for _, want := range []string{"I am -sh\r\n", service.login.Home + "\r\n", "rc ran in " + service.login.Home} {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%q is not in %q", want, out.String())
			}
		}
	})
}

// TestRcRunsOnceALogin: sshd has run it before tsshd was started, for the first
// session that brings nothing for it to see.
func TestRcRunsOnceALogin(t *testing.T) {
	each(t, func(t *testing.T, open func(service) *ssh.Client) {
		service := testService(t)
		os.Mkdir(inHome(service, ".ssh"), 0o700)
		os.WriteFile(inHome(service, ".ssh/rc"), []byte("echo rc\n"), 0o600)
		first := true
		service.ran = func() bool { defer func() { first = false }(); return first }
		c := open(service)
		for i, want := range []string{"x\n", "rc\nx\n"} {
			if r := command(t, c, "echo x"); r.out != want {
				t.Errorf("session %d: %q, want %q", i+1, r.out, want)
			}
		}
	})
}

func TestForcedCommand(t *testing.T) {
	each(t, func(t *testing.T, open func(service) *ssh.Client) {
		service := testService(t)
		service.policy.ForceCommand = `echo "forced: $SSH_ORIGINAL_COMMAND"`
		service.policy.Subsystems["sftp"] = "/usr/lib/sftp -x"
		c := open(service)
		if r := command(t, c, "rm -rf /tmp/x"); r.out != "forced: rm -rf /tmp/x\n" {
			t.Errorf("exec: %+v", r)
		}
		s := terminal(t, c)
		if err := s.Shell(); err != nil {
			t.Fatal(err)
		}
		s.Wait()
		s, _ = c.NewSession()
		out, _ := s.StdoutPipe()
		if err := s.RequestSubsystem("sftp"); err != nil {
			t.Fatal(err)
		}
		if b, _ := io.ReadAll(out); string(b) != "forced: /usr/lib/sftp -x\n" {
			t.Errorf("subsystem: %q", b)
		}
	})
}

func TestForbidden(t *testing.T) {
	each(t, func(t *testing.T, open func(service) *ssh.Client) {
		service := testService(t)
		service.policy.TTY = false
		service.policy.Agent = false
		service.policy.X11 = false
		service.policy.MaxSessions = 2
		c := open(service)
		s, _ := c.NewSession()
		if err := s.RequestPty("x", 1, 1, nil); err == nil {
			t.Error("got a terminal")
		}
		if err := s.RequestSubsystem("nosuch"); err == nil {
			t.Error("got a subsystem that there isn't")
		}
		for _, kind := range []string{"auth-agent-req@openssh.com", "x11-req", "nosuch"} {
			if ok, _ := s.SendRequest(kind, true, nil); ok {
				t.Errorf("%s was granted", kind)
			}
		}
		other, err := c.NewSession()
		if err != nil {
			t.Fatal(err)
		}
		other.Setenv("LANG", "C") // waits for an answer, so the session stands
		if third, err := c.NewSession(); err == nil {
			if third.Run("true") == nil {
				t.Error("a session more than MaxSessions")
			}
		}
		if out, err := other.Output("echo x"); err != nil || string(out) != "x\n" {
			t.Errorf("%q, %v", out, err)
		}
	})
}

func TestNoShell(t *testing.T) {
	each(t, func(t *testing.T, open func(service) *ssh.Client) {
		service := testService(t)
		service.login.Shell = "/nonexistent/shell"
		c := open(service)
		if r := command(t, c, "true"); r.status() != 1 || !strings.Contains(r.err, "/nonexistent/shell: no such file") {
			t.Errorf("%+v", r)
		}
		s := terminal(t, c)
		out, err := s.Output("true")
		if err == nil || !strings.Contains(string(out), "/nonexistent/shell: no such file") {
			t.Errorf("%q, %v", out, err)
		}
	})
}

func TestMalformedRequests(t *testing.T) {
	each(t, func(t *testing.T, open func(service) *ssh.Client) {
		c := open(testService(t))
		s, _ := c.NewSession()
		for _, kind := range []string{"pty-req", "env", "window-change", "signal", "exec", "subsystem", "x11-req", "break"} {
			for _, payload := range [][]byte{nil, {0, 0, 0, 9, 'x'}, bytes.Repeat([]byte{0xff}, 40)} {
				if ok, err := s.SendRequest(kind, true, payload); ok || err != nil {
					t.Errorf("%s %x: %v, %v", kind, payload, ok, err)
				}
			}
		}
		for _, kind := range []string{"tcpip-forward", "cancel-tcpip-forward", "streamlocal-forward@openssh.com", "cancel-streamlocal-forward@openssh.com", "udp-forward@tssh", "nosuch"} {
			if ok, _, err := c.SendRequest(kind, true, []byte{0, 0, 0, 9, 'x'}); ok || err != nil {
				t.Errorf("%s: %v, %v", kind, ok, err)
			}
		}
		for _, kind := range []string{"direct-tcpip", "direct-streamlocal@openssh.com", "direct-udp@tssh", "nosuch"} {
			ch, _, err := c.OpenChannel(kind, []byte{0, 0, 0, 9, 'x'})
			if err == nil { // a refusal may show late
				if _, err := ch.Read(make([]byte, 1)); err == nil {
					t.Errorf("%s was accepted", kind)
				}
			}
		}
		if out, err := s.Output("echo alive"); string(out) != "alive\n" {
			t.Errorf("%q, %v", out, err)
		}
	})
}
