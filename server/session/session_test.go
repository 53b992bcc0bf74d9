//go:build unix

package session

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/crypto/ssh"

	"tssh/proxy/sshconn"
	"tssh/server/policy"
)

// channel is a client that has sent its requests and no input, and keeps what it gets.
type channel struct {
	requests chan *sshconn.Request

	mu        sync.Mutex
	out, errs bytes.Buffer
	sent      []string // requests of the server's
	ended     bool
}

func (c *channel) Read([]byte) (int, error) { return 0, io.EOF }
func (c *channel) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.out.Write(p)
}
func (c *channel) CloseWrite() error { return nil }
func (c *channel) Interactive()      {}
func (c *channel) Closed() bool      { return true }
func (c *channel) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.ended {
		c.ended = true
		close(c.requests)
	}
	return nil
}
func (c *channel) SendRequest(kind string, _ bool, payload []byte) (bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sent = append(c.sent, kind+" "+string(payload))
	return false, nil
}
func (c *channel) Stderr() sshconn.ReadWriter        { return stderr{c} }
func (c *channel) Requests() <-chan *sshconn.Request { return c.requests }

type stderr struct{ c *channel }

func (s stderr) Read([]byte) (int, error) { return 0, io.EOF }
func (s stderr) Write(p []byte) (int, error) {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	return s.c.errs.Write(p)
}

type request struct {
	kind    string
	payload any
	want    bool
}

// serve gives requests to a session until it ends by itself, and says what each was answered.
func serve(t *testing.T, cfg Config, requests ...request) *channel {
	t.Helper()
	c := &channel{requests: make(chan *sshconn.Request, len(requests))}
	for _, r := range requests {
		c.requests <- sshconn.NewRequest(r.kind, true, ssh.Marshal(r.payload), func(ok bool, _ []byte) error {
			if ok != r.want {
				t.Errorf("%s was answered %v", r.kind, ok)
			}
			return nil
		})
	}
	Serve(c, cfg)
	return c
}

func config(t *testing.T) Config {
	home := t.TempDir()
	return Config{
		Login:  Login{User: "somebody", UID: -1, Home: home, Shell: "/bin/sh", Env: []string{"HOME=" + home, "PATH=" + os.Getenv("PATH")}},
		Policy: policy.Careful(),
	}
}

type text struct{ Text string }

// TestExitStatusComesLast: first all output, then how it ended.
func TestExitStatusComesLast(t *testing.T) {
	c := serve(t, config(t), request{"exec", text{"echo out; echo err >&2; exit 5"}, true})
	if c.out.String() != "out\n" || c.errs.String() != "err\n" || !slices.Equal(c.sent, []string{"exit-status \x00\x00\x00\x05"}) {
		t.Errorf("%q, %q, %q", c.out.String(), c.errs.String(), c.sent)
	}
}

// TestIgnoredSignalsAreHeeded: tsshd was started by nohup, or by a shell's &.
func TestIgnoredSignalsAreHeeded(t *testing.T) {
	if _, err := os.Stat("/proc/self/status"); err != nil {
		t.Skip(err)
	}
	const inside = "TSSH_TEST_IGNORES"
	if os.Getenv(inside) != "" {
		c := serve(t, config(t), request{"exec", text{"grep SigIgn /proc/self/status"}, true})
		os.Stdout.Write(c.out.Bytes())
		return
	}
	cmd := exec.Command("sh", "-c", `trap "" HUP INT QUIT TERM USR1; exec "$0" -test.run='^TestIgnoredSignalsAreHeeded$'`, os.Args[0])
	cmd.Env = append(os.Environ(), inside+"=1")
	if out, err := cmd.CombinedOutput(); err != nil || !regexp.MustCompile(`SigIgn:\t[0-9a-f]{8}[08]0{7}\n`).Match(out) { // those from 32 on are the C library's
		t.Errorf("%v: %s", err, out)
	}
}

func TestHomeIsGone(t *testing.T) {
	cfg := config(t)
	cfg.Login.Home = "/nonexistent/home"
	c := serve(t, cfg, request{"exec", text{"echo here"}, true})
	if c.out.String() != "here\n" || !strings.HasPrefix(c.errs.String(), "Could not chdir to home directory /nonexistent/home: ") {
		t.Errorf("%q, %q", c.out.String(), c.errs.String())
	}
}

func TestOneProgramOnly(t *testing.T) {
	serve(t, config(t),
		request{"env", struct{ Name, Value string }{"LC_ALL", "C"}, true},
		request{"env", struct{ Name, Value string }{"PATH", "/evil"}, false},
		request{"env", struct{ Name, Value string }{"LC_A=B", "C"}, false},
		request{"signal", text{"TERM"}, false}, // to whom?
		request{"exec", text{"true\x00"}, false},
		request{"exec", text{"true"}, true},
		request{"exec", text{"true"}, false},
		request{"shell", text{}, false},
		request{"env", struct{ Name, Value string }{"LC_ALL", "C"}, false},
	)
}

