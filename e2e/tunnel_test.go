//go:build linux

package e2e_test

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// tunnelled is a session with a tun device.
type tunnelled struct {
	*exec.Cmd
	there string // the name of the server's
}

// tunnel starts a session as root on both sides and waits for its tunnel.
func (w *world) tunnel(args ...string) tunnelled {
	w.t.Helper()
	cmd := w.tssh(append(args[:len(args):len(args)], placed(), "-l", "root", "-oExitOnForwardFailure=yes", "server", "echo $SSH_TUNNEL; cat")...)
	if _, err := cmd.StdinPipe(); err != nil {
		w.t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		w.t.Fatal(err)
	}
	var errs bytes.Buffer
	cmd.Stderr = &errs
	w.start(cmd)
	name, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		cmd.Wait()
		w.t.Fatalf("no tunnel: %v: %s", err, errs.String())
	}
	return tunnelled{cmd, strings.TrimSpace(name)}
}

// ping sends an ICMP echo of so many bytes and waits for its answer.
func (w *world) ping(ns, to string, size int) {
	w.t.Helper()
	var c net.Conn
	w.within(ns, func() (err error) {
		c, err = net.Dial("ip4:icmp", to)
		return err
	})
	defer c.Close()
	echo := make([]byte, 8+size)
	echo[0] = 8 // echo request
	binary.BigEndian.PutUint16(echo[4:], uint16(os.Getpid()))
	io.ReadFull(&stream{left: int64(size), state: 7}, echo[8:])
	var sum uint32
	for i := 0; i < len(echo); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(echo[i:]))
	}
	sum = sum>>16 + sum&0xffff
	binary.BigEndian.PutUint16(echo[2:], ^uint16(sum+sum>>16))
	answer := make([]byte, 64<<10)
	deadline := time.Now().Add(*patience)
	for {
		c.SetReadDeadline(time.Now().Add(2 * time.Second))
		if _, err := c.Write(echo); err != nil {
			w.t.Fatalf("ping %s: %v", to, err)
		}
		n, err := c.Read(answer)
		if err == nil && bytes.HasSuffix(answer[:n], echo[8:]) {
			return
		}
		if time.Now().After(deadline) {
			w.t.Fatalf("ping %s of %d bytes: %v", to, size, err)
		}
	}
}

// through sends bytes over TCP from one side to an address of the other, and
// calls half when half of them are under way.
func (w *world) through(from, to, addr string, size int64, half func()) {
	w.t.Helper()
	var l net.Listener
	w.within(to, func() (err error) {
		l, err = net.Listen("tcp4", addr+":0")
		return err
	})
	defer l.Close()
	var c net.Conn
	w.within(from, func() (err error) {
		c, err = net.DialTimeout("tcp4", l.Addr().String(), *patience)
		return err
	})
	defer c.Close()
	there, err := l.Accept()
	if err != nil {
		w.t.Fatal(err)
	}
	defer there.Close()
	c.SetDeadline(time.Now().Add(*patience))
	there.SetDeadline(time.Now().Add(*patience))
	want, got := sha256.New(), sha256.New()
	sent := make(chan error, 1)
	go func() {
		source := &stream{left: size, state: 88172645463325252}
		_, err := io.Copy(io.MultiWriter(c, want), source)
		c.(*net.TCPConn).CloseWrite()
		sent <- err
	}()
	n, err := io.CopyN(got, there, size/2)
	if err == nil {
		half()
		var rest int64
		rest, err = io.Copy(got, there)
		n += rest
	}
	if sending := <-sent; sending != nil || err != nil || n != size || !bytes.Equal(want.Sum(nil), got.Sum(nil)) {
		w.t.Errorf("to %s: %d bytes of %d, SHA-256 %x instead of %x: %v, %v", addr, n, size, got.Sum(nil), want.Sum(nil), sending, err)
	}
}

// device tells whether one side has a device.
func (w *world) device(ns, device string) bool {
	return exec.Command("ip", "-n", ns, "link", "show", device).Run() == nil
}

