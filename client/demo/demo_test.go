package demo

import (
	"bytes"
	"crypto/rand"
	"flag"
	"fmt"
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

	"tssh/client/login"
	"tssh/client/sshconfig"
	"tssh/proxy/leak"
)

// TestMain lets the test be the program that the demo starts.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[0] == "tsshd" {
		if err := sshd(os.Args[2:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	leak.Main(m)
}

// sshd does what "tsshd sshd" does with the demo's files, and its sessions run cat.
func sshd(args []string) error {
	var o struct{ listen, hostKey, authorized, config string }
	f := flag.NewFlagSet("tsshd", flag.ContinueOnError)
	f.StringVar(&o.listen, "listen", "", "")
	f.StringVar(&o.hostKey, "host-key", "", "")
	f.StringVar(&o.authorized, "authorized-keys", "", "")
	f.StringVar(&o.config, "config", "", "")
	if err := f.Parse(args); err != nil {
		return err
	}
	if _, err := os.Stat(o.config); err != nil {
		return err
	}
	private, err := os.ReadFile(o.hostKey)
	if err != nil {
		return err
	}
	signer, err := ssh.ParsePrivateKey(private)
	if err != nil {
		return err
	}
	authorized, err := os.ReadFile(o.authorized)
	if err != nil {
		return err
	}
	one, _, _, _, err := ssh.ParseAuthorizedKey(authorized)
	if err != nil {
		return err
	}
	c := &ssh.ServerConfig{PublicKeyCallback: func(_ ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
		if !bytes.Equal(key.Marshal(), one.Marshal()) {
			return nil, fmt.Errorf("not the demo's key")
		}
		return nil, nil
	}}
	c.AddHostKey(signer)
	l, err := net.Listen("tcp", o.listen)
	if err != nil {
		return err
	}
	fmt.Printf("listening on %s\n", l.Addr())
	for {
		conn, err := l.Accept()
		if err != nil {
			return err
		}
		go serve(conn, c, func(ch ssh.Channel) { io.Copy(ch, ch) })
	}
}

// serve runs a program of a server's for each session on conn.
func serve(conn net.Conn, c *ssh.ServerConfig, program func(ssh.Channel)) {
	defer conn.Close()
	_, chans, reqs, err := ssh.NewServerConn(conn, c)
	if err != nil {
		return
	}
	go ssh.DiscardRequests(reqs)
	var running sync.WaitGroup
	defer running.Wait()
	for n := range chans {
		ch, reqs, err := n.Accept()
		if err != nil {
			return
		}
		running.Go(func() {
			for r := range reqs {
				r.Reply(true, nil)
				if r.Type == "exec" {
					running.Go(func() {
						defer ch.Close()
						program(ch)
						ch.SendRequest("exit-status", false, []byte{0, 0, 0, 0})
					})
				}
			}
		})
	}
}

// TestDemoCanBeLoggedInTo: what the demo writes is all that a client needs, with
// the user's own files left alone, and nothing of it stays.
func TestDemoCanBeLoggedInTo(t *testing.T) {
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", t.TempDir()) // where there are such
	home := t.TempDir()
	t.Setenv("HOME", home)
	s, err := Start(t.Context(), program)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	dir := filepath.Dir(s.Config())
	h, err := sshconfig.Resolve(sshconfig.Local(), sshconfig.Request{Host: Host, File: s.Config()})
	if err != nil {
		t.Fatal(err)
	}
	if h.UdpMode == "" || h.UdpFallback || h.UdpReconnectTimeout != 3*time.Second {
		t.Errorf("UdpMode %q, UdpFallback %v, UdpReconnectTimeout %v", h.UdpMode, h.UdpFallback, h.UdpReconnectTimeout)
	}
	l, err := login.Dial(t.Context(), h.Host, login.Options{Banner: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := l.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	c.Stdin = strings.NewReader("hello")
	if out, err := c.Output("cat"); err != nil || string(out) != "hello" {
		t.Errorf("got %q, %v", out, err)
	}
	l.Close()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("%s is still there: %v", dir, err)
	}
	if left, err := os.ReadDir(home); err != nil || len(left) > 0 {
		t.Errorf("in the home directory: %v, %v", left, err)
	}
}

// TestDemoThatCannotStart says why, and leaves nothing.
func TestDemoThatCannotStart(t *testing.T) {
	tmp := t.TempDir()
	for _, name := range []string{"TMPDIR", "TMP", "TEMP"} {
		t.Setenv(name, tmp)
	}
	silent := "true"
	if path, err := exec.LookPath(silent); err == nil {
		silent = path
	}
	for _, program := range []string{filepath.Join(tmp, "none"), silent} {
		s, err := Start(t.Context(), program)
		if err == nil {
			s.Close()
			t.Fatalf("%s started", program)
		}
		if !strings.HasPrefix(err.Error(), "start demo server: ") {
			t.Errorf("got %v", err)
		}
		if left, err := os.ReadDir(tmp); err != nil || len(left) > 0 {
			t.Errorf("%s left %v, %v", program, left, err)
		}
	}
}

// client is one of a server whose sessions run program.
func client(t *testing.T, program func(ssh.Channel)) *ssh.Client {
	t.Helper()
	private := filepath.Join(t.TempDir(), "hostkey")
	public, err := newKey(private)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(private)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.ParsePrivateKey(text)
	if err != nil {
		t.Fatal(err)
	}
	c := &ssh.ServerConfig{NoClientAuth: true}
	c.AddHostKey(signer)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		if conn, err := l.Accept(); err == nil {
			serve(conn, c, program)
		}
	})
	cl, err := ssh.Dial("tcp", l.Addr().String(), &ssh.ClientConfig{HostKeyCallback: ssh.FixedHostKey(public)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close(); cl.Close(); serving.Wait() })
	return cl
}

