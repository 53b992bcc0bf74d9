//go:build unix

package session

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"tssh/proxy/sshconn"
	"tssh/proxy/terms"
)

// client is the far end of one channel, and can be lost, hang, and close.
type client struct {
	requests chan *sshconn.Request
	in       *io.PipeReader
	keys     *io.PipeWriter
	served   chan struct{} // closed when Serve has returned

	mu     sync.Mutex
	moved  sync.Cond
	out    bytes.Buffer
	sent   []string
	stuck  bool // takes nothing
	mute   bool // answers no close
	closed bool // politely
	over   bool
}

func (c *client) Read(p []byte) (int, error) { return c.in.Read(p) }
func (c *client) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.stuck && !c.over {
		c.moved.Wait()
	}
	if c.over {
		return 0, io.EOF
	}
	c.moved.Broadcast()
	return c.out.Write(p)
}
func (c *client) CloseWrite() error { return nil }
func (c *client) Interactive()      {}
func (c *client) Closed() bool      { c.mu.Lock(); defer c.mu.Unlock(); return c.closed }
func (c *client) Close() error {
	c.mu.Lock()
	mute := c.mute
	c.mu.Unlock()
	if !mute {
		c.end(true)
	}
	return nil
}
func (c *client) end(politely bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.over {
		c.over, c.closed = true, politely
		c.keys.Close()
		close(c.requests)
		c.moved.Broadcast()
	}
}
func (c *client) SendRequest(kind string, _ bool, payload []byte) (bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sent = append(c.sent, kind+" "+string(payload))
	return false, nil
}
func (c *client) Stderr() sshconn.ReadWriter        { return nil }
func (c *client) Requests() <-chan *sshconn.Request { return c.requests }

// see waits until the client was shown text.
func (c *client) see(t *testing.T, text string) {
	t.Helper()
	late := time.AfterFunc(time.Minute, func() { c.end(false) })
	defer late.Stop()
	c.mu.Lock()
	defer c.mu.Unlock()
	for !bytes.Contains(c.out.Bytes(), []byte(text)) {
		if c.over {
			t.Fatalf("%q is not in %q; %q", text, c.out.String(), c.sent)
		}
		c.moved.Wait()
	}
}

// ask sends a request and returns the answer.
func (c *client) ask(kind string, payload any) bool {
	answer := make(chan bool, 1)
	c.requests <- sshconn.NewRequest(kind, true, ssh.Marshal(payload), func(ok bool, _ []byte) error {
		answer <- ok
		return nil
	})
	return <-answer
}

func (c *client) wait(t *testing.T) {
	t.Helper()
	select {
	case <-c.served:
	case <-time.After(time.Minute):
		t.Fatal("the channel is still served")
	}
}

type ptyRequest struct {
	Term       string
	C, R, W, H uint32
	Modes      string
}

func visit(t *testing.T, cfg Config) *client { return visitOf(t, cfg, 80, 24) }

func visitOf(t *testing.T, cfg Config, cols, rows uint32) *client {
	c := &client{requests: make(chan *sshconn.Request), served: make(chan struct{})}
	c.in, c.keys = io.Pipe()
	c.moved.L = &c.mu
	go func() {
		Serve(c, cfg)
		close(c.served)
	}()
	t.Cleanup(func() { c.end(true); c.wait(t) })
	if !c.ask("pty-req", ptyRequest{"xterm", cols, rows, 0, 0, ""}) {
		t.Fatal("no terminal")
	}
	return c
}

const shell = `stty -echo; echo ready; while read x; do case $x in quit) exit 7;; size) stty size;; *) echo "got $x";; esac; done`

func kept(t *testing.T) Config {
	cfg := config(t)
	cfg.Policy.TTY = true
	cfg.Programs, cfg.Keep = new(Programs), 1<<20
	t.Cleanup(func() {
		cfg.Programs.End()
		if n := len(cfg.Programs.List()); n != 0 {
			t.Errorf("%d programs are left", n)
		}
	})
	return cfg
}

