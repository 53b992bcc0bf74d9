package bootstrap

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"

	"tssh/proxy/needs"
	"tssh/proxy/terms"
)

// login is a user's account on a server that lives in this test: what sshd
// would run for an exec request, and in which environment.
type login struct {
	shell []string // with its option, "-c"
	env   []string
	home  string

	openSSH bool // says that it is
	windows bool // says so in its greeting, and serves sftp
	sullen  bool // answers no question of the connection's

	unplugged atomic.Bool // nothing that the server says arrives

	uploaded atomic.Int64 // bytes that clients sent to commands
	runs     atomic.Int64 // of commands
	asked    atomic.Bool  // for a command
	early    atomic.Int64 // questions of the connection's before that
}

func newLogin(t *testing.T, shell ...string) *login {
	t.Helper()
	needs.Programs(t, shell[0])
	home := t.TempDir()
	return &login{shell: shell, home: home, env: []string{
		"HOME=" + home, "PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
		"USER=me", "TMPDIR=" + filepath.Join(home, "tmp"), "SSH_CLIENT=192.0.2.1 1 22",
	}}
}

// dial returns an ssh connection to the account.
func (l *login) dial(t *testing.T) *ssh.Client {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	config := &ssh.ServerConfig{NoClientAuth: true}
	config.AddHostKey(signer)
	if l.openSSH {
		config.ServerVersion = "SSH-2.0-OpenSSH_9.2p1"
	}
	if l.windows {
		config.ServerVersion = "SSH-2.0-OpenSSH_for_Windows_9.5"
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0") // net.Pipe has no buffer, and both ends speak first
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		there, err := listener.Accept()
		listener.Close()
		if err != nil {
			return
		}
		conn, chans, reqs, err := ssh.NewServerConn(there, config)
		if err != nil {
			return
		}
		defer conn.Close()
		if !l.sullen {
			go func() {
				for r := range reqs {
					if !l.asked.Load() {
						l.early.Add(1)
					}
					r.Reply(false, nil)
				}
			}()
		}
		for c := range chans {
			serving.Go(func() { l.session(t, c) })
		}
	})
	here, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	conn, chans, reqs, err := ssh.NewClientConn(plug{here, &l.unplugged}, "server", &ssh.ClientConfig{
		HostKeyCallback: ssh.FixedHostKey(signer.PublicKey()),
	})
	if err != nil {
		t.Fatal(err)
	}
	client := ssh.NewClient(conn, chans, reqs)
	t.Cleanup(func() { client.Close(); serving.Wait() })
	return client
}

// plug is the client's end of a connection, which can be pulled.
type plug struct {
	net.Conn
	out *atomic.Bool
}

func (p plug) Read(b []byte) (int, error) {
	for {
		if n, err := p.Conn.Read(b); err != nil || !p.out.Load() {
			return n, err
		}
	}
}

// session serves one session channel as sshd does.
func (l *login) session(t *testing.T, nc ssh.NewChannel) {
	ch, reqs, err := nc.Accept()
	if err != nil {
		return
	}
	defer ch.Close()
	for r := range reqs {
		if r.Type == "subsystem" && l.windows {
			r.Reply(true, nil)
			go ssh.DiscardRequests(reqs)
			if s, err := sftp.NewServer(ch, sftp.WithServerWorkingDirectory(l.home)); err == nil {
				s.Serve()
			}
			return
		}
		if r.Type != "exec" {
			r.Reply(false, nil)
			continue
		}
		l.asked.Store(true)
		r.Reply(true, nil)
		go ssh.DiscardRequests(reqs)
		var e struct{ Line string }
		if err := ssh.Unmarshal(r.Payload, &e); err != nil {
			t.Error(err)
			return
		}
		status := l.exec(ch, e.Line)
		ch.SendRequest("exit-status", false, ssh.Marshal(struct{ Status uint32 }{status}))
		return
	}
}

func (l *login) exec(ch ssh.Channel, line string) uint32 {
	l.runs.Add(1)
	cmd := exec.Command(l.shell[0], append(l.shell[1:], line)...)
	cmd.Env, cmd.Dir = l.env, l.home
	cmd.Stdout, cmd.Stderr = ch, ch.Stderr()
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return 255
	}
	if err := cmd.Start(); err != nil {
		fmt.Fprintln(ch.Stderr(), err)
		return 255
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer stdin.Close()
		n, _ := io.Copy(stdin, ch)
		l.uploaded.Add(n)
	}()
	err = cmd.Wait()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return uint32(exit.ExitCode())
	}
	return 0
}

// program is a tsshd that only greets, as a script, and its greeting.
func program(t *testing.T, padding int) (*Binary, terms.Greeting) {
	t.Helper()
	g := terms.Greeting{Version: terms.Version, Port: 61001, PID: 7,
		Addrs: []netip.Addr{netip.MustParseAddr("192.0.2.7")}}
	rand.Read(g.Secret[:])
	text := `#!/bin/sh
case $1 in
tsshd)
	set -- "$3" $(sha256sum "$0")
	[ "$1" = "$2" ] || { echo "tsshd: $2 is not what was sent" >&2; exit 1; };;
--offer)
	echo "$2" >offered
	printf %s "$TSSHD_HELLO" >hello
	cat <<'E'
` + g.Line() + `E
esac
exit
`
	random := make([]byte, padding)
	rand.Read(random)
	path := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(path, append([]byte(text), random...), 0o700); err != nil {
		t.Fatal(err)
	}
	return NewBinary(path, runtime.GOOS, runtime.GOARCH), g
}

// script puts a program into the account's home.
func (l *login) script(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(l.home, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

func (l *login) start(t *testing.T, req Request) (Started, error) {
	t.Helper()
	req.Offer = anOffer()
	if req.Logf == nil {
		req.Logf = t.Logf
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	return Start(ctx, l.dial(t), req)
}

func anOffer() terms.Offer {
	return terms.Offer{Transport: "quic", Ports: "61001-61999", ClientPin: [32]byte{31: 1}, Proxy: "auto"}
}

// mustGreet starts tsshd, and says where it was found.
func (l *login) mustGreet(t *testing.T, req Request, want terms.Greeting) string {
	t.Helper()
	s, err := l.start(t, req)
	if err != nil {
		t.Fatalf("%s: %v", l.shell, err)
	}
	if s.Secret != want.Secret || s.Port != want.Port {
		t.Fatalf("%s: got %v, want %v", l.shell, s.Greeting, want)
	}
	offered, err := os.ReadFile(filepath.Join(l.home, "offered"))
	if err == nil && string(bytes.TrimSpace(offered)) != anOffer().String() {
		t.Errorf("%s: the offer arrived as %q", l.shell, offered)
	}
	return s.Path
}

// mustFail starts tsshd and expects an error with all of these words.
func (l *login) mustFail(t *testing.T, req Request, words ...string) {
	t.Helper()
	_, err := l.start(t, req)
	if err == nil {
		t.Fatalf("%s: no error; want one with %q", l.shell, words)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%s: %q is not in: %v", l.shell, w, err)
		}
	}
	if strings.Contains(err.Error(), "umask") {
		t.Errorf("the error quotes our script: %v", err)
	}
}