// TestSFTPOnly has an account that may use sftp and nothing else.
func TestSFTPOnly(t *testing.T) {
	cfg := config(t)
	cfg.Policy.ForceCommand = "internal-sftp -R"
	c := serve(t, cfg, request{"exec", text{"cat /etc/passwd"}, true})
	if c.out.Len() != 0 || c.errs.String() != "This service allows sftp connections only.\n" || !slices.Equal(c.sent, []string{"exit-status \x00\x00\x00\x01"}) {
		t.Errorf("%q, %q, %q", c.out.String(), c.errs.String(), c.sent)
	}
	cfg.Policy.Subsystems["sftp"] = "internal-sftp"
	if c := serve(t, cfg, request{"subsystem", text{"sftp"}, true}); c.errs.Len() != 0 || !slices.Equal(c.sent, []string{"exit-status \x00\x00\x00\x00"}) {
		t.Errorf("%q, %q", c.errs.String(), c.sent)
	}
}

func TestMessageOfTheDay(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	service := write("sshd", "# session optional pam_motd.so motd="+write("commented", "no\n")+"\n"+
		"session    optional     pam_motd.so  motd="+dir+"/none:"+write("dynamic", "dynamic\n")+" # why\n"+
		"auth optional pam_motd.so motd="+dir+"/commented\n"+
		"-session optional /lib/security/pam_motd.so noupdate motd_dir="+dir+"/one:"+dir+"/two\n")
	write("one/20-b", "one b\n")
	write("one/30-c", "")
	write("two/20-b", "hidden\n")
	write("two/10-a", "two a")
	if got, want := pamMotd(service), "dynamic\ntwo a\none b\n"; got != want {
		t.Errorf("%q, not %q", got, want)
	}
	if got := pamMotd(dir + "/nosuch"); got != "" {
		t.Errorf("%q", got)
	}
}

// TestXAuthCommandsOfAClient has clients whose protocol or cookie would be lines of
// their own for "xauth -" or for what the user's rc reads (CVE-2016-3115).
func TestXAuthCommandsOfAClient(t *testing.T) {
	type x11 struct {
		Single           bool
		Protocol, Cookie string
		Screen           uint32
	}
	const proto, cookie = "MIT-MAGIC-COOKIE-1", "0123456789abcdef"
	for _, c := range []struct {
		ask  x11
		want bool
	}{
		{x11{false, proto, cookie, 0}, true},
		{x11{true, "", "", 0}, true}, // as sshd
		{x11{false, proto, "00\nsource /etc/passwd\n", 0}, false},
		{x11{false, "a\rextract out :0\r", cookie, 0}, false},
		{x11{false, proto + "\x00", cookie, 0}, false},
		{x11{false, proto, "00 source", 0}, false},
		{x11{false, proto, "00\tx", 0}, false},
		{x11{false, proto, "\"00", 0}, false},
		{x11{false, "$(id)", cookie, 0}, false},
		{x11{false, proto, "\u00e9", 0}, false},
		{x11{false, proto, "\xff", 0}, false},
	} {
		cfg := config(t)
		cfg.Policy.X11 = true
		got := filepath.Join(t.TempDir(), "got")
		cfg.Policy.XAuth = filepath.Join(t.TempDir(), "xauth")
		if err := os.WriteFile(cfg.Policy.XAuth, []byte("#!/bin/sh\ncat >"+got+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
		cfg.X11 = func(X11) (*Display, error) {
			return &Display{Name: "localhost:10.0", Auth: "unix:10.0", Close: func() {}}, nil
		}
		serve(t, cfg, request{"x11-req", c.ask, c.want}, request{"exec", text{"true"}, true})
		text, err := os.ReadFile(got)
		if c.want != (err == nil) || strings.Count(string(text), "\n") > 2 {
			t.Errorf("%q with %q: xauth got %q, %v", c.ask.Protocol, c.ask.Cookie, text, err)
		}
	}
}

func TestEnvironmentHasEachNameOnce(t *testing.T) {
	var e environment
	for _, v := range []string{"A=1", "AB=2", "A=3", "B=", "AB=4"} {
		e.set(v)
	}
	if want := []string{"A=3", "AB=4", "B="}; !slices.Equal(e, want) {
		t.Errorf("%q, not %q", e, want)
	}
}

// FuzzPayloads sends anything as any request but those that start a program.
func FuzzPayloads(f *testing.F) {
	f.Add("pty-req", ssh.Marshal(struct {
		Term       string
		C, R, W, H uint32
		Modes      string
	}{"xterm", 80, 24, 0, 0, "\x01\x00\x00\x00\x03\x00"}))
	f.Add("env", ssh.Marshal(struct{ Name, Value string }{"LC_ALL", "C"}))
	f.Add("x11-req", []byte{1})
	f.Fuzz(func(t *testing.T, kind string, payload []byte) {
		if kind == "exec" || kind == "shell" || kind == "subsystem" {
			return
		}
		c := &channel{requests: make(chan *sshconn.Request, 2)}
		c.requests <- sshconn.NewRequest(kind, true, payload, nil)
		c.requests <- sshconn.NewRequest("window-change", true, payload, nil)
		c.Close()
		Serve(c, Config{Login: Login{Shell: "/bin/sh"}, Policy: policy.Careful()})
		if len(c.sent) != 0 || c.out.Len() != 0 {
			t.Errorf("%s %x: something ran: %q", kind, payload, c.sent)
		}
	})
}
