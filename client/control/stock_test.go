//go:build unix

package control

import (
	"bytes"
	"context"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/crypto/ssh"

	"tssh/client/config"
	"tssh/client/session"
	"tssh/proxy/needs"
)

// stock returns how OpenSSH's ssh is run on the socket at path.
func stock(t *testing.T, path string, args ...string) *exec.Cmd {
	t.Helper()
	needs.Programs(t, "ssh")
	// Without the socket it would connect by itself: not to be.
	args = append([]string{"-F", "none", "-S", path, "-o", "ProxyCommand=false"}, args...)
	return exec.Command("ssh", args...)
}

// withRunner shares with package session running the sessions, as the whole of a
// client does.
func withRunner(t *testing.T) *shared {
	return share(t, func(c *Config) {
		c.Session = func(ctx context.Context, s *Session) (int, error) {
			o := session.Options{
				Command: s.Command, TTY: s.TTY, Stdin: s.Stdin, Stdout: s.Stdout, Stderr: s.Stderr,
				Guest:   &session.Guest{Subsystem: s.Subsystem, Term: s.Term, Env: s.Env, Escape: s.Escape},
				Prepare: func(ssh.Channel) { s.Started() },
			}
			if s.TTY {
				term, err := s.Terminal()
				if err != nil {
					return -1, err
				}
				defer term.Close()
				o.Terminal = term
			}
			return session.Run(ctx, c.Conn, &config.Host{HostName: "somehost"}, o)
		}
	})
}

func TestStockClientRunsCommands(t *testing.T) {
	s := withRunner(t)
	text := strings.Repeat("all of it, once and in order\n", 40000)
	cmd := stock(t, s.path, "-oSendEnv=LC_*", "host", `cat; echo "$LC_A" >&2; exit 44`)
	var out, errs bytes.Buffer
	cmd.Env = append(os.Environ(), "LC_A=permitted")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(text), &out, &errs
	cmd.Run()
	if got := cmd.ProcessState.ExitCode(); got != 44 {
		t.Errorf("status %d, want 44", got)
	}
	if out.String() != text {
		t.Errorf("%d bytes came back of %d", out.Len(), len(text))
	}
	if errs.String() != "permitted\n" {
		t.Errorf("stderr %q", errs.String())
	}
}

func TestStockClientHasATerminal(t *testing.T) {
	s := withRunner(t)
	cmd := stock(t, s.path, "-t", "host", "exit 9")
	cmd.Env = append(os.Environ(), "TERM=vt52")
	f, err := pty.Start(cmd)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	out, _ := io.ReadAll(f)
	cmd.Wait()
	if got := cmd.ProcessState.ExitCode(); got != 9 {
		t.Errorf("status %d, want 9", got)
	}
	if want := "Shared connection to host closed."; strings.TrimSpace(string(out)) != want {
		t.Errorf("screen %q, want %q", out, want)
	}
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	if !slices.Equal(s.server.pty, []string{"vt52"}) {
		t.Errorf("terminals %q", s.server.pty)
	}
}

func TestStockClientResizes(t *testing.T) {
	s := withRunner(t)
	cmd := stock(t, s.path, "-t", "host", "echo ready; read line; exit 9")
	f, err := pty.Start(cmd)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b := make([]byte, 100)
	if n, err := f.Read(b); !strings.HasPrefix(string(b[:n]), "ready") {
		t.Fatalf("screen %q, %v", b[:n], err)
	}
	// Its first output may come before it listens for changes.
	var got [2]uint32
	for cols := uint16(100); got[0] == 0 && cols < 300; cols++ {
		if err := pty.Setsize(f, &pty.Winsize{Cols: cols, Rows: 33}); err != nil {
			t.Fatal(err)
		}
		select {
		case got = <-s.server.sizes:
		case <-time.After(100 * time.Millisecond):
		}
	}
	if got[0] < 100 || got[1] != 33 {
		t.Errorf("the server's terminal is %v", got)
	}
	io.WriteString(f, "\n")
	io.Copy(io.Discard, f)
	cmd.Wait()
	if got := cmd.ProcessState.ExitCode(); got != 9 {
		t.Errorf("status %d, want 9", got)
	}
}

func TestStockClientInProxyMode(t *testing.T) {
	s := withRunner(t)
	text := strings.Repeat("all of it, once and in order\n", 40000)
	for range 3 {
		cmd := stock(t, s.path, "-Oproxy", "host", `cat; echo err >&2; exit 5`)
		var out, errs bytes.Buffer
		cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(text), &out, &errs
		cmd.Run()
		if got := cmd.ProcessState.ExitCode(); got != 5 || errs.String() != "err\n" {
			t.Errorf("status %d, stderr %q", got, errs.String())
		}
		if out.String() != text {
			t.Errorf("%d bytes came back of %d", out.Len(), len(text))
		}
	}
}

