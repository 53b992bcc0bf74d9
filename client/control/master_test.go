//go:build unix

package control

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"tssh/client/config"
)

// shared is a master of ours on a login to a testServer.
type shared struct {
	*Master
	path     string
	server   *testServer
	forwards recorder
}

// recorder is forwards that exist on paper.
type recorder struct {
	mu   sync.Mutex
	open []string
}

func (r *recorder) Add(_ context.Context, k Kind, f config.Forward) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if f.BindPort == 1 {
		return 0, errors.New("taken")
	}
	r.open = append(r.open, describe(k, f))
	return 4711, nil
}

func (r *recorder) Has(k Kind, f config.Forward) (int, bool) {
	return 4711, slices.Contains(r.list(), describe(k, f))
}

func (r *recorder) Cancel(k Kind, f config.Forward) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	i := slices.Index(r.open, describe(k, f))
	if i < 0 {
		return errors.New("unknown")
	}
	r.open = slices.Delete(r.open, i, i+1)
	return nil
}

func (r *recorder) list() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.open)
}

func share(t *testing.T, change func(*Config)) *shared {
	t.Helper()
	s := &shared{server: newTestServer(t), path: filepath.Join(t.TempDir(), "ctl")}
	client := s.server.dial(t)
	cfg := Config{
		Conn:      client.Conn,
		Forwards:  &s.forwards,
		PermitEnv: func(name string) bool { return strings.HasPrefix(name, "LC_") },
		Host:      "somehost",
		Logf:      t.Logf,
		Session: func(ctx context.Context, p *Session) (int, error) {
			return runSession(ctx, client, p)
		},
	}
	if change != nil {
		change(&cfg)
	}
	m, err := Listen(s.path, cfg)
	if err != nil {
		t.Fatal(err)
	}
	s.Master = m
	done := make(chan struct{})
	go func() {
		defer close(done)
		m.Serve(context.Background())
	}()
	t.Cleanup(func() { m.Close(); <-done })
	return s
}

// runSession is the least that runs a session.
func runSession(ctx context.Context, c *ssh.Client, p *Session) (int, error) {
	s, err := c.NewSession()
	if err != nil {
		return -1, err
	}
	defer s.Close()
	stop := context.AfterFunc(ctx, func() { s.Close() })
	defer stop()
	if p.TTY {
		if err := s.RequestPty(p.Term, 24, 80, nil); err != nil {
			p.NoTerminal()
		}
	}
	for _, kv := range p.Env {
		name, value, _ := strings.Cut(kv, "=")
		s.Setenv(name, value)
	}
	s.Stdout, s.Stderr = p.Stdout, p.Stderr
	in, err := s.StdinPipe()
	if err != nil {
		return -1, err
	}
	if err := s.Start(p.Command); err != nil {
		return -1, err
	}
	p.Started()
	go func() {
		io.Copy(in, struct{ io.Reader }{p.Stdin})
		in.Close()
	}()
	err = s.Wait()
	var failed *ssh.ExitError
	if errors.As(err, &failed) {
		return failed.ExitStatus(), nil
	}
	if err != nil {
		return -1, err
	}
	return 0, nil
}

// runOver runs command as a guest and returns what it wrote.
func runOver(t *testing.T, path, stdin string, p GuestSession) (status int, stdout, stderr string, err error) {
	t.Helper()
	c, err := Dial(path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	in, inw := pipe(t)
	outr, out := pipe(t)
	errr, errw := pipe(t)
	p.Stdin, p.Stdout, p.Stderr, p.Escape = in, out, errw, -1
	go func() {
		io.WriteString(inw, stdin)
		inw.Close()
	}()
	var wg sync.WaitGroup
	var ob, eb bytes.Buffer
	wg.Go(func() { io.Copy(&ob, outr) })
	wg.Go(func() { io.Copy(&eb, errr) })
	status, err = c.Session(t.Context(), p)
	in.Close()
	out.Close()
	errw.Close()
	wg.Wait()
	return status, ob.String(), eb.String(), err
}

func pipe(t *testing.T) (r, w *os.File) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(); w.Close() })
	return r, w
}

