//go:build unix

package server

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"tssh/proxy"
	"tssh/proxy/leak"
	"tssh/proxy/mux"
	"tssh/proxy/sshconn"
	"tssh/proxy/terms"
	"tssh/proxy/wire"
)

// TestMain lets this program be tsshd, as it is when tsshd starts itself.
func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == "tsshd" {
		os.Exit(Main(os.Args[1:]))
	}
	leak.Main(m)
}

// tsshd is the command that a login runs.
func tsshd(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Args = append([]string{"tsshd"}, args...)
	home := t.TempDir()
	cmd.Env = []string{"HOME=" + home, "PATH=" + os.Getenv("PATH"), "LOGNAME=somebody", "SSH_CONNECTION=192.0.2.1 5 192.0.2.2 22", "SSH_AUTH_SOCK=/tmp/ssh-x/agent.1", "KEPT=1", "SHLVL=7"}
	return cmd
}

// started is a tsshd that was offered to and has greeted.
type started struct {
	terms.Greeting
	identity *mux.Identity
	word     string
	output   string
}

func offered(t *testing.T, o terms.Offer, prepare func(*exec.Cmd)) started {
	t.Helper()
	return offeredBy(t, newIdentity(t), o, prepare)
}

func offeredBy(t *testing.T, identity *mux.Identity, o terms.Offer, prepare func(*exec.Cmd)) started {
	t.Helper()
	s := started{identity: identity}
	o.ClientPin, o.Ports = s.identity.Pin(), testPorts
	s.word = o.String()
	cmd := tsshd(t, "--offer", s.word)
	if prepare != nil {
		prepare(cmd)
	}
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	// The output ends with the command, though the server lives on: it has let go.
	within(t, "tsshd --offer", func() {
		if err := cmd.Run(); err != nil {
			t.Errorf("%v: %s", err, errs.String())
		}
	})
	g, found, err := terms.FindGreeting(out.Bytes())
	if err != nil || !found {
		t.Fatalf("%q: %v", out.String(), err)
	}
	s.Greeting, s.output = g, out.String()
	t.Cleanup(func() {
		if t.Failed() {
			syscall.Kill(g.PID, syscall.SIGKILL)
		}
	})
	return s
}

// gone waits until the server has ended.
func (s started) gone(t *testing.T) {
	t.Helper()
	eventually(t, "tsshd ends", func() bool {
		// Nobody may reap it where the tests run; a zombie is gone.
		stat, err := os.ReadFile("/proc/" + strconv.Itoa(s.PID) + "/stat")
		return syscall.Kill(s.PID, 0) != nil || err == nil && strings.Contains(string(stat), ") Z ")
	})
	if s.Relay != "" {
		if _, err := os.Stat(filepath.Dir(s.Relay)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is left behind", s.Relay)
		}
	}
}

func TestOffered(t *testing.T) {
	s := offered(t, terms.Offer{Transport: "quic"}, nil)
	c := dialGreeting(t, s.Greeting, s.identity, "quic", wire.Auto)
	r := command(t, c.Client, "env; pwd")
	env := lines(r.out)
	for _, want := range []string{"SSH_CONNECTION=192.0.2.1 5 192.0.2.2 22", "KEPT=1", "LOGNAME=somebody"} {
		if !has(env, want) {
			t.Errorf("%s is not in %q", want, env)
		}
	}
	if strings.Contains(r.out, "SSH_AUTH_SOCK") || strings.Contains(r.out, "SHLVL=7") {
		t.Errorf("what belonged to the login's command is there: %q", env)
	}
	c.Close()
	c.mux.Close()
	s.gone(t)
}

