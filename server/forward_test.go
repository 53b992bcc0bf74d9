package server

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/crypto/ssh"

	"tssh/server/policy"
)

// echo is a server that sends back what it reads, and its end.
func echo(t *testing.T, network, address string) net.Listener {
	t.Helper()
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				io.Copy(c, c)
			}()
		}
	}()
	return l
}

// says writes to c, ends that direction, and expects the same back.
func says(t *testing.T, c net.Conn, text []byte) {
	t.Helper()
	defer c.Close()
	go func() {
		c.Write(text)
		c.(interface{ CloseWrite() error }).CloseWrite()
	}()
	if got, err := io.ReadAll(c); err != nil || !bytes.Equal(got, text) {
		t.Errorf("%d bytes of %d came back, %v", len(got), len(text), err)
	}
}

func TestLocalForward(t *testing.T) {
	each(t, func(t *testing.T, open func(service) *ssh.Client) {
		c := open(testService(t))
		tcp := echo(t, "tcp", "127.0.0.1:0").Addr().String()
		unix := filepath.Join(t.TempDir(), "echo")
		echo(t, "unix", unix)
		for network, address := range map[string]string{"tcp": tcp, "unix": unix} {
			conn, err := c.Dial(network, address)
			if err != nil {
				t.Fatal(err)
			}
			says(t, conn, bytes.Repeat([]byte("0123456789"), 300000))
		}
		free, _ := net.Listen("tcp", "127.0.0.1:0")
		free.Close()
		if err := dialError(c, "tcp", free.Addr().String()); !strings.Contains(err, "Connection refused") {
			t.Errorf("a closed port: %s", err)
		}
		if err := dialError(c, "unix", unix+"none"); !strings.Contains(err, "No such file") {
			t.Errorf("no socket: %s", err)
		}
	})
}

// dialError is why a forward can't be had, by the first use at the latest.
func dialError(c *ssh.Client, network, address string) string {
	conn, err := c.Dial(network, address)
	if err == nil {
		defer conn.Close()
		if _, err = conn.Read(make([]byte, 1)); err == nil {
			return "none"
		}
	}
	return err.Error()
}

func TestForbiddenForwards(t *testing.T) {
	each(t, func(t *testing.T, open func(service) *ssh.Client) {
		l := echo(t, "tcp", "127.0.0.1:0")
		port := l.Addr().(*net.TCPAddr).Port
		s := testService(t)
		s.policy.PermitOpen = []policy.Endpoint{{Host: "localhost", Port: fmt.Sprint(port)}}
		s.policy.PermitListen = []policy.Endpoint{}
		s.policy.LocalUnix, s.policy.RemoteUnix = false, false
		c := open(s)
		conn, err := c.Dial("tcp", fmt.Sprintf("localhost:%d", port))
		if err != nil {
			t.Fatal(err)
		}
		says(t, conn, []byte("x"))
		if err := dialError(c, "tcp", l.Addr().String()); !strings.Contains(err, "prohibited") {
			t.Errorf("another name: %s", err)
		}
		socket := echo(t, "unix", inHome(s, "echo")).Addr().String()
		if err := dialError(c, "unix", socket); !strings.Contains(err, `connect failed ("open failed")`) { // sshd's words
			t.Errorf("unix: %s", err)
		}
		if _, err := c.Listen("tcp", "127.0.0.1:0"); err == nil {
			t.Error("listens on TCP")
		}
		if _, err := c.ListenUnix(inHome(s, "sock")); err == nil {
			t.Error("listens on a unix socket")
		}
	})
}

func TestRemoteForward(t *testing.T) {
	each(t, func(t *testing.T, open func(service) *ssh.Client) {
		s := testService(t)
		c := open(s)
		tcp, err := c.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		unix, err := c.ListenUnix(inHome(s, "sock"))
		if err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(inHome(s, "sock")); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("the socket's mode is %v, %v", info, err)
		}
		for _, l := range []net.Listener{tcp, unix} {
			go func() {
				for {
					conn, err := l.Accept()
					if err != nil {
						return
					}
					go func() {
						io.Copy(conn, conn)
						conn.(interface{ CloseWrite() error }).CloseWrite()
					}()
				}
			}()
			address := l.Addr().String()
			if l == unix {
				address = inHome(s, "sock")
			}
			var all sync.WaitGroup
			for range 20 {
				conn, err := net.Dial(l.Addr().Network(), address)
				if err != nil {
					t.Fatal(err)
				}
				all.Go(func() { says(t, conn, bytes.Repeat([]byte("0123456789"), 30000)) })
			}
			all.Wait()
			if err := l.Close(); err != nil {
				t.Error(err)
			}
			if conn, err := net.Dial(l.Addr().Network(), address); err == nil {
				conn.Close()
				t.Errorf("%s still listens", address)
			}
		}
	})
}