// TestTunnel: packets both ways between tun devices, which outlive a change of
// the client's address.
func TestTunnel(t *testing.T) {
	for _, m := range modes() {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "PermitTunnel yes", "PermitRootLogin yes")
			ip := w.tunnel(append(m.args, "-w", "3:4")...)
			ethernet := w.tunnel(append(m.args, "-oTunnel=ethernet", "-w", "any:any")...)
			if ip.there != "tun4" || ethernet.there != "tap0" {
				t.Fatalf("the devices are %s and %s", ip.there, ethernet.there)
			}
			// The server's first: an sshd gives a tunnel up when its device is down.
			w.ip(w.server, "link set tun4 up", "addr add 10.84.0.2 peer 10.84.0.1 dev tun4",
				"link set tap0 up", "addr add 10.84.1.2/24 dev tap0")
			w.ip(w.client, "link set tun3 up", "addr add 10.84.0.1 peer 10.84.0.2 dev tun3",
				"link set tap0 up", "addr add 10.84.1.1/24 dev tap0")
			pings := func() {
				t.Helper()
				for _, size := range []int{0, 56, 1400, 20000} { // the last in pieces
					w.ping(w.client, "10.84.0.2", size)
					w.ping(w.server, "10.84.0.1", size)
					w.ping(w.client, "10.84.1.2", size)
				}
			}
			roam := func() {
				if m.args != nil {
					w.roam()
				}
			}
			pings()
			roam()
			pings()
			w.through(w.client, w.server, "10.84.0.2", 1<<20, roam)
			w.through(w.server, w.client, "10.84.0.1", 1<<20, roam)
			w.through(w.server, w.client, "10.84.1.1", 1<<20, roam)
			for _, s := range []tunnelled{ip, ethernet} {
				s.Process.Signal(os.Interrupt)
				s.Wait()
			}
			w.awaits("the devices to go", func() bool {
				return !w.device(w.client, "tun3") && !w.device(w.client, "tap0") && !w.device(w.server, "tun4") && !w.device(w.server, "tap0")
			})
		})
	}
}

// TestTunnelRefused: what the server forbids, or can't do, is told as by ssh.
func TestTunnelRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "PermitRootLogin yes", "Port 22", "Port 2201", "Port 2202",
		"Match LocalPort 2201", "PermitTunnel point-to-point", "Match LocalPort 2202", "PermitTunnel ethernet")
	pub, err := os.ReadFile(filepath.Join(built, "user.pub"))
	if err != nil {
		t.Fatal(err)
	}
	w.write("authorized_keys", `tunnel="7" `+string(pub))
	w.ip(w.client, "link add tun9 type veth peer name tun10") // of another kind
	failed, none := "Tunnel forwarding failed", "Tunnel device open failed.\r\nCould not request tunnel forwarding."
	for _, test := range []struct{ args, exit, says string }{
		{"-w any:7", "yes", failed},
		{"-w any:8 -p 2201", "no", failed},
		{"-w any:7 -p 2202", "no", failed},
		{"-w any:7 -p 2201 -l alice", "yes", failed}, // who may not make devices
		{"-w 9 -p 2201", "yes", none},
	} {
		args := append(strings.Fields(test.args), "-l", "root", "-oExitOnForwardFailure="+test.exit, "server", "echo hello")
		want := w.do(w.command("ssh", append([]string{"-F", filepath.Join(w.dir, "config")}, args...)...))
		if !strings.Contains(want.err, test.says) || (want.status == 255) != (test.exit == "yes") {
			t.Errorf("ssh %q: %+v", args, want)
		}
		for _, m := range modes()[:2] {
			if got := w.do(w.tssh(append(append(m.args, placed()), args...)...)); got != want {
				t.Errorf("%s %q:\n%+v, ssh:\n%+v", m.name, args, got, want)
			}
		}
	}
	for _, m := range modes()[:2] {
		s := w.tunnel(append(m.args, "-w", "any", "-p", "2201")...)
		if s.there != "tun7" {
			t.Errorf("%s: the device is %q, not the key's", m.name, s.there)
		}
		s.Process.Signal(syscall.SIGTERM)
		s.Wait()
		w.awaits("the end of tun7", func() bool { return !w.device(w.server, "tun7") })
	}
}