// Both ask the same of the same master and must say the same, with the same status.
func TestSameWordsAsStockClient(t *testing.T) {
	for _, name := range []string{"check", "forward", "cancel", "exit", "stop"} {
		t.Run(name, func(t *testing.T) {
			s := withRunner(t)
			theirs := stock(t, s.path, "-O", name, "-L8080:www:80", "-R0:h:1", "host")
			var tout, terr, out, errs bytes.Buffer
			theirs.Stdout, theirs.Stderr = &tout, &terr
			theirs.Run()
			if name == "stop" {
				s = withRunner(t)
			}
			status := Command(t.Context(), Request{
				Path: s.path, Name: name, Stdout: &out, Stderr: &errs,
				Forwards: Forwardings(&config.Host{
					Lent: config.Lent{
						LocalForward:  []config.Forward{{BindPort: 8080, Host: "www", Port: 80}},
						RemoteForward: []config.Forward{{Host: "h", Port: 1}},
					},
				}),
				Errorf: func(format string, args ...any) { t.Logf(format, args...) },
			})
			if want := theirs.ProcessState.ExitCode(); status != want {
				t.Errorf("status %d, want %d", status, want)
			}
			if out.String() != tout.String() {
				t.Errorf("stdout %q, want %q", out.String(), tout.String())
			}
			// Its log names the function in C that complains.
			if name != "cancel" && errs.String() != terr.String() {
				t.Errorf("stderr %q, want %q", errs.String(), terr.String())
			}
		})
	}
}

func TestStockClientForwardsStdio(t *testing.T) {
	s := withRunner(t)
	addr := echoServer(t)
	cmd := stock(t, s.path, "-W", addr, "host")
	var out bytes.Buffer
	text := strings.Repeat("there and back\n", 20000)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(text), &out, os.Stderr
	if err := cmd.Run(); err != nil || out.String() != text {
		t.Errorf("%v; %d bytes came back of %d", err, out.Len(), len(text))
	}
}

// echoServer answers with what it got, once it has got it all.
func echoServer(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				b, _ := io.ReadAll(c)
				c.Write(b)
			}()
		}
	}()
	return l.Addr().String()
}

// stockMaster starts OpenSSH's ssh as a master.
func stockMaster(t *testing.T) (path string, master *exec.Cmd) {
	t.Helper()
	needs.Programs(t, "ssh")
	host, port, _ := net.SplitHostPort(newTestServer(t).listen(t))
	path = filepath.Join(t.TempDir(), "ctl")
	master = exec.Command("ssh", "-F", "none", "-MNn", "-S", path, "-p", port, "-oStrictHostKeyChecking=no",
		"-oUserKnownHostsFile=/dev/null", "-oLogLevel=ERROR", "-oSendEnv=LC_*", host)
	if err := master.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { master.Process.Kill(); master.Wait() })
	for end := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		if _, err := os.Lstat(path); err == nil {
			return path, master
		}
		if time.Now().After(end) {
			t.Fatal("no socket of ssh's")
		}
	}
}

func TestJoinsStockMaster(t *testing.T) {
	path, master := stockMaster(t)
	text := strings.Repeat("all of it, once and in order\n", 40000)
	status, out, errs, err := runOver(t, path, text, GuestSession{
		Command: `cat; echo "$LC_A" >&2; exit 7`, Env: []string{"LC_A=permitted"},
	})
	if status != 7 || err != nil || errs != "permitted\n" {
		t.Errorf("status %d, %v, stderr %q", status, err, errs)
	}
	if out != text {
		t.Errorf("%d bytes came back of %d", len(out), len(text))
	}

	c, err := Dial(path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if pid, err := c.Check(); pid != master.Process.Pid || err != nil {
		t.Errorf("pid %d, %v; want %d", pid, err, master.Process.Pid)
	}
	addr := echoServer(t)
	sock := filepath.Join(t.TempDir(), "forwarded")
	host, port, _ := net.SplitHostPort(addr)
	f := config.Forward{BindPath: sock, Host: host, Port: atoi(port)}
	if _, err := c.Forward(Local, f); err != nil {
		t.Fatal(err)
	}
	conn, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: sock, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(conn, "through theirs")
	conn.CloseWrite()
	if b, err := io.ReadAll(conn); string(b) != "through theirs" || err != nil {
		t.Errorf("forward answered %q, %v", b, err)
	}
	if err := c.Cancel(Local, f); err != nil {
		t.Error(err)
	}

	in, inw := pipe(t)
	outr, outw := pipe(t)
	io.WriteString(inw, "stdio")
	inw.Close()
	w, err := Dial(path)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if err := w.Stdio(t.Context(), host, atoi(port), in, outw); err != nil {
		t.Error(err)
	}
	outw.Close()
	if b, err := io.ReadAll(outr); string(b) != "stdio" || err != nil {
		t.Errorf("stdio forward answered %q, %v", b, err)
	}

	pc, chans, reqs, err := Proxy(path)
	if err != nil {
		t.Fatal(err)
	}
	client := ssh.NewClient(pc, chans, reqs)
	sess, err := client.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	if b, err := sess.Output("echo by proxy"); string(b) != "by proxy\n" || err != nil {
		t.Errorf("proxy: %q, %v", b, err)
	}
	client.Close()

	if err := c.Exit(); err != nil {
		t.Error(err)
	}
	master.Wait()
}

func TestGuestOfStockMasterEndsWithIt(t *testing.T) {
	path, master := stockMaster(t)
	c, err := Dial(path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	in, _ := pipe(t)
	_, out := pipe(t)
	status, err := c.Session(context.Background(), GuestSession{Command: "cat", Stdin: in, Stdout: out, Stderr: out,
		Started: func() func() { master.Process.Kill(); return nil }})
	if status != 255 || err != nil {
		t.Errorf("status %d, %v; want 255", status, err)
	}
}

func atoi(s string) (n int) {
	for _, d := range s {
		n = 10*n + int(d-'0')
	}
	return n
}