// TestProgramOutlivesClient: one is lost, the next finds the screen and goes on,
// leaves by itself, and a third one sees the end.
func TestProgramOutlivesClient(t *testing.T) {
	cfg := kept(t)
	first := visit(t, cfg)
	if !first.ask("exec", text{shell}) {
		t.Fatal("exec")
	}
	first.see(t, "ready")
	first.end(false)
	first.wait(t)

	second := visit(t, cfg)
	if !second.ask(terms.AttachRequest, struct{ ID uint32 }{0}) {
		t.Fatal("attach")
	}
	second.see(t, "ready")
	io.WriteString(second.keys, "one\n")
	second.see(t, "got one")
	if d := cfg.Programs.List()[0].Describe(); d.Cols != 80 || d.Rows != 24 || !strings.HasPrefix(d.Command, "stty") {
		t.Errorf("%+v", d)
	}
	if !second.ask("window-change", struct{ C, R, W, H uint32 }{100, 30, 0, 0}) {
		t.Error("window-change")
	}
	io.WriteString(second.keys, "size\n")
	second.see(t, "30 100")
	if !second.ask(terms.DetachRequest, text{}) {
		t.Error("detach")
	}
	second.wait(t)
	if want := []string{"exit-status \x00\x00\x00\x00"}; !slices.Equal(second.sent, want) {
		t.Errorf("%q", second.sent)
	}

	third := visitOf(t, cfg, 0, 0) // -tt, without a terminal: there is no size to take
	third.ask(terms.AttachRequest, struct{ ID uint32 }{cfg.Programs.List()[0].ID()})
	third.see(t, "got one")
	io.WriteString(third.keys, "size\n")
	third.see(t, "\x1b[?2026l30 100\r\n")
	io.WriteString(third.keys, "quit\n")
	third.wait(t)
	if want := []string{"exit-status \x00\x00\x00\x07"}; !slices.Equal(third.sent, want) {
		t.Errorf("%q", third.sent)
	}
	if n := len(cfg.Programs.List()); n != 0 {
		t.Errorf("%d programs are kept of which the client knows the end", n)
	}
}

