package lend

import (
	"crypto/ed25519"
	"crypto/rand"
	"net"
	"strings"
	"sync"
	"testing"

	"golang.org/x/crypto/ssh"

	"tssh/client/config"
	"tssh/client/voice"
)

// TestServerThatOpensWhatWasNotLent is refused, and the user is told in ssh's
// words.
func TestServerThatOpensWhatWasNotLent(t *testing.T) {
	conn, server := serverOpening(t)
	defer conn.Close()
	var mu sync.Mutex
	var said []string
	log := func(_ voice.Level, text string) {
		mu.Lock()
		defer mu.Unlock()
		said = append(said, text)
	}
	l := New(conn, Config{Host: &config.Host{}, Lent: config.Lent{ForwardAgent: "no"}, Log: log})
	for kind, name := range map[string]string{"auth-agent@openssh.com": "agent", "x11": "X11"} {
		said = nil
		_, _, err := server.OpenChannel(kind, nil)
		if _, refused := err.(*ssh.OpenChannelError); !refused {
			t.Errorf("%s: %v", kind, err)
		}
		mu.Lock()
		if got := strings.Join(said, "\n"); got != "Warning: ssh server tried "+name+" forwarding.\nWarning: this is probably a break-in attempt by a malicious server." {
			t.Errorf("%s: said %q", kind, got)
		}
		mu.Unlock()
	}
	conn.Close()
	l.Rest()
}

// serverOpening joins a client and a server at whose end channels can be opened.
func serverOpening(t *testing.T) (*ssh.Client, *ssh.ServerConn) {
	t.Helper()
	_, key, _ := ed25519.GenerateKey(rand.Reader)
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	near, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	far, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan *ssh.ServerConn, 1)
	go func() {
		cfg := &ssh.ServerConfig{NoClientAuth: true}
		cfg.AddHostKey(signer)
		conn, _, reqs, err := ssh.NewServerConn(far, cfg)
		if err == nil {
			go ssh.DiscardRequests(reqs)
		}
		done <- conn
	}()
	conn, chans, reqs, err := ssh.NewClientConn(near, "", &ssh.ClientConfig{HostKeyCallback: ssh.FixedHostKey(signer.PublicKey())})
	if err != nil {
		t.Fatal(err)
	}
	return ssh.NewClient(conn, chans, reqs), <-done
}