// TestFirstWordsAreAnswered in the greeting, when they are QUIC's and come with an
// offer of QUIC; no program of the session finds them in its environment. Others
// change nothing.
func TestFirstWordsAreAnswered(t *testing.T) {
	identity, early := newIdentity(t), proxy.NewEarly()
	early.Patience = time.Minute
	begun := mux.Begin(early, early.Peer(), mux.Config{Identity: identity})
	said := early.Said()
	with := func(word string) func(*exec.Cmd) {
		return func(cmd *exec.Cmd) { cmd.Env = append(cmd.Env, terms.HelloVariable+"="+word) }
	}
	s := offeredBy(t, identity, terms.Offer{Transport: "quic", Bulk: true, Halves: true}, with(terms.HelloWord(said)))
	if !s.Bulk || !s.Halves {
		t.Errorf("bulk %v, halves %v were agreed on", s.Bulk, s.Halves)
	}
	if alone := offeredBy(t, identity, terms.Offer{Transport: "quic", Bulk: true}, func(*exec.Cmd) {}); alone.Bulk {
		t.Error("bulk was agreed on with who can't join halves")
	}
	if len(s.Hello) == 0 {
		t.Fatal("no answer")
	}
	pc, err := proxy.Dial(context.Background(), proxy.ClientConfig{Secret: s.Secret, Transport: "quic", Early: early,
		Servers: []netip.AddrPort{netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(s.Port))}})
	if err != nil {
		t.Fatal(err)
	}
	defer pc.Close()
	soon := func() context.Context {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		t.Cleanup(cancel)
		return ctx
	}
	begun.Tell(s.ServerPin)
	early.Hear(s.Hello)
	m, err := begun.Finish(soon(), pc.BulkPeer())
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Confirmed(soon()); err != nil {
		t.Error(err)
	}
	c := ssh.NewClient(sshconn.Client(m, sshconn.Meta{User: "me"}))
	if r := command(t, c, "env"); strings.Contains(r.out, terms.HelloVariable) {
		t.Errorf("%q", r.out)
	}
	c.Close()
	m.Close()
	s.gone(t)

	for _, o := range []struct {
		transport wire.Transport
		word      string
	}{
		{"kcp", terms.HelloWord(said)},
		{"quic", ""},
		{"quic", "%%%"},
		{"quic", terms.HelloWord(make([]byte, terms.MaxHello+1))},
		{"quic", terms.HelloWord([]byte("neither frames nor QUIC's"))},
	} {
		s := offered(t, terms.Offer{Transport: o.transport}, with(o.word))
		if len(s.Hello) > 0 {
			t.Errorf("%s, %.20s: %d bytes are said to it", o.transport, o.word, len(s.Hello))
		}
		c := dialGreeting(t, s.Greeting, s.identity, o.transport, wire.Auto)
		if err := c.mux.Confirmed(soon()); err != nil {
			t.Errorf("%s, %.20s: %v", o.transport, o.word, err)
		}
		c.Close()
		c.mux.Close()
		s.gone(t)
	}
}

// TestDetached looks at the process from outside.
func TestDetached(t *testing.T) {
	if _, err := os.Stat("/proc/self/fd"); err != nil {
		t.Skip("no /proc here")
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	// A descriptor that the login forgot to close, as shells do.
	s := offered(t, terms.Offer{Transport: "quic"}, func(c *exec.Cmd) { c.ExtraFiles = []*os.File{w} })
	w.Close()
	within(t, "a forgotten descriptor", func() { io.ReadAll(r) })

	proc := "/proc/" + strconv.Itoa(s.PID)
	if stat, err := os.ReadFile(proc + "/stat"); err != nil {
		t.Fatal(err)
	} else if f := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:])); f[3] != strconv.Itoa(s.PID) || f[4] != "0" {
		t.Errorf("session %s, terminal %s of process %d", f[3], f[4], s.PID)
	}
	for fd, want := range map[string]string{"fd/0": "/dev/null", "fd/1": "/dev/null", "fd/2": "/dev/null", "cwd": "/"} {
		if got, err := os.Readlink(proc + "/" + fd); got != want && os.Getuid() == 0 {
			t.Errorf("%s is %s, %v", fd, got, err)
		}
	}
	// What all users can see holds no secret.
	cmdline, _ := os.ReadFile(proc + "/cmdline")
	environ, _ := os.ReadFile(proc + "/environ")
	for _, secret := range []string{base64.RawURLEncoding.EncodeToString(s.Secret[:]), base64.StdEncoding.EncodeToString(s.Secret[:]), string(s.Secret[:])} {
		if bytes.Contains(cmdline, []byte(secret)) || bytes.Contains(environ, []byte(secret)) {
			t.Error("the secret is to be seen in argv or environment")
		}
	}
	if !bytes.Contains(cmdline, []byte(s.word)) {
		t.Errorf("argv %q", cmdline)
	}
	if info, err := os.Stat(filepath.Dir(s.Relay)); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v: others reach the relay", info, err)
	}
	syscall.Kill(s.PID, syscall.SIGTERM)
	s.gone(t)
}

// TestTerminated: SIGTERM ends the session for the client too, at once.
func TestTerminated(t *testing.T) {
	s := offered(t, terms.Offer{Transport: "quic"}, nil)
	c := dialGreeting(t, s.Greeting, s.identity, "quic", wire.Auto)
	session := terminal(t, c.Client)
	if err := session.Start("sleep 1000"); err != nil {
		t.Fatal(err)
	}
	syscall.Kill(s.PID, syscall.SIGTERM)
	within(t, "the client", func() { c.Wait() })
	s.gone(t)
}

