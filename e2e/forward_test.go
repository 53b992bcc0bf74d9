//go:build linux

package e2e_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// echo serves, on one side of the world, connections that get back what they
// send, and returns the port.
func (w *world) echo(ns string) int {
	w.t.Helper()
	var l net.Listener
	w.within(ns, func() (err error) {
		l, err = net.Listen("tcp4", "127.0.0.1:0")
		return err
	})
	w.echoAll(l)
	return l.Addr().(*net.TCPAddr).Port
}

// echoAll serves the connections of l so, until the test ends.
func (w *world) echoAll(l net.Listener) {
	w.t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				io.Copy(c, c)
				c.(interface{ CloseWrite() error }).CloseWrite()
			}()
		}
	}()
}

// dial connects to a port of one side's loopback, as soon as somebody listens.
func (w *world) dial(ns string, port int) net.Conn {
	w.t.Helper()
	var c net.Conn
	w.awaits(fmt.Sprintf("a listener at port %d", port), func() (up bool) {
		w.within(ns, func() error {
			var err error
			c, err = net.Dial("tcp4", fmt.Sprintf("127.0.0.1:%d", port))
			up = err == nil
			return nil
		})
		return up
	})
	c.SetDeadline(time.Now().Add(*patience))
	w.t.Cleanup(func() { c.Close() })
	return c
}

// TestForwards: -L, -R and -D, which live as long as the session does.
func TestForwards(t *testing.T) {
	for _, m := range modes() {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			there, here := w.echo(w.server), w.echo(w.client)
			cmd := w.tssh(append(m.args, placed(), "-N", "-L", fmt.Sprintf("7001:127.0.0.1:%d", there),
				"-R", fmt.Sprintf("7002:127.0.0.1:%d", here), "-D", "7003", "server")...)
			w.start(cmd)
			local, remote, socks := w.dial(w.client, 7001), w.dial(w.server, 7002), w.dial(w.client, 7003)
			socks.Write([]byte{4, 1, byte(there >> 8), byte(there), 127, 0, 0, 1, 0}) // SOCKS4, CONNECT
			if got := readFull(t, socks, make([]byte, 8)); got[1] != 90 {
				t.Fatalf("SOCKS answered % x", got)
			}
			for i := range 3 {
				for _, c := range []net.Conn{local, remote, socks} {
					word := fmt.Sprintf("%d from %s", i, c.LocalAddr())
					io.WriteString(c, word)
					if got := readFull(t, c, make([]byte, len(word))); got != word {
						t.Fatalf("sent %q, got %q", word, got)
					}
				}
				if m.args != nil {
					w.roam()
				}
			}
			local.(*net.TCPConn).CloseWrite()
			if rest, err := io.ReadAll(local); err != nil || len(rest) != 0 {
				t.Errorf("after the end: %q, %v", rest, err)
			}
		})
	}
}

// TestPolicy: what sshd_config forbids is forbidden over UDP too.
func TestPolicy(t *testing.T) {
	for _, m := range modes() {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "AllowTcpForwarding no", "PermitTTY no", "AllowAgentForwarding no")
			port := w.echo(w.server)
			cmd := w.tssh(append(m.args, placed(), "-W", fmt.Sprintf("127.0.0.1:%d", port), "server")...)
			cmd.Stdin = strings.NewReader("hello")
			if r := w.do(cmd); r.status != 255 || r.out != "" {
				t.Errorf("-W: %+v", r)
			}
			// As with ssh: what was to run on a terminal does not run without.
			if r := w.do(w.tssh(append(m.args, placed(), "-tt", "server", "tty")...)); r.status != 255 || r.out != "" || !strings.Contains(r.err, "PTY allocation request failed") {
				t.Errorf("-tt: %+v", r)
			}
		})
	}
}

// agent starts ssh-agent on the client with these of our keys, and tells its socket.
func (w *world) agent(keys ...string) (socket string) {
	w.t.Helper()
	socket = filepath.Join(w.dir, "agent")
	agent := w.command("ssh-agent", "-D", "-a", socket)
	out, err := agent.StdoutPipe()
	if err != nil {
		w.t.Fatal(err)
	}
	w.start(agent)
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil { // it listens
		w.t.Fatal(err)
	}
	for _, key := range keys {
		w.runs("env", "SSH_AUTH_SOCK="+socket, "ssh-add", "-q", filepath.Join(built, key))
	}
	return socket
}

// TestAgent: the keys of the client's agent, used from the server.
func TestAgent(t *testing.T) {
	for _, m := range modes() {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			socket := w.agent("user")
			for _, c := range []struct {
				flag, want string
				status     int
			}{{"-A", "(ED25519)\n", 0}, {"-a", "", 2}} {
				cmd := w.tssh(append(m.args, placed(), "-oIdentityAgent="+socket, c.flag, "server", "ssh-add -l")...)
				cmd.Env = append(cmd.Env, "SSH_AUTH_SOCK="+socket)
				if r := w.do(cmd); r.status != c.status || !strings.HasSuffix(r.out, c.want) {
					t.Errorf("%s: %+v", c.flag, r)
				}
			}
		})
	}
}
