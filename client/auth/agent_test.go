//go:build unix

package auth

import (
	"crypto/ed25519"
	"crypto/rand"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh/agent"

	"tssh/client/sshconfig"
)

// TestCommentsOfAgentsAreCleaned: an agent that was lent to us has comments that
// somebody else chose.
func TestCommentsOfAgentsAreCleaned(t *testing.T) {
	path := filepath.Join(t.TempDir(), "agent")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	keys := agent.NewKeyring()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if err := keys.Add(agent.AddedKey{PrivateKey: key, Comment: "a\x1b[2J\nb\x9b"}); err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go agent.ServeAgent(keys, c)
		}
	}()
	h, err := sshconfig.Resolve(sshconfig.Local(), sshconfig.Request{Host: "h", File: "none", Settings: []sshconfig.Setting{
		sshconfig.Set("IdentityAgent", path), sshconfig.Set("IdentityFile", "none"),
	}})
	if err != nil {
		t.Fatal(err)
	}
	lines := List(Config{Host: h.Host})
	if len(lines) != 1 || !strings.HasPrefix(lines[0], `a\033[2J\012b\233 ED25519 SHA256:`) {
		t.Errorf("listed %q", lines)
	}
}
