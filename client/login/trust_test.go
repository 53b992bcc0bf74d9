package login

import (
	"context"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"tssh/client/config"
)

// TestRedialRefusesAnotherHost: who is on the path picks the moment, and a
// configuration that takes any new host must not give them the password.
func TestRedialRefusesAnotherHost(t *testing.T) {
	for _, strict := range []string{"no", "off", "accept-new", "ask"} {
		tried := 0
		cfg := passwords("x")
		right := cfg.PasswordCallback
		cfg.PasswordCallback = func(c ssh.ConnMetadata, p []byte) (*ssh.Permissions, error) {
			tried++
			return right(c, p)
		}
		h := newHost(t, cfg)
		u := newUser(t, "x")
		if strict == "ask" {
			u = newUser(t, "yes", "x")
		}
		l, err := u.dial(u.config(h, "StrictHostKeyChecking "+strict))
		if err != nil {
			t.Fatal(err)
		}
		again, err := l.Redial(context.Background())
		if err != nil || tried != 2 {
			t.Fatalf("%s: to the same host: %v", strict, err)
		}
		again.Close()
		_, other := newKey(t)
		h.cfg.AddHostKey(other) // takes the place of the first: same type
		os.Remove(u.known)
		u.said = nil
		for _, from := range []*Login{l, again} {
			got, err := from.Redial(context.Background())
			if err == nil {
				got.Close()
				t.Fatalf("%s: went to a host with another key", strict)
			}
			if !strings.Contains(err.Error(), "not the one that was trusted when the session began") {
				t.Errorf("%s: %v", strict, err)
			}
		}
		if tried != 2 {
			t.Errorf("%s: the password was given to another host", strict)
		}
		if b, _ := os.ReadFile(u.known); len(b) > 0 {
			t.Errorf("%s: recorded %s", strict, b)
		}
		u.wasTold() // nothing, into a session that goes on: the error says it
	}
}

// TestHostWithAWrongKeyGetsNothing of what its configuration would lend it, and
// no password; logins that are made again neither.
func TestHostWithAWrongKeyGetsNothing(t *testing.T) {
	key, signer := newKey(t)
	cfg := keys(signer.PublicKey())
	cfg.PasswordCallback = passwords("x").PasswordCallback
	h := newHost(t, cfg)
	_, other := newKey(t)
	u := newUser(t, "x", "x")
	os.WriteFile(u.known, fmt.Appendf(nil, "[127.0.0.1]:%d %s", h.port(), ssh.MarshalAuthorizedKey(other.PublicKey())), 0o600)
	lines := []string{"StrictHostKeyChecking no", "ForwardAgent yes", "ForwardX11 yes", "Tunnel yes", "LocalForward 8080:a:1",
		"RemoteForward 8081:a:1", "DynamicForward 1080", "UdpLocalForward 53:a:53", "UdpRemoteForward 54:a:53"}
	if _, err := u.dial(u.config(h, lines...)); err == nil {
		t.Error("logged in by a password")
	}
	u.wasAsked()
	c := u.config(h, append(lines, "IdentityFile "+keyFile(t, key, ""))...)
	l, err := u.dial(c)
	if err != nil {
		t.Fatal(err)
	}
	again, err := l.Redial(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	for _, l := range []*Login{l, again} {
		if got := l.Lent(); !reflect.DeepEqual(got, config.Lent{}) {
			t.Errorf("lent %+v", got)
		}
	}
	if !c.Lent.Agent() || !c.PasswordAuthentication {
		t.Error("the configuration was changed")
	}
}

// TestRedialRefusesAnotherHostOnTheWay in each place of the chain.
func TestRedialRefusesAnotherHostOnTheWay(t *testing.T) {
	key, signer := newKey(t)
	file := keyFile(t, key, "")
	anyone := func() *ssh.ServerConfig {
		return &ssh.ServerConfig{PublicKeyCallback: func(_ ssh.ConnMetadata, k ssh.PublicKey) (*ssh.Permissions, error) {
			if string(k.Marshal()) != string(signer.PublicKey().Marshal()) {
				return nil, errors.New("unknown")
			}
			return nil, nil
		}}
	}
	for place := range 3 {
		hosts := []*host{newHost(t, anyone()), newHost(t, anyone()), newHost(t, anyone())}
		u := newUser(t)
		lines := []string{"StrictHostKeyChecking no", "UserKnownHostsFile " + os.DevNull, "IdentityFile " + file}
		o := u.options()
		o.Resolve = func(name, _ string, _ int) (*config.Host, error) {
			return map[string]*config.Host{"near": u.config(hosts[2], lines...), "middle": u.config(hosts[1], lines...)}[name], nil
		}
		l, err := Dial(context.Background(), u.config(hosts[0], append(lines, "ProxyJump near,middle")...), o)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		again, err := l.Redial(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		works(t, again)
		again.Close()
		_, other := newKey(t)
		hosts[place].cfg.AddHostKey(other)
		if again, err := l.Redial(context.Background()); err == nil {
			again.Close()
			t.Errorf("another host in place %d of the way", place)
		} else if !strings.Contains(err.Error(), "not the one that was trusted when the session began") {
			t.Errorf("place %d: %v", place, err)
		}
	}
}

// TestForgottenLoginAsksAgain: what nobody will need is not kept.
func TestForgottenLoginAsksAgain(t *testing.T) {
	h := newHost(t, passwords("right"))
	u := newUser(t, "right")
	u.trusts(h)
	l, err := u.dial(u.config(h))
	if err != nil {
		t.Fatal(err)
	}
	l.Forget()
	works(t, l)
	if again, err := l.Redial(context.Background()); err == nil {
		again.Close()
		t.Error("the password was still there")
	}
}