func TestGuestGetsItsBytesAndItsStatus(t *testing.T) {
	s := share(t, nil)
	text := strings.Repeat("all of it, once and in order\n", 40000)
	status, out, errs, err := runOver(t, s.path, text, GuestSession{
		Command: `cat; echo "$LC_A $PATH2" >&2; exit 7`,
		Env:     []string{"LC_A=permitted", "PATH2=not"},
	})
	if err != nil || status != 7 {
		t.Errorf("status %d, %v; want 7", status, err)
	}
	if out != text {
		t.Errorf("%d bytes came back of %d", len(out), len(text))
	}
	if errs != "permitted \n" {
		t.Errorf("stderr %q", errs)
	}
}

func TestGuestMayFallBackWhenRefused(t *testing.T) {
	asked := ""
	s := share(t, func(c *Config) { c.Confirm = func(q string) bool { asked = q; return false } })
	_, _, _, err := runOver(t, s.path, "", GuestSession{Command: "true"})
	if err == nil || err.Error() != "Master refused session request: Permission denied" {
		t.Errorf("refused session: %v", err)
	}
	if want := "Allow shared connection to somehost? "; asked != want {
		t.Errorf("asked %q, want %q", asked, want)
	}
}

// A shell's terminal must not lose a key to a session that is over.
func TestNothingIsReadAfterTheSession(t *testing.T) {
	s := share(t, nil)
	c, err := Dial(s.path)
	if err != nil {
		t.Fatal(err)
	}
	in, inw := pipe(t)
	_, out := pipe(t)
	status, err := c.Session(t.Context(), GuestSession{Command: "exit 3", Stdin: in, Stdout: out, Stderr: out, Escape: -1})
	if status != 3 || err != nil {
		t.Fatalf("status %d, %v", status, err)
	}
	if _, err := inw.WriteString("for the shell"); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 64)
	n, err := in.Read(b)
	if string(b[:n]) != "for the shell" {
		t.Errorf("read %q, %v", b[:n], err)
	}
}

func TestClientGoneEndsItsCommand(t *testing.T) {
	s := share(t, nil)
	c, err := Dial(s.path)
	if err != nil {
		t.Fatal(err)
	}
	in, _ := pipe(t)
	outr, out := pipe(t)
	ctx, cancel := context.WithCancel(t.Context())
	started := make(chan struct{})
	go func() {
		<-started
		cancel()
	}()
	status, err := c.Session(ctx, GuestSession{Command: "cat", Stdin: in, Stdout: out, Stderr: out, Escape: -1,
		Started: func() func() { close(started); return nil }})
	if status != 255 || err != nil {
		t.Errorf("status %d, %v; want 255", status, err)
	}
	out.Close()
	// Only the master still holds the other end, so this ends when it lets go.
	if b, err := io.ReadAll(outr); len(b) > 0 || err != nil {
		t.Errorf("read %q, %v", b, err)
	}
	if err := s.Wait(t.Context(), 0); err != nil {
		t.Error(err)
	}
}

