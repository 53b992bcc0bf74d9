package terminfo

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	compiled "tssh/proxy/terminfo"

	"tssh/proxy/needs"
)

// entry is the smallest there is: names and nothing else.
func entry(name string) compiled.Entry {
	b := []byte{0x1a, 1, byte(len(name) + 1), 0, 0, 0, 0, 0, 0, 0, 0, 0}
	return compiled.Entry{Name: name, Data: append(append(b, name...), 0)}
}

// A server is one of a test: it runs commands by a shell of this machine.
type server struct {
	shell   []string
	home    string
	version string
	forced  string // runs whatever is asked for
	full    bool   // opens no session
	mute    string // what it never answers: "open" or "exec"

	mu   sync.Mutex // guards what follows
	runs int
	read int // bytes by commands
}

func newServer(t *testing.T) *server {
	return &server{shell: []string{"/bin/sh", "-c"}, home: t.TempDir(), version: "SSH-2.0-OpenSSH_9.2"}
}

func (s *server) client(t *testing.T) *ssh.Client {
	t.Helper()
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	config := &ssh.ServerConfig{NoClientAuth: true, ServerVersion: s.version}
	config.AddHostKey(signer)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		there, err := l.Accept()
		l.Close()
		if err != nil {
			return
		}
		conn, chans, reqs, err := ssh.NewServerConn(there, config)
		if err != nil {
			return
		}
		defer conn.Close()
		go ssh.DiscardRequests(reqs)
		for c := range chans {
			if s.full {
				c.Reject(ssh.Prohibited, "no more sessions")
			}
			if s.full || s.mute == "open" {
				continue
			}
			serving.Go(func() { s.serve(c) })
		}
	})
	client, err := ssh.Dial("tcp", l.Addr().String(), &ssh.ClientConfig{User: "alice", HostKeyCallback: ssh.FixedHostKey(signer.PublicKey())})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close(); serving.Wait() })
	return client
}

func (s *server) serve(c ssh.NewChannel) {
	ch, reqs, err := c.Accept()
	if err != nil {
		return
	}
	defer ch.Close()
	for r := range reqs {
		if r.Type == s.mute {
			continue
		}
		if r.Type != "exec" {
			r.Reply(false, nil)
			continue
		}
		r.Reply(true, nil)
		go ssh.DiscardRequests(reqs)
		var e struct{ Line string }
		if ssh.Unmarshal(r.Payload, &e) == nil {
			s.exec(ch, e.Line)
		}
		return
	}
}

func (s *server) exec(ch ssh.Channel, line string) {
	s.mu.Lock()
	s.runs++
	s.mu.Unlock()
	if s.forced != "" {
		line = s.forced
	}
	cmd := exec.Command(s.shell[0], append(s.shell[1:], line)...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + s.home}
	cmd.Stdout, cmd.Stderr = ch, ch.Stderr()
	stdin, err := cmd.StdinPipe()
	if err != nil || cmd.Start() != nil {
		return
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer stdin.Close()
		n, _ := io.Copy(stdin, ch)
		s.mu.Lock()
		s.read += int(n)
		s.mu.Unlock()
	}()
	cmd.Wait()
	ch.Close()
	<-done
}

// counts are how many commands ran, and how many bytes they read.
func (s *server) counts() (runs, read int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.runs, s.read
}

func (s *server) has(t *testing.T, e compiled.Entry) bool {
	t.Helper()
	letter, number := compiled.Files(e.Name)
	for _, file := range []string{letter, number} {
		if b, err := os.ReadFile(filepath.Join(s.home, ".terminfo", file)); err == nil {
			return bytes.Equal(b, e.Data)
		}
	}
	return false
}

func of(c *ssh.Client, memory string) Server {
	return Server{Client: c, Key: []byte("its key"), Memory: memory}
}

// The first session after the entry was brought finds it, whatever the login
// shell, and though startup files print. What was there stays.
func TestEveryShell(t *testing.T) {
	for _, shell := range [][]string{
		{"bash", "-c"}, {"zsh", "-c"}, {"fish", "-c"}, {"tcsh", "-c"}, {"csh", "-c"}, {"dash", "-c"}, {"busybox", "ash", "-c"},
	} {
		t.Run(shell[0], func(t *testing.T) {
			t.Parallel()
			needs.Programs(t, shell[0])
			s := newServer(t)
			s.shell = shell
			for _, rc := range []string{".bashrc", ".zshenv", ".config/fish/config.fish", ".cshrc"} {
				path := filepath.Join(s.home, rc)
				if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte("echo 'welcome {tssh:'\n"), 0o600)); err != nil {
					t.Fatal(err)
				}
			}
			c := s.client(t)
			e := entry("x-test+1.0")
			of(c, t.TempDir()).Bring(t.Context(), e)
			if !s.has(t, e) {
				t.Fatal("it is not there")
			}
			left, err := filepath.Glob(filepath.Join(s.home, ".terminfo", ".tssh*"))
			if err != nil || len(left) > 0 {
				t.Errorf("left behind: %v %v", left, err)
			}
			_, read := s.counts()
			other := entry("x-test+1.0")
			other.Data = append(other.Data, 0)
			of(c, t.TempDir()).Bring(t.Context(), other)
			if _, again := s.counts(); !s.has(t, e) || again != read {
				t.Error("what was there was sent again, or replaced")
			}
		})
	}
}

