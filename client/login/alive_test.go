package login

import (
	"context"
	"errors"
	"net"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/ssh"

	"tssh/client/auth"
	"tssh/proxy/simnet"
)

// watched logs in to a host by a line of its own, in fake time: no machine is so
// slow there that its server seems to be gone.
func watched(t *testing.T, f func(l *Login, phone *simnet.Host)) {
	h := newHost(t, passwords("x"))
	u := newUser(t, "x")
	u.trusts(h)
	c := u.config(h)
	c.ServerAliveInterval, c.ServerAliveCountMax = 15*time.Second, 3
	synctest.Test(t, func(t *testing.T) {
		phone, far := simnet.Pair(t, simnet.Link{Delay: 50 * time.Millisecond})
		port, err := far.ListenTCP(22)
		if err != nil {
			t.Fatal(err)
		}
		defer port.Close()
		served := make(chan struct{})
		go func() {
			defer close(served)
			conn, err := port.Accept()
			if err != nil {
				t.Error(err)
				return
			}
			h.serve(conn)
		}()
		conn, err := phone.DialTCP(t.Context(), far.Addr(22))
		if err != nil {
			t.Fatal(err)
		}
		l := &Login{host: c, opts: u.options(), memory: new(auth.Memory), conn: conn, close: conn.Close,
			ended: make(chan struct{}), idle: make(chan struct{})}
		l.opts.pins = new(pins)
		if err := l.shakeHands(t.Context()); err != nil {
			t.Fatal(err)
		}
		works(t, l)
		f(l, phone)
		phone.Change(func(line *simnet.Link) { line.Down = false })
		l.Close()
		<-served
	})
}

func TestSilentServerIsGivenUp(t *testing.T) {
	watched(t, func(l *Login, phone *simnet.Host) {
		phone.Change(func(line *simnet.Link) { line.Down = true })
		dead := time.Now()
		if err := l.Wait(); err == nil || err.Error() != "Timeout, server 127.0.0.1 not responding." {
			t.Errorf("got %v", err)
		}
		if took := time.Since(dead); took < 45*time.Second || took > time.Minute+time.Second {
			t.Errorf("after %v", took)
		}
	})
}

func TestServerThatAnswersIsKept(t *testing.T) {
	watched(t, func(l *Login, _ *simnet.Host) {
		time.Sleep(time.Hour)
		if !l.Stands() {
			t.Errorf("ended: %v", l.err)
		}
		works(t, l)
	})
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
	c.Port, c.ConnectTimeout = l.Addr().(*net.TCPAddr).Port, time.Second
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