func TestForwardsAreAskedForAndTakenBack(t *testing.T) {
	s := share(t, nil)
	c, err := Dial(s.path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, f := range []struct {
		k Kind
		f config.Forward
		s string
	}{
		{Local, config.Forward{BindPort: 8080, Host: "www", Port: 80}, "local forward LOCALHOST:8080 -> www:80"},
		{Local, config.Forward{BindPath: "/a", Path: "/b"}, "local forward /a -> /b"},
		{Dynamic, config.Forward{BindAddress: "*", BindPort: 1080}, "dynamic forward *:1080 -> *"},
		{Remote, config.Forward{BindPort: 0, Host: "h", Port: 1}, "remote forward LOCALHOST:0 -> h:1"},
		{Remote, config.Forward{BindPort: 99}, "remote forward LOCALHOST:99 -> *"},
	} {
		port, err := c.Forward(f.k, f.f)
		if err != nil {
			t.Errorf("%s: %v", f.s, err)
		}
		if want := f.k == Remote && f.f.BindPort == 0; (port == 4711) != want {
			t.Errorf("%s: port %d", f.s, port)
		}
		if again, err := c.Forward(f.k, f.f); err != nil || again != port {
			t.Errorf("%s again: port %d, %v", f.s, again, err)
		}
		if got := s.forwards.list(); !slices.Equal(got, []string{f.s}) {
			t.Errorf("open %q, want %q", got, f.s)
		}
		if err := c.Cancel(f.k, f.f); err != nil {
			t.Errorf("cancel %s: %v", f.s, err)
		}
		if err := c.Cancel(f.k, f.f); err == nil || err.Error() != "port not forwarded" {
			t.Errorf("cancel twice: %v", err)
		}
	}
	if _, err := c.Forward(Local, config.Forward{BindPort: 1, Host: "h", Port: 1}); err == nil ||
		err.Error() != "Port forwarding failed" {
		t.Errorf("a port that is taken: %v", err)
	}
}

func TestSocketIsForItsUserAlone(t *testing.T) {
	s := share(t, nil)
	info, err := os.Lstat(s.path)
	if err != nil || info.Mode() != os.ModeSocket|0o600 {
		t.Errorf("socket is %v, %v", info.Mode(), err)
	}
	names, _ := filepath.Glob(s.path + "*")
	if len(names) != 1 {
		t.Errorf("left behind: %q", names)
	}
}

func TestSecondMasterLeavesTheFirstAlone(t *testing.T) {
	s := share(t, nil)
	_, err := Listen(s.path, Config{})
	if !errors.Is(err, ErrInUse) || err.Error() != "ControlSocket "+s.path+" already exists, disabling multiplexing" {
		t.Errorf("second master: %v", err)
	}
	c, err := Dial(s.path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if pid, err := c.Check(); pid != os.Getpid() || err != nil {
		t.Errorf("pid %d, %v", pid, err)
	}
}

func TestStaleSocketIsReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ctl")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
	var why *DialError
	if _, err := Dial(path); !errors.As(err, &why) || !why.Stale() ||
		err.Error() != "Control socket connect("+path+"): Connection refused" {
		t.Errorf("dial a stale socket: %v", err)
	}
	m, err := Listen(path, Config{})
	if err != nil {
		t.Fatal(err)
	}
	m.Close()
	if _, err := os.Lstat(path); !os.IsNotExist(err) {
		t.Errorf("socket is still there: %v", err)
	}
	if _, err := Dial(path); !errors.As(err, &why) || !why.Absent() ||
		err.Error() != "Control socket connect("+path+"): No such file or directory" {
		t.Errorf("dial no socket: %v", err)
	}
}

func TestOrdinaryFileIsNotReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ctl")
	if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(path, Config{}); !errors.Is(err, ErrInUse) {
		t.Errorf("listen: %v", err)
	}
	if b, _ := os.ReadFile(path); string(b) != "precious" {
		t.Error("the file is gone")
	}
}

func TestStopLetsClientsFinish(t *testing.T) {
	s := share(t, nil)
	c, err := Dial(s.path)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Stop(); err != nil {
		t.Fatal(err)
	}
	var why *DialError
	if _, err := Dial(s.path); !errors.As(err, &why) || !why.Absent() {
		t.Errorf("dial after stop: %v", err)
	}
	if _, err := c.Check(); err != nil {
		t.Errorf("the client that was there: %v", err)
	}
	c.Close()
	// For ever, but for the stop.
	if err := s.Wait(t.Context(), -1); err != nil {
		t.Error(err)
	}
}

