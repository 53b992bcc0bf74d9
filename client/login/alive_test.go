package login

import (
	"context"
	"errors"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

// freezer is a relay that stops carrying anything, as a dead network does.
type freezer struct {
	net.Listener
	frozen chan struct{}
}

func newFreezer(t *testing.T, to string) *freezer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	f := &freezer{l, make(chan struct{})}
	go func() {
		a, err := l.Accept()
		if err != nil {
			return
		}
		b, err := net.Dial("tcp", to)
		if err != nil {
			return
		}
		carry := func(from, to net.Conn) {
			defer to.Close()
			b := make([]byte, 4096)
			for {
				n, err := from.Read(b)
				if err != nil {
					return
				}
				select {
				case <-f.frozen:
				default:
					to.Write(b[:n])
				}
			}
		}
		go carry(a, b)
		carry(b, a)
	}()
	return f
}

func TestSilentServerIsGivenUp(t *testing.T) {
	h := newHost(t, passwords("x"))
	f := newFreezer(t, h.l.Addr().String())
	u := newUser(t, "x")
	c := u.config(h, "StrictHostKeyChecking no")
	c.Port = f.Addr().(*net.TCPAddr).Port
	c.ServerAliveInterval, c.ServerAliveCountMax = 30*time.Millisecond, 2
	l, err := u.dial(c)
	if err != nil {
		t.Fatal(err)
	}
	works(t, l)
	close(f.frozen)
	if err := l.Wait(); err == nil || err.Error() != "Timeout, server 127.0.0.1 not responding." {
		t.Errorf("got %v", err)
	}
}

func TestServerThatAnswersIsKept(t *testing.T) {
	h := newHost(t, passwords("x"))
	u := newUser(t, "x")
	u.trusts(h)
	c := u.config(h)
	// More questions are asked than may stay without an answer, in more time than
	// a busy machine needs for one.
	c.ServerAliveInterval, c.ServerAliveCountMax = 2*time.Millisecond, 400
	l, err := u.dial(c)
	if err != nil {
		t.Fatal(err)
	}
	select {
	case <-l.ended:
		t.Errorf("ended: %v", l.err)
	case <-time.After(2 * time.Second):
	}
	works(t, l)
}

func TestConnectTimeoutCoversAServerThatSaysNothing(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	h := newHost(t, passwords("x"))
	u := newUser(t)
	c := u.config(h)
	c.Port, c.ConnectTimeout = l.Addr().(*net.TCPAddr).Port, 50*time.Millisecond
	_, err = u.dial(c)
	if err == nil || !strings.HasSuffix(err.Error(), "timed out") {
		t.Errorf("got %v", err)
	}
	u.wasTold("Connection timed out during banner exchange")
}

func TestGivingUpEndsALogin(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	h := newHost(t, passwords("x"))
	u := newUser(t)
	c := u.config(h)
	c.Port = l.Addr().(*net.TCPAddr).Port
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		l.Accept()
		cancel()
	}()
	if _, err := Dial(ctx, c, u.options()); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// TestCloseWaits for what watches over a login, and for what reads its requests.
func TestCloseWaits(t *testing.T) {
	h := newHost(t, &ssh.ServerConfig{NoClientAuth: true})
	u := newUser(t)
	u.trusts(h)
	c := u.config(h, "ServerAliveInterval 60")
	for range 30 {
		l, err := u.dial(c)
		if err != nil {
			t.Fatal(err)
		}
		l.Close()
		all := make([]byte, 1<<20)
		for stack := range strings.SplitSeq(string(all[:runtime.Stack(all, true)]), "\n\n") {
			for _, name := range []string{"keepAlive", "globalRequests"} {
				if strings.Contains(stack, "login.(*Login)."+name) {
					t.Fatalf("it is there after Close:\n%s", stack)
				}
			}
		}
	}
}