// TestTransferIsCutOnceAndRestored, in the middle, and what came back is compared.
func TestTransferIsCutOnceAndRestored(t *testing.T) {
	var cuts []bool
	err := Transfer(client(t, func(ch ssh.Channel) { io.Copy(ch, ch) }), func(on bool) { cuts = append(cuts, on) })
	if err != nil {
		t.Error(err)
	}
	if len(cuts) != 2 || !cuts[0] || cuts[1] {
		t.Errorf("cut %v", cuts)
	}
}

// TestBytesThatChangeAreSeen: the demo proves something.
func TestBytesThatChangeAreSeen(t *testing.T) {
	c := client(t, func(ch ssh.Channel) {
		b := make([]byte, 1)
		io.ReadFull(ch, b)
		b[0]++
		ch.Write(b)
		io.Copy(ch, ch)
	})
	if err := Transfer(c, func(bool) {}); err == nil || err.Error() != "the checksums differ" {
		t.Errorf("got %v", err)
	}
}

// TestFarSideThatEndsEarly: nobody waits for the middle of what ended before.
func TestFarSideThatEndsEarly(t *testing.T) {
	c := client(t, func(ch ssh.Channel) { io.CopyN(ch, rand.Reader, 100) })
	cut := false
	if err := Transfer(c, func(bool) { cut = true }); err == nil || cut {
		t.Errorf("got %v, cut %v", err, cut)
	}
}

func TestSwitchTellsWhatItDoes(t *testing.T) {
	var cuts []bool
	turn := Switch(func(on bool) { cuts = append(cuts, on) })
	if first, second := turn(), turn(); !strings.Contains(first, "is cut") || !strings.Contains(second, "is back") {
		t.Errorf("told %q, then %q", first, second)
	}
	if len(cuts) != 2 || !cuts[0] || cuts[1] {
		t.Errorf("cut %v", cuts)
	}
}

// TestNamesOfWindowsUsers have a domain in front, which ssh does not know.
func TestNamesOfWindowsUsers(t *testing.T) {
	for user, want := range map[string]string{`CORP\me`: "me", "me": "me"} {
		if got := name(user); got != want {
			t.Errorf("%s: %s", user, got)
		}
	}
}