// TestRelay goes through the process that an ssh login runs.
func TestRelay(t *testing.T) {
	s := offered(t, terms.Offer{Transport: "quic", Proxy: wire.OnlySSH}, nil)
	if s.Port != 0 {
		t.Errorf("listens on port %d though only ssh is wanted", s.Port)
	}
	pc, err := proxy.Dial(context.Background(), proxy.ClientConfig{Secret: s.Secret, Transport: "quic", Mode: wire.OnlySSH,
		Carrier: func(context.Context, bool) (io.ReadWriteCloser, error) {
			cmd := tsshd(t, "relay", s.Relay)
			in, err := cmd.StdinPipe()
			if err != nil {
				return nil, err
			}
			out, err := cmd.StdoutPipe()
			if err != nil {
				return nil, err
			}
			return &piped{Reader: out, WriteCloser: in, cmd: cmd}, cmd.Start()
		}})
	if err != nil {
		t.Fatal(err)
	}
	defer pc.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	m, err := mux.Dial(ctx, "quic", pc, pc.Peer(), mux.Config{Identity: s.identity, PeerPin: s.ServerPin, Secret: s.Secret})
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Confirmed(ctx); err != nil {
		t.Error(err)
	}
	m.Close()
	s.gone(t)
}

// piped is a command as a stream.
type piped struct {
	io.Reader
	io.WriteCloser
	cmd *exec.Cmd
}

func (p *piped) Close() error {
	p.WriteCloser.Close()
	return p.cmd.Wait()
}

func TestRefusedOffers(t *testing.T) {
	good := terms.Offer{Transport: "quic"}.String()
	for _, test := range []struct {
		word, env string
		status    int
		says      string
	}{
		{"nonsense", "", terms.ExitUsage, ""},
		{"2" + strings.TrimPrefix(good, "1"), "", terms.ExitUsage, ""},
		{terms.Offer{Transport: "quic", Ports: "99999"}.String(), "", terms.ExitCannotServe, "ports"},
		{terms.Offer{Transport: "quic", Ports: "1-0"}.String(), "", terms.ExitCannotServe, "ports"},
		{good, "SSH_ORIGINAL_COMMAND=sh -c tsshd", terms.ExitCannotServe, "bound to one command"},
	} {
		cmd := tsshd(t, "--offer", test.word)
		cmd.Env = append(cmd.Env, test.env)
		out, err := cmd.CombinedOutput()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != test.status || !strings.Contains(string(out), test.says) || !strings.HasPrefix(string(out), "tsshd: ") {
			t.Errorf("%s: %v, %q", test.word, err, out)
		}
	}
}

func TestVerify(t *testing.T) {
	if out, err := tsshd(t, "--verify", strings.Repeat("0", 64)).CombinedOutput(); err == nil || !strings.Contains(string(out), "is not what was sent") {
		t.Errorf("%v, %q", err, out)
	}
}

// TestNobodyComes: a tsshd whose client never arrives ends.
func TestNobodyComes(t *testing.T) {
	h, err := newHub(terms.Offer{Transport: "quic", Ports: testPorts}, t.Logf)
	if err != nil {
		t.Fatal(err)
	}
	defer h.close()
	h.first.arrival = time.Millisecond
	within(t, "the wait for a client", func() {
		if err := h.run(context.Background()); err == nil {
			t.Error("ended without a word")
		}
	})
}

// TestSilence: a client that is silent for longer than Alive has left nothing behind.
func TestSilence(t *testing.T) {
	s := offered(t, terms.Offer{Transport: "quic", Alive: 5 * time.Second}, nil)
	c := dialGreeting(t, s.Greeting, s.identity, "quic", wire.Auto)
	if r := command(t, c.Client, "echo here"); r.out != "here\n" {
		t.Errorf("%+v", r)
	}
	c.proxy.Cut(true)
	s.gone(t)
}

// TestOwnSFTP runs the sftp server that a session runs where there is no other.
func TestOwnSFTP(t *testing.T) {
	words := ownSFTP()
	cmd := exec.Command(words[0])
	cmd.Args = append(words[1:], "-R")
	in, err := cmd.StdinPipe() // open until it has answered, as clients keep it
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
	// SSH_FXP_INIT of version 3 is answered by SSH_FXP_VERSION.
	in.Write([]byte{0, 0, 0, 5, 1, 0, 0, 0, 3})
	answer := make([]byte, 9)
	if _, err := io.ReadFull(out, answer); err != nil || answer[4] != 2 || answer[8] != 3 {
		t.Errorf("%x, %v", answer, err)
	}
	in.Close()
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

// systemd-run gives a program its path for a name: of a link to tssh that is
// called tsshd, the link's.
func TestNameSurvivesALauncherThatGivesThePath(t *testing.T) {
	dir := t.TempDir()
	file, link := filepath.Join(dir, "tssh"), filepath.Join(dir, "tsshd")
	if err := os.WriteFile(file, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("tssh", link); err != nil {
		t.Skipf("SKIPPED, not tested at all: %v", err)
	}
	for name, want := range map[string][]string{
		link: {link},
		file: {file, "tsshd"},
		filepath.Join(dir, "is", "not", "there", "tsshd"): {file, "tsshd"},
	} {
		if got := named(name, file); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}