func TestServersAreAskedOnce(t *testing.T) {
	s := newServer(t)
	c, memory := s.client(t), t.TempDir()
	for range 3 {
		of(c, memory).Bring(t.Context(), entry("x-test"))
	}
	if runs, _ := s.counts(); runs != 1 {
		t.Errorf("asked %d times", runs)
	}
	of(c, memory).Bring(t.Context(), entry("x-other"))
	again := of(c, memory)
	again.Key = []byte("the key of a machine that was set up anew")
	again.Bring(t.Context(), entry("x-test"))
	if runs, _ := s.counts(); runs != 3 {
		t.Errorf("another terminal, and another machine: asked %d times in all", runs)
	}
	files, err := os.ReadDir(memory)
	if err != nil || len(files) != 3 {
		t.Fatalf("%v %v", files, err)
	}
	for _, f := range files { // a month later
		old := time.Now().Add(-remember - time.Hour)
		if err := os.Chtimes(filepath.Join(memory, f.Name()), old, old); err != nil {
			t.Fatal(err)
		}
	}
	of(c, memory).Bring(t.Context(), entry("x-test"))
	files, _ = os.ReadDir(memory)
	if runs, _ := s.counts(); runs != 4 || len(files) != 1 {
		t.Errorf("a month later: asked %d times in all, %d files", runs, len(files))
	}
}

// No command runs where one could do harm, or can't be remembered.
func TestServersThatAreNotAsked(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for what, c := range map[string]struct {
		version, memory string
		forced          bool
	}{
		"a router":        {version: "SSH-2.0-Cisco-1.25"},
		"Windows":         {version: "SSH-2.0-OpenSSH_for_Windows_9.5"},
		"a forced key":    {forced: true},
		"no place for it": {memory: filepath.Join(file, "cache")},
	} {
		t.Run(what, func(t *testing.T) {
			s := newServer(t)
			if c.version != "" {
				s.version = c.version
			}
			if c.memory == "" {
				c.memory = t.TempDir()
			}
			to := of(s.client(t), c.memory)
			to.Forced = func(context.Context) bool { return c.forced }
			to.Bring(t.Context(), entry("x-test"))
			if runs, _ := s.counts(); runs != 0 {
				t.Errorf("asked %d times", runs)
			}
		})
	}
}

// A command in the place of ours gets not a byte on its input, even when it
// shows what it was asked for, and is not asked again.
func TestForcedCommandReadsNothing(t *testing.T) {
	s := newServer(t)
	s.forced = "echo '" + strings.ReplaceAll(command(entry("x-test")), "'", "") + "'; echo '{tssh:what}'"
	c, memory := s.client(t), t.TempDir()
	for range 2 {
		of(c, memory).Bring(t.Context(), entry("x-test"))
	}
	if runs, read := s.counts(); runs != 1 || read != 0 {
		t.Errorf("ran %d times and read %d bytes", runs, read)
	}
}

// A server that opens no second session costs the first one nothing.
func TestServerWithOneSession(t *testing.T) {
	s := newServer(t)
	s.full = true
	of(s.client(t), t.TempDir()).Bring(t.Context(), entry("x-test"))
	if runs, _ := s.counts(); runs != 0 {
		t.Errorf("ran %d times", runs)
	}
}

// Nobody waits for longer than was meant for a server that does not answer, whatever
// it was asked, and it is not asked again.
func TestServerThatDoesNotAnswer(t *testing.T) {
	for what, s := range map[string]*server{
		"the opening": {mute: "open"},
		"the request": {mute: "exec"},
		"the command": {forced: "read x"},
	} {
		t.Run(what, func(t *testing.T) {
			s.shell, s.home, s.version = []string{"/bin/sh", "-c"}, t.TempDir(), "SSH-2.0-OpenSSH_9.2"
			c, memory := s.client(t), t.TempDir()
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			done := make(chan struct{})
			go func() { defer close(done); of(c, memory).Bring(ctx, entry("x-test")) }()
			select {
			case <-done:
			case <-time.After(20 * time.Second):
				t.Fatal("the session waits")
			}
			if files, _ := os.ReadDir(memory); len(files) != 1 {
				t.Errorf("remembered: %v", files)
			}
		})
	}
}

// Where the connection ends meanwhile, the next one asks.
func TestLostConnectionIsNoAnswer(t *testing.T) {
	s := newServer(t)
	c, memory := s.client(t), t.TempDir()
	c.Close()
	of(c, memory).Bring(t.Context(), entry("x-test"))
	if files, _ := os.ReadDir(memory); len(files) != 0 {
		t.Errorf("remembered: %v", files)
	}
}

func TestHomesWithoutAPlace(t *testing.T) {
	s := newServer(t)
	if err := os.WriteFile(filepath.Join(s.home, ".terminfo"), []byte("a file"), 0o600); err != nil {
		t.Fatal(err)
	}
	of(s.client(t), t.TempDir()).Bring(t.Context(), entry("x-test"))
	b, _ := os.ReadFile(filepath.Join(s.home, ".terminfo"))
	if _, read := s.counts(); string(b) != "a file" || read != 0 {
		t.Errorf("%q, %d bytes sent", b, read)
	}
}

func TestCommandPassesEveryShell(t *testing.T) {
	line := command(entry(strings.Repeat("x", 64)))
	inner := strings.Split(line, "'")
	if len(inner) != 3 || strings.ContainsAny(line, "!\\\n") {
		t.Errorf("it holds what a shell may change: %s", line)
	}
	if len(inner) == 3 && len(inner[1]) > 1000 {
		t.Errorf("a word of %d bytes is too long for csh", len(inner[1]))
	}
}
