package login

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/crypto/ssh"

	"tssh/client/config"
	"tssh/client/sshconfig"
	"tssh/client/voice"
	"tssh/proxy/leak"
)

// TestMain lets the test be its own ProxyCommand.
func TestMain(m *testing.M) {
	if addr := os.Getenv("LOGIN_TEST_NETCAT"); addr != "" {
		netcat(addr)
		return
	}
	leak.Main(m)
}

func netcat(addr string) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		os.Exit(1)
	}
	go func() {
		io.Copy(conn, os.Stdin)
		conn.(*net.TCPConn).CloseWrite()
	}()
	io.Copy(os.Stdout, conn)
}

func newKey(t *testing.T) (ed25519.PrivateKey, ssh.Signer) {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return key, s
}

// keyFile writes a private key, with a passphrase if it is not empty.
func keyFile(t *testing.T, key ed25519.PrivateKey, passphrase string) string {
	t.Helper()
	var block *pem.Block
	var err error
	if passphrase == "" {
		block, err = ssh.MarshalPrivateKey(key, "")
	} else {
		block, err = ssh.MarshalPrivateKeyWithPassphrase(key, "", []byte(passphrase))
	}
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "id")
	if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// host is a server in this process that runs what x/crypto accepts: sessions
// send back what they get, direct-tcpip connects.
type host struct {
	t      *testing.T
	signer ssh.Signer
	cfg    *ssh.ServerConfig
	l      net.Listener
}

func newHost(t *testing.T, cfg *ssh.ServerConfig) *host {
	t.Helper()
	_, signer := newKey(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	cfg.AddHostKey(signer)
	h := &host{t, signer, cfg, l}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go h.serve(conn)
		}
	}()
	return h
}

func (h *host) port() int { return h.l.Addr().(*net.TCPAddr).Port }

func (h *host) serve(conn net.Conn) {
	defer conn.Close()
	_, chans, reqs, err := ssh.NewServerConn(conn, h.cfg)
	if err != nil {
		return
	}
	go ssh.DiscardRequests(reqs)
	for n := range chans {
		var to io.ReadWriteCloser
		if n.ChannelType() == "direct-tcpip" {
			var d struct {
				Host string
				Port uint32
				From string
				P    uint32
			}
			ssh.Unmarshal(n.ExtraData(), &d)
			c, err := net.Dial("tcp", net.JoinHostPort(d.Host, fmt.Sprint(d.Port)))
			if err != nil {
				n.Reject(ssh.ConnectionFailed, "Connection refused")
				continue
			}
			to = c
		}
		ch, in, err := n.Accept()
		if err != nil {
			return
		}
		go ssh.DiscardRequests(in)
		go func() {
			defer ch.Close()
			if to == nil {
				io.Copy(ch, ch)
				return
			}
			go func() { io.Copy(to, ch); to.Close() }()
			io.Copy(ch, to)
		}()
	}
}

// user is who logs in: what was asked and said, and what the answers are.
type user struct {
	t     *testing.T
	known string

	mu      sync.Mutex // guards what follows
	answers []string
	asked   []string
	said    []string
	debug   []string
}

func newUser(t *testing.T, answers ...string) *user {
	u := &user{t: t, answers: answers, known: filepath.Join(t.TempDir(), "known_hosts")}
	t.Setenv("SSH_AUTH_SOCK", "")
	return u
}

func (u *user) trusts(h *host) {
	u.t.Helper()
	line := fmt.Sprintf("[127.0.0.1]:%d %s", h.port(), ssh.MarshalAuthorizedKey(h.signer.PublicKey()))
	f, err := os.OpenFile(u.known, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		u.t.Fatal(err)
	}
	defer f.Close()
	f.WriteString(line)
}

// config is the user's configuration for a host, with more lines of it.
func (u *user) config(h *host, lines ...string) *config.Host {
	u.t.Helper()
	settings := []sshconfig.Setting{}
	for _, l := range append(lines, "HostName 127.0.0.1", fmt.Sprintf("Port %d", h.port()), "User me",
		"UserKnownHostsFile "+u.known, "GlobalKnownHostsFile none", "IdentityFile none", "StrictHostKeyChecking yes") {
		key, value, _ := strings.Cut(l, " ")
		settings = append(settings, sshconfig.Set(key, value))
	}
	c, err := sshconfig.Resolve(sshconfig.Local(), sshconfig.Request{Host: "box", Settings: settings, File: "none"})
	if err != nil {
		u.t.Fatal(err)
	}
	return c.Host
}

func (u *user) options() Options {
	return Options{
		Banner: io.Discard,
		Log: func(level voice.Level, text string) {
			u.mu.Lock()
			defer u.mu.Unlock()
			if level <= voice.Info {
				u.said = append(u.said, text)
			} else {
				u.debug = append(u.debug, text)
			}
		},
		Ask: func(question string, _ voice.Kind) (string, error) {
			u.mu.Lock()
			defer u.mu.Unlock()
			u.asked = append(u.asked, question)
			if len(u.answers) == 0 {
				return "", voice.ErrNobody
			}
			a := u.answers[0]
			u.answers = u.answers[1:]
			return a, nil
		},
	}
}

// dial logs in and closes the connection when the test ends.
func (u *user) dial(c *config.Host) (*Login, error) {
	l, err := Dial(context.Background(), c, u.options())
	if err == nil {
		u.t.Cleanup(func() { l.Close() })
	}
	return l, err
}

// works sends a few bytes through the connection and back.
func works(t *testing.T, l *Login) {
	t.Helper()
	ch, in, err := l.OpenChannel("session", nil)
	if err != nil {
		t.Fatal(err)
	}
	go ssh.DiscardRequests(in)
	defer ch.Close()
	if _, err := io.WriteString(ch, "hello"); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 5)
	if _, err := io.ReadFull(ch, b); err != nil || string(b) != "hello" {
		t.Fatalf("got %q, %v", b, err)
	}
}

func (u *user) wasAsked(want ...string) {
	u.t.Helper()
	u.mu.Lock()
	defer u.mu.Unlock()
	if strings.Join(u.asked, "|") != strings.Join(want, "|") {
		u.t.Errorf("asked %q, want %q", u.asked, want)
	}
}

func (u *user) wasTold(want ...string) {
	u.t.Helper()
	u.mu.Lock()
	defer u.mu.Unlock()
	if strings.Join(u.said, "|") != strings.Join(want, "|") {
		u.t.Errorf("said %q, want %q", u.said, want)
	}
}