func TestExitIsAnnounced(t *testing.T) {
	s := share(t, nil)
	c, err := Dial(s.path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Exit(); err != nil {
		t.Fatal(err)
	}
	<-s.Exited()
	if err := s.Wait(t.Context(), -1); err != nil {
		t.Error(err)
	}
}

func TestMalformedMessagesEndOneClientOnly(t *testing.T) {
	s := share(t, nil)
	for _, b := range [][]byte{
		{0xff, 0xff, 0xff, 0xff, 0, 0, 0, 1},
		{0, 0, 0, 0},
		{0, 0, 0, 4, 0x10, 0, 0, 4},
		append([]byte{0, 0, 0, 12}, ssh.Marshal(request{Type: cNewSession, Rest: []byte{1, 2, 3, 4}})...),
		append([]byte{0, 0, 0, 12}, ssh.Marshal(request{Type: cOpenFwd, Rest: []byte{1, 2, 3, 4}})...),
	} {
		c, err := net.Dial("unix", s.path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := greet(c, nil); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Write(b); err != nil {
			t.Fatal(err)
		}
		c.SetReadDeadline(time.Now().Add(time.Minute))
		if n, err := c.Read(make([]byte, 1)); n != 0 || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("% x: answered %d bytes, %v", b, n, err)
		}
		c.Close()
	}
	if status, _, _, err := runOver(t, s.path, "", GuestSession{Command: "exit 5"}); status != 5 || err != nil {
		t.Errorf("the next client: %d, %v", status, err)
	}
}

func FuzzForward(f *testing.F) {
	f.Add(ssh.Marshal(forward{Kind: 1, ListenPort: 1, ConnectHost: "h", ConnectPort: 2}))
	f.Add(ssh.Marshal(forward{Kind: 3, ListenPort: 0x3030, ConnectPort: 0x3030})) // a port of no host
	f.Fuzz(func(t *testing.T, b []byte) {
		var w forward
		if parse(b, &w) != nil {
			return
		}
		k, fw, err := fromWire(w)
		if err != nil {
			return
		}
		// What came through is what a client of ours would ask for.
		k2, fw2, err := fromWire(toWire(k, fw))
		if err != nil || k2 != k || fw2 != fw {
			t.Errorf("%v %+v became %v %+v, %v", k, fw, k2, fw2, err)
		}
	})
}

// TestMasterTellsOfItsConnection: in the very bytes that OpenSSH 10.6 exchanges.
func TestMasterTellsOfItsConnection(t *testing.T) {
	s := share(t, func(c *Config) {
		c.Info = func(about string) []string {
			if about != "connection" {
				return nil
			}
			return []string{"cipher none", "mac none"}
		}
	})
	c, err := net.Dial("unix", s.path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, step := range []struct{ send, want string }{
		{"\x00\x00\x00\x08\x00\x00\x00\x01\x00\x00\x00\x04", "\x00\x00\x00\x15\x00\x00\x00\x01\x00\x00\x00\x04\x00\x00\x00\x04info\x00\x00\x00\x010"},
		{"\x00\x00\x00\x16\x20\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x0aconnection", "\x00\x00\x00\x27\x90\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x17cipher none\r\nmac none\r\n"},
	} {
		io.WriteString(c, step.send)
		got := make([]byte, len(step.want))
		if _, err := io.ReadFull(c, got); err != nil || string(got) != step.want {
			t.Errorf("to %q: %q, %v; want %q", step.send, got, err, step.want)
		}
	}
	for name, want := range map[string]string{"conninfo": "cipher none\r\nmac none\r\n", "channels": "info request type not supported"} {
		var said bytes.Buffer
		Command(t.Context(), Request{Path: s.path, Name: name, Stdout: &said, Stderr: &said,
			Errorf: func(format string, args ...any) { fmt.Fprintf(&said, format, args...) }})
		if said.String() != want {
			t.Errorf("-O %s said %q", name, said.String())
		}
	}
}
