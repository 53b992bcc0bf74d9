package login

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"tssh/client/sshconfig"
)

// passwords accepts one password.
func passwords(right string) *ssh.ServerConfig {
	return &ssh.ServerConfig{PasswordCallback: func(_ ssh.ConnMetadata, p []byte) (*ssh.Permissions, error) {
		if string(p) != right {
			return nil, errors.New("wrong")
		}
		return nil, nil
	}}
}

func TestPasswordIsAskedAgain(t *testing.T) {
	h := newHost(t, passwords("right"))
	u := newUser(t, "wrong", "right")
	u.trusts(h)
	l, err := u.dial(u.config(h))
	if err != nil {
		t.Fatal(err)
	}
	works(t, l)
	u.wasAsked("me@127.0.0.1's password: ", "me@127.0.0.1's password: ")
	u.wasTold("Permission denied, please try again.")
	// Later it is known, and nobody is asked.
	again, err := l.Redial(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	works(t, again)
	if len(u.asked) != 2 {
		t.Errorf("asked %q", u.asked)
	}
}

func TestWrongPasswordsEndInDenial(t *testing.T) {
	h := newHost(t, passwords("right"))
	u := newUser(t, "1", "2", "3", "4")
	u.trusts(h)
	_, err := u.dial(u.config(h, "NumberOfPasswordPrompts 2"))
	if err == nil || err.Error() != "me@127.0.0.1: Permission denied (password)." {
		t.Fatal(err)
	}
	if len(u.asked) != 2 {
		t.Errorf("asked %q", u.asked)
	}
}

func TestBatchModeAsksNothing(t *testing.T) {
	h := newHost(t, passwords("right"))
	u := newUser(t, "right")
	u.trusts(h)
	key, _ := newKey(t)
	_, err := u.dial(u.config(h, "BatchMode yes", "IdentityFile "+keyFile(t, key, "secret")))
	if err == nil || err.Error() != "me@127.0.0.1: Permission denied (password)." || len(u.asked) > 0 {
		t.Fatalf("%v, asked %q", err, u.asked)
	}
}

// What the user asks for and can't have is told in one line each; what the
// system's file asks for, as Debian's does, is not: no login would be quiet.
func TestMethodsThatCannotBeAreTold(t *testing.T) {
	key, signer := newKey(t)
	h := newHost(t, keys(signer.PublicKey()))
	for _, c := range []struct {
		typed, file string
		want        []string
	}{
		{"GSSAPIAuthentication yes", "", []string{"GSSAPI authentication is not supported; going on with other methods"}},
		{"GSSAPIKeyExchange yes", "", []string{"GSSAPI authentication is not supported; going on with other methods"}},
		{"GSSAPIAuthentication no", "GSSAPIAuthentication yes", nil},
		{"BatchMode yes", "GSSAPIAuthentication yes", nil},
		{"BatchMode yes", "HostbasedAuthentication yes", []string{"hostbased authentication is not supported; going on with other methods"}},
		{"PKCS11Provider /x.so", "", []string{"PKCS11Provider is not supported; give the token to the agent: ssh-add -s /x.so"}},
	} {
		u := newUser(t)
		u.trusts(h)
		file := filepath.Join(t.TempDir(), "config")
		text := fmt.Sprintf("%s\nHostName 127.0.0.1\nPort %d\nUserKnownHostsFile %s\nIdentityFile %s\n", c.file, h.port(), u.known, keyFile(t, key, ""))
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		name, value, _ := strings.Cut(c.typed, " ")
		host, err := sshconfig.Resolve(sshconfig.Local(), sshconfig.Request{Host: "box", File: file, Settings: []sshconfig.Setting{sshconfig.Set(name, value)}})
		if err != nil {
			t.Fatal(err)
		}
		l, err := u.dial(host.Host)
		if err != nil {
			t.Fatalf("%+v: %v", c, err)
		}
		works(t, l)
		u.wasTold(c.want...)
	}
}