// TestGatewayPorts: who may connect is not the client's to say.
func TestGatewayPorts(t *testing.T) {
	each(t, func(t *testing.T, open func(service) *ssh.Client) {
		c := open(testService(t))
		l, err := c.Listen("tcp", "0.0.0.0:0")
		if err != nil {
			t.Fatal(err)
		}
		all, _ := net.InterfaceAddrs()
		for _, a := range all {
			ip := a.(*net.IPNet).IP
			if ip.IsLoopback() || ip.To4() == nil {
				continue
			}
			if conn, err := net.Dial("tcp", net.JoinHostPort(ip.String(), fmt.Sprint(l.Addr().(*net.TCPAddr).Port))); err == nil {
				conn.Close()
				t.Errorf("%s can be reached", ip)
			}
		}
	})
}

func TestAgent(t *testing.T) {
	each(t, func(t *testing.T, open func(service) *ssh.Client) {
		c := open(testService(t))
		agents := c.HandleChannelOpen("auth-agent@openssh.com")
		go func() {
			for n := range agents {
				ch, reqs, err := n.Accept()
				if err != nil {
					continue
				}
				go ssh.DiscardRequests(reqs)
				go func() {
					defer ch.Close()
					io.WriteString(ch, "agent says hello")
				}()
			}
		}()
		var sockets []string
		for range 2 {
			s, _ := c.NewSession()
			if ok, err := s.SendRequest("auth-agent-req@openssh.com", true, nil); !ok || err != nil {
				t.Fatal(ok, err)
			}
			out, err := s.Output("printf %s $SSH_AUTH_SOCK")
			if err != nil {
				t.Fatal(err)
			}
			sockets = append(sockets, string(out))
		}
		if sockets[0] != sockets[1] {
			t.Errorf("%q: not the same for the whole connection", sockets)
		}
		dir, err := os.Stat(filepath.Dir(sockets[0]))
		if err != nil || dir.Mode().Perm() != 0o700 {
			t.Fatalf("%v, %v: others can get there", dir, err)
		}
		conn, err := net.Dial("unix", sockets[0])
		if err != nil {
			t.Fatal(err)
		}
		if b, err := io.ReadAll(conn); string(b) != "agent says hello" {
			t.Errorf("%q, %v", b, err)
		}
		r := command(t, c, "echo \"[$SSH_AUTH_SOCK]\"")
		if r.out != "[]\n" {
			t.Errorf("who did not ask got %q", r.out)
		}
		c.Close()
		eventually(t, "the agent's socket goes", func() bool {
			_, err := os.Stat(filepath.Dir(sockets[0]))
			return errors.Is(err, os.ErrNotExist)
		})
	})
}