// TestLastWordsWait of a program that ends while nobody is there, or while who is there
// hears no more of it.
func TestLastWordsWait(t *testing.T) {
	for name, gone := range map[string]func(*client){
		"nobody": func(c *client) { c.ask(terms.DetachRequest, text{}); c.wait(t) },
		"lost":   func(c *client) { c.end(false) },
		"silent": func(c *client) { c.mu.Lock(); c.mute = true; c.mu.Unlock() },
	} {
		t.Run(name, func(t *testing.T) {
			cfg := kept(t)
			file := filepath.Join(t.TempDir(), "go")
			first := visit(t, cfg)
			first.ask("exec", text{"echo first; until [ -e " + file + " ]; do sleep .05; done; echo last words; exit 7"})
			first.see(t, "first")
			gone(first)
			if err := os.WriteFile(file, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			p := cfg.Programs.List()[0]
			select {
			case <-p.exited:
			case <-time.After(time.Minute):
				t.Fatal("the program does not end")
			}
			if name == "silent" {
				first.see(t, "last words") // as far as we know
				first.end(false)
			}
			first.wait(t)
			if d := p.Describe(); d.Ended.IsZero() || d.Status != 7 || d.Signal != "" || d.Joined {
				t.Errorf("%+v", d)
			}
			for _, mute := range []bool{true, false} { // the second one is told again
				next := visit(t, cfg)
				next.mute = mute
				if !next.ask(terms.AttachRequest, struct{ ID uint32 }{}) {
					t.Fatal("attach")
				}
				next.see(t, "last words")
				if mute {
					<-p.output.Join(io.Discard, nil, false).Done() // behind it
					next.end(false)
				}
				next.wait(t)
				if want := "exit-status \x00\x00\x00\x07"; !mute && !slices.Equal(next.sent, []string{want}) {
					t.Errorf("%q", next.sent)
				}
			}
			if n := len(cfg.Programs.List()); n != 0 {
				t.Errorf("%d programs are left", n)
			}
		})
	}
}

// TestTerminalIsTakenOver from a client that is there, and from one that takes
// nothing any more.
func TestTerminalIsTakenOver(t *testing.T) {
	cfg := kept(t)
	first := visit(t, cfg)
	first.ask("exec", text{shell})
	first.see(t, "ready")
	cfg.Client = "second"
	second := visit(t, cfg)
	second.ask(terms.AttachRequest, struct{ ID uint32 }{})
	second.see(t, "ready")
	first.wait(t)
	if want := []string{"taken@tssh \x00\x00\x00\x06second", "exit-status \x00\x00\x00\x00"}; !slices.Equal(first.sent, want) {
		t.Errorf("%q", first.sent)
	}
	second.mu.Lock()
	second.stuck = true
	second.mu.Unlock()
	io.WriteString(second.keys, "stuck\n")
	time.Sleep(50 * time.Millisecond)
	third := visit(t, cfg)
	third.ask(terms.AttachRequest, struct{ ID uint32 }{})
	third.see(t, "got stuck")
	second.wait(t)
}

// TestPoliteEndHangsUp, and leaves nothing.
func TestPoliteEndHangsUp(t *testing.T) {
	cfg := kept(t)
	c := visit(t, cfg)
	c.ask("exec", text{shell})
	c.see(t, "ready")
	c.end(true)
	c.wait(t)
	if n := len(cfg.Programs.List()); n != 0 {
		t.Errorf("%d programs", n)
	}
	if visit(t, cfg).ask(terms.AttachRequest, struct{ ID uint32 }{}) {
		t.Error("attached to nothing")
	}
}

// TestEndedFromOutside: the client that has the terminal is told.
func TestEndedFromOutside(t *testing.T) {
	cfg := kept(t)
	c := visit(t, cfg)
	c.ask("exec", text{shell})
	c.see(t, "ready")
	cfg.Programs.End()
	c.wait(t)
	if len(c.sent) != 1 || !strings.HasPrefix(c.sent[0], "exit-signal \x00\x00\x00\x03HUP") {
		t.Errorf("%q", c.sent)
	}
}

// TestAttachNeedsTerminal: who may have none, or run one command only, gets none
// by another's.
func TestAttachNeedsTerminal(t *testing.T) {
	cfg := kept(t)
	c := visit(t, cfg)
	c.ask("exec", text{shell})
	c.see(t, "ready")
	forced := cfg
	policy := *cfg.Policy
	policy.ForceCommand = "true"
	forced.Policy = &policy
	if visit(t, forced).ask(terms.AttachRequest, struct{ ID uint32 }{}) {
		t.Error("a forced command attached")
	}
	serve(t, cfg, request{terms.AttachRequest, struct{ ID uint32 }{}, false}, request{"exec", text{"true"}, true}) // without pty-req
	serve(t, config(t), request{terms.AttachRequest, struct{ ID uint32 }{}, false}, request{terms.DetachRequest, text{}, false}, request{"exec", text{"true"}, true})
}

// TestDisplayOfTheNewClient: the program keeps its display, at which its programs prove
// themselves by the new client's cookie; the number that was asked for in vain is free.
func TestDisplayOfTheNewClient(t *testing.T) {
	defer func(usual time.Duration) { proving = usual }(proving)
	proving = time.Minute // a machine may be slow
	cfg := kept(t)
	cfg.Policy.X11 = true
	said := filepath.Join(t.TempDir(), "said")
	cfg.Policy.XAuth = filepath.Join(t.TempDir(), "xauth")
	if err := os.WriteFile(cfg.Policy.XAuth, []byte("#!/bin/sh\nsleep .3; cat >>"+said+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	number, closed := 9, make(chan string, 4)
	cfg.X11 = func(X11) (*Display, error) {
		number++
		name := fmt.Sprintf("unix:%d.0", number)
		return &Display{Name: name, Auth: name, Close: func() { closed <- name }}, nil
	}
	type x11 struct {
		Single           bool
		Protocol, Cookie string
		Screen           uint32
	}
	first := visit(t, cfg)
	if !first.ask("x11-req", x11{false, "MIT-MAGIC-COOKIE-1", "aa", 0}) || !first.ask("exec", text{shell}) {
		t.Fatal("refused")
	}
	first.see(t, "ready")
	first.end(false)
	first.wait(t)
	second := visit(t, cfg)
	if !second.ask("x11-req", x11{false, "MIT-MAGIC-COOKIE-1", "bb", 0}) || !second.ask(terms.AttachRequest, struct{ ID uint32 }{0}) {
		t.Fatal("refused")
	}
	b, _ := os.ReadFile(said) // at once
	second.see(t, "ready")
	second.end(false)
	second.wait(t)
	if got := <-closed; got != "unix:11.0" {
		t.Errorf("%s was closed", got)
	}
	if want := "add unix:10.0 MIT-MAGIC-COOKIE-1 bb"; !strings.Contains(string(b), want) || strings.Contains(string(b), "unix:11") {
		t.Errorf("xauth got %q, not %q", b, want)
	}
}
