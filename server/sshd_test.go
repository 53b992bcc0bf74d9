//go:build unix

package server

import (
	"bufio"
	"context"
	"crypto/ed25519"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"tssh/proxy"
	"tssh/proxy/mux"
	"tssh/proxy/terms"
)

func newSigner(t *testing.T) ssh.Signer {
	t.Helper()
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return signer
}

// TestEmbeddedServer is tsshd sshd as it is run by hand.
func TestEmbeddedServer(t *testing.T) {
	good, restricted, unknown := newSigner(t), newSigner(t), newSigner(t)
	dir := t.TempDir()
	keys := filepath.Join(dir, "keys")
	line := func(s ssh.Signer) string { return string(ssh.MarshalAuthorizedKey(s.PublicKey())) }
	text := "# comment\nnot a key\n" + `command="true" ` + line(restricted) + line(good)
	if err := os.WriteFile(keys, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	port := filepath.Join(dir, "port")
	cmd := tsshd(t, "sshd", "--listen", "127.0.0.1:0", "--authorized-keys", keys, "--port-file", port)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	words := bufio.NewReader(out)
	hostLine, _ := words.ReadString('\n')
	listening, _ := words.ReadString('\n')
	host, _, _, _, err := ssh.ParseAuthorizedKey([]byte(strings.TrimPrefix(hostLine, "host key ")))
	if err != nil {
		t.Fatalf("%q: %v", hostLine, err)
	}
	address := strings.TrimSpace(strings.TrimPrefix(listening, "listening on "))
	login := func(user string, key ssh.Signer) (*ssh.Client, error) {
		return ssh.Dial("tcp", address, &ssh.ClientConfig{User: user, HostKeyCallback: ssh.FixedHostKey(host),
			Auth: []ssh.AuthMethod{ssh.PublicKeys(key)}, Timeout: time.Minute})
	}
	for _, refused := range []struct {
		user string
		key  ssh.Signer
	}{{"somebody", unknown}, {"somebody", restricted}, {"somebody else", good}} {
		if c, err := login(refused.user, refused.key); err == nil {
			c.Close()
			t.Errorf("%s is let in", refused.user)
		}
	}
	c, err := login("somebody", good)
	if err != nil {
		t.Fatal(err)
	}
	r := command(t, c, "echo $SSH_CONNECTION; echo $KEPT")
	if from, rest, _ := strings.Cut(r.out, "\n"); !strings.HasPrefix(from, "127.0.0.1 ") || rest != "\n" {
		t.Errorf("%q: not the environment of a login", r.out)
	}
	if b, err := os.ReadFile(port); err != nil || !strings.HasSuffix(address, ":"+strings.TrimSpace(string(b))) {
		t.Errorf("the port file says %q, %v; it is %s", b, err, address)
	}
	within(t, "the server after SIGTERM", func() {
		cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	})
}

// TestAnotherClient has all that the network shows and even the greeting's
// secret, but not the key that the offer named.
func TestAnotherClient(t *testing.T) {
	s := offered(t, terms.Offer{Transport: "quic"}, nil)
	g := s.Greeting
	pc, err := proxy.Dial(context.Background(), proxy.ClientConfig{Secret: g.Secret, Transport: "quic",
		Servers: []netip.AddrPort{netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(g.Port))}})
	if err != nil {
		t.Fatal(err)
	}
	defer pc.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	m, err := mux.Dial(ctx, "quic", pc, pc.Peer(), mux.Config{Identity: newIdentity(t), PeerPin: g.ServerPin, Secret: g.Secret})
	if err == nil {
		defer m.Close()
		err = m.Confirmed(ctx)
	}
	if err == nil {
		t.Error("is let in")
	}
	syscall.Kill(g.PID, syscall.SIGTERM)
	s.gone(t)
}