func TestX11(t *testing.T) {
	each(t, func(t *testing.T, open func(service) *ssh.Client) {
		s := testService(t)
		// A program in xauth's place writes down what it is told.
		s.policy.XAuth = inHome(s, "xauth")
		os.WriteFile(s.policy.XAuth, []byte("#!/bin/sh\ncat >"+inHome(s, "told")+"\n"), 0o700)
		c := open(s)
		displays := c.HandleChannelOpen("x11")
		go func() {
			for n := range displays {
				ch, reqs, err := n.Accept()
				if err != nil {
					continue
				}
				go ssh.DiscardRequests(reqs)
				go func() {
					defer ch.Close()
					io.Copy(ch, ch)
				}()
			}
		}()
		session, _ := c.NewSession()
		ok, err := session.SendRequest("x11-req", true, ssh.Marshal(struct {
			Single        bool
			Proto, Cookie string
			Screen        uint32
		}{false, "MIT-MAGIC-COOKIE-1", "c0ffee", 0}))
		if !ok || err != nil {
			t.Fatal(ok, err)
		}
		out, _ := session.StdoutPipe()
		in, _ := session.StdinPipe()
		if err := session.Start("echo $DISPLAY; read x"); err != nil {
			t.Fatal(err)
		}
		var number int
		if _, err := fmt.Fscanf(out, "localhost:%d.0\n", &number); err != nil || number < 10 {
			t.Fatal(number, err)
		}
		told, _ := os.ReadFile(inHome(s, "told"))
		name := fmt.Sprintf("unix:%d.0", number)
		if want := "remove " + name + "\nadd " + name + " MIT-MAGIC-COOKIE-1 c0ffee\n"; string(told) != want {
			t.Errorf("xauth was told %q, not %q", told, want)
		}
		address := fmt.Sprintf("localhost:%d", 6000+number)
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		says(t, conn, []byte("l"))
		in.Close()
		session.Wait()
		eventually(t, "the display goes with its session", func() bool {
			conn, err := net.Dial("tcp", address)
			if err == nil {
				conn.Close()
			}
			return err != nil
		})
	})
}

// frame is a datagram as it goes over a channel.
func frame(text string) []byte {
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(text))), text...)
}

func unframe(t *testing.T, r io.Reader) string {
	t.Helper()
	var n uint16
	if err := binary.Read(r, binary.BigEndian, &n); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(r, b); err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestUDPForward(t *testing.T) {
	each(t, func(t *testing.T, open func(service) *ssh.Client) {
		c := open(testService(t))
		pc, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer pc.Close()
		go func() {
			b := make([]byte, 1<<16)
			for {
				n, from, err := pc.ReadFrom(b)
				if err != nil {
					return
				}
				pc.WriteTo(append([]byte("re: "), b[:n]...), from)
			}
		}()
		type flow struct {
			Host       string
			Port       uint32
			Origin     string
			OriginPort uint32
		}
		ch, reqs, err := c.OpenChannel("direct-udp@tssh", ssh.Marshal(flow{"127.0.0.1", uint32(pc.LocalAddr().(*net.UDPAddr).Port), "", 0}))
		if err != nil {
			t.Fatal(err)
		}
		go ssh.DiscardRequests(reqs)
		for _, text := range []string{"one", "", strings.Repeat("x", 9000)} {
			ch.Write(frame(text))
			if got := unframe(t, ch); got != "re: "+text {
				t.Errorf("%.20q came back as %.20q", text, got)
			}
		}
		ch.Close()

		flows := c.HandleChannelOpen("forwarded-udp@tssh")
		ok, reply, err := c.SendRequest("udp-forward@tssh", true, ssh.Marshal(struct {
			Host       string
			Port, Idle uint32
		}{"localhost", 0, 60}))
		if !ok || err != nil || len(reply) != 4 {
			t.Fatal(ok, reply, err)
		}
		port := binary.BigEndian.Uint32(reply)
		for range 3 {
			conn, err := net.Dial("udp", fmt.Sprintf("127.0.0.1:%d", port))
			if err != nil {
				t.Fatal(err)
			}
			conn.Write([]byte("to the client"))
			n := <-flows
			var f flow
			if err := ssh.Unmarshal(n.ExtraData(), &f); err != nil || f.Host != "localhost" || f.Port != port || int(f.OriginPort) != conn.LocalAddr().(*net.UDPAddr).Port {
				t.Errorf("%+v, %v", f, err)
			}
			ch, reqs, _ := n.Accept()
			go ssh.DiscardRequests(reqs)
			if got := unframe(t, ch); got != "to the client" {
				t.Errorf("%q", got)
			}
			ch.Write(frame("back"))
			b := make([]byte, 10)
			if m, err := conn.Read(b); string(b[:m]) != "back" {
				t.Errorf("%q, %v", b[:m], err)
			}
			conn.Close()
			ch.Close()
		}
		if ok, _, _ := c.SendRequest("cancel-udp-forward@tssh", true, ssh.Marshal(struct {
			Host string
			Port uint32
		}{"localhost", port})); !ok {
			t.Error("can't be cancelled")
		}
	})
}
