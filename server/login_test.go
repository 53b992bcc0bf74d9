package server

import (
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"tssh/proxy/proof"
	"tssh/proxy/terms"
	"tssh/server/session"
)

// TestSSHDSaysWhichKey: where sshd exposes what a login was proved by, that
// holds, whatever the client says.
func TestSSHDSaysWhichKey(t *testing.T) {
	line := func() (ssh.PublicKey, string) {
		public, _, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		key, err := ssh.NewPublicKey(public)
		if err != nil {
			t.Fatal(err)
		}
		return key, string(ssh.MarshalAuthorizedKey(key))
	}
	free, freeLine := line()
	_, boundLine := line()
	home := t.TempDir()
	put := func(name, text string) string {
		t.Helper()
		name = filepath.Join(home, name)
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	if err := os.Mkdir(filepath.Join(home, ".ssh"), 0o700); err != nil {
		t.Fatal(err)
	}
	put(".ssh/authorized_keys", freeLine+"restrict "+boundLine)
	login := session.Login{User: "somebody", Home: home, UID: os.Getuid()}
	offered := []terms.Key{proof.Of(free)}
	for _, test := range []struct {
		file string
		tty  bool
	}{
		{"", true}, // sshd says nothing
		{filepath.Join(home, "nothing"), true},
		{put("garbage", "publickey \x00\xff\n"), true},
		{put("free", "publickey "+freeLine), true},
		{put("bound", "publickey "+boundLine), false},
		{put("both", "password\npublickey "+freeLine+"publickey "+boundLine), false},
	} {
		t.Setenv("SSH_USER_AUTH", test.file)
		if p, _ := permitted(login, offered); p.TTY != test.tty {
			t.Errorf("%s: a terminal: %v", test.file, p.TTY)
		}
	}
	t.Setenv("SSH_USER_AUTH", put("password", "password\n"))
	put(".ssh/authorized_keys", "restrict "+freeLine)
	if p, _ := permitted(login, offered); !p.TTY {
		t.Error("a password, and a client that claims a key")
	}
}

// TestNoConfiguration tells a root directory without sshd's files from a host of
// another server.
func TestNoConfiguration(t *testing.T) {
	none := filepath.Join(t.TempDir(), "sshd_config")
	p, err := daemon{file: none}.permits(session.Login{}, nil)
	if !errors.Is(err, noConfig{}) || p.PermitsOpen("a", 1) || p.PermitsListen("", 1) || p.PermitsListenUnix() || p.PermitsOpenUnix("/a") || p.Agent || p.X11 || p.TunnelIP || !p.TTY {
		t.Errorf("%v: %+v", err, p)
	}
	p, err = daemon{file: none, relative: "conf"}.permits(session.Login{}, nil)
	if !errors.Is(err, noConfig{"conf"}) || !strings.Contains(err.Error(), "-f conf") || p.PermitsOpen("a", 1) || p.Agent {
		t.Errorf("%v: %+v", err, p)
	}
	p, err = daemon{file: none, foreign: true}.permits(session.Login{}, nil)
	if err != nil || !p.PermitsOpen("a", 1) || !p.Agent {
		t.Errorf("%v: %+v", err, p)
	}
}

func TestAuthInfoOutlivesTheLogin(t *testing.T) {
	name := filepath.Join(t.TempDir(), "sshauth")
	if err := os.WriteFile(name, []byte("password\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	kept, err := keepExposed(name)
	if err != nil {
		t.Fatal(err)
	}
	defer os.Remove(kept)
	os.Remove(name)
	if text, err := os.ReadFile(kept); string(text) != "password\n" {
		t.Errorf("%q, %v", text, err)
	}
	if kept, err := keepExposed(name); err == nil {
		t.Errorf("%s of nothing", kept)
	}
	if kept, err := keepExposed(""); kept != "" || err != nil {
		t.Errorf("%q, %v", kept, err)
	}
}
