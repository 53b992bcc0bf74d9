package login

import (
	"context"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/crypto/ssh"

	"tssh/client/config"
	"tssh/client/transport"
)

// What can't be bound or resolved is told in ssh's words.
func TestAddressesOfNoUseAreToldAsSSHDoes(t *testing.T) {
	h := newHost(t, &ssh.ServerConfig{})
	failure := fmt.Sprintf("ssh: connect to host 127.0.0.1 port %d: failure", h.port())
	for _, c := range []struct{ line, said, last string }{
		{"BindInterface nope0", "getifaddrs: nope0: no suitable addresses", failure},
		{"BindAddress ::1", "getaddrinfo: ::1: Address family for hostname not supported", failure},
		{"AddressFamily inet6", "", "ssh: Could not resolve hostname 127.0.0.1: Address family for hostname not supported"},
		{"HostName fe80::1%%nosuch", "", "ssh: Could not resolve hostname fe80::1%nosuch: Name or service not known"},
	} {
		u := newUser(t)
		_, err := u.dial(u.config(h, c.line))
		if told := strings.Join(u.said, "|"); err == nil || err.Error() != c.last || told != c.said {
			t.Errorf("%s: said %q, then %v", c.line, told, err)
		}
	}
}

func TestRefusedConnectionIsToldAsSSHDoes(t *testing.T) {
	u := newUser(t)
	h := newHost(t, &ssh.ServerConfig{})
	c := u.config(h)
	h.l.Close()
	_, err := u.dial(c)
	if want := fmt.Sprintf("ssh: connect to host 127.0.0.1 port %d: Connection refused", h.port()); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestThroughTwoHosts(t *testing.T) {
	far := newHost(t, passwords("far"))
	middle, near := newHost(t, passwords("middle")), newHost(t, passwords("near"))
	u := newUser(t, "near", "middle", "far", "middle")
	for _, h := range []*host{far, middle, near} {
		u.trusts(h)
	}
	o := u.options()
	o.Resolve = func(name, _ string, _ int) (*config.Host, error) {
		return map[string]*config.Host{"near": u.config(near), "middle": u.config(middle, "ProxyCommand false")}[name], nil
	}
	// How the second is reached is the list's to say.
	l, err := Dial(context.Background(), u.config(far, "ProxyJump near,middle"), o)
	if err != nil {
		t.Fatal(err)
	}
	works(t, l)
	if l.Direct || l.Remote != nil {
		t.Error("a host behind others has an address")
	}
	l.Close()
	if err := l.Wait(); err == nil {
		t.Error("closed, and still there")
	}
}

func TestJumpInCirclesEnds(t *testing.T) {
	h := newHost(t, passwords("x"))
	u := newUser(t)
	o := u.options()
	o.Resolve = func(string, string, int) (*config.Host, error) { return u.config(h, "ProxyJump again"), nil }
	if _, err := Dial(context.Background(), u.config(h, "ProxyJump again"), o); err == nil {
		t.Fatal("arrived")
	}
}

func TestProxyCommand(t *testing.T) {
	h := newHost(t, passwords("x"))
	u := newUser(t, "x")
	u.trusts(h)
	t.Setenv("LOGIN_TEST_NETCAT", h.l.Addr().String())
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	l, err := u.dial(u.config(h, "ProxyCommand "+self))
	if err != nil {
		t.Fatal(err)
	}
	works(t, l)
	if err := l.Close(); err != nil { // waits for the command
		t.Error(err)
	}
}

func TestCommandThatEndsIsToldAsSSHDoes(t *testing.T) {
	h := newHost(t, passwords("x"))
	u := newUser(t)
	// It is there until it has our first line: before that it is a broken pipe.
	_, err := u.dial(u.config(h, "ProxyCommand head -n1 >/dev/null"))
	if err == nil || err.Error() != "Connection closed by UNKNOWN port 65535" {
		t.Errorf("got %v", err)
	}
}

// gone is a connection of which the other end reads no more.
type gone struct{ net.Conn }

func (gone) Write([]byte) (int, error) { return 0, syscall.EPIPE }

func TestCommandThatIsGoneIsToldAsSSHDoes(t *testing.T) {
	h := newHost(t, passwords("x"))
	u := newUser(t)
	conn, _ := net.Pipe()
	defer conn.Close()
	l := &Login{host: u.config(h), opts: u.options(), conn: unnamed{gone{conn}}}
	_, err := transport.Handshake(l.conn, transport.Config{Log: l.opts.Log})
	if words := l.lastWords(err).Error(); words != "banner exchange: Connection to UNKNOWN port 65535: Broken pipe" {
		t.Errorf("got %q", words)
	}
	u.wasTold()
}
