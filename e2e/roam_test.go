//go:build linux

package e2e_test

import (
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

func transports() []mode { return modes()[1:] }

// counter counts what goes through, and says so.
type counter struct {
	n     atomic.Int64
	moved chan struct{} // of capacity 1
}

func (c *counter) Write(p []byte) (int, error) {
	c.n.Add(int64(len(p)))
	select {
	case c.moved <- struct{}{}:
	default:
	}
	return len(p), nil
}

// transfer is a stream that runs through a session and back, until it is told
// to stop.
type transfer struct {
	w       *world
	cmd     *exec.Cmd
	back    counter
	stop    chan struct{}
	outcome chan error
}

func (w *world) transfer(args ...string) *transfer {
	w.t.Helper()
	return w.transferBy(w.client, w.tssh(append(args[:len(args):len(args)], placed(), "server", "cat")...))
}

// transferBy is a transfer by a client, somewhere, whose session gives back what it gets.
func (w *world) transferBy(ns string, cmd *exec.Cmd) *transfer {
	w.t.Helper()
	x := &transfer{w: w, cmd: cmd, stop: make(chan struct{}), outcome: make(chan error, 1)}
	x.back.moved = make(chan struct{}, 1)
	var said strings.Builder
	cmd.Stderr = &said
	stdin, err := cmd.StdinPipe()
	if err != nil {
		w.t.Fatal(err)
	}
	there, here := sha256.New(), sha256.New()
	cmd.Stdout = io.MultiWriter(here, &x.back)
	w.within(ns, cmd.Start)
	var sent int64
	fed := make(chan error, 1)
	go func() {
		defer stdin.Close()
		source := &stream{left: 1 << 62, state: 88172645463325252}
		for {
			select {
			case <-x.stop:
				fed <- nil
				return
			default:
			}
			n, err := io.CopyN(io.MultiWriter(there, stdin), source, 64<<10)
			sent += n
			if err != nil {
				fed <- err
				return
			}
		}
	}()
	go func() {
		err := cmd.Wait()
		if feeding := <-fed; err == nil {
			err = feeding
		}
		if back := x.back.n.Load(); err == nil && (back != sent || string(there.Sum(nil)) != string(here.Sum(nil))) {
			err = fmt.Errorf("sent %d bytes with SHA-256 %x, %d came back with %x", sent, there.Sum(nil), back, here.Sum(nil))
		}
		if err != nil {
			err = fmt.Errorf("%w; stderr: %s", err, said.String())
		}
		x.outcome <- err
	}()
	return x
}

// goesOn waits until some more came back.
func (x *transfer) goesOn() {
	x.w.t.Helper()
	deadline := time.After(*patience)
	for goal := x.back.n.Load() + 100<<10; x.back.n.Load() < goal; {
		select {
		case <-x.back.moved:
		case err := <-x.outcome:
			x.w.t.Fatalf("the transfer ended: %v", err)
		case <-deadline:
			x.w.t.Fatalf("stuck at %d bytes for %s: %s", x.back.n.Load(), *patience, x.stacks())
		}
	}
}

// ends stops the stream and compares the two checksums.
func (x *transfer) ends() {
	x.w.t.Helper()
	close(x.stop)
	select {
	case err := <-x.outcome:
		if err != nil {
			x.w.t.Fatal(err)
		}
		x.w.t.Logf("%d bytes went both ways", x.back.n.Load())
	case <-time.After(*patience):
		x.w.t.Fatalf("the transfer has not ended within %s: %s", *patience, x.stacks())
	}
}

// stacks ends the client in the way that makes it say what it is waiting for.
func (x *transfer) stacks() error {
	x.cmd.Process.Signal(syscall.SIGQUIT)
	return <-x.outcome
}

// TestTransferOutlivesAHundredAddresses: both ways at once, every byte compared.
func TestTransferOutlivesAHundredAddresses(t *testing.T) {
	for _, m := range transports() {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			x := w.transfer(m.args...)
			for range 100 {
				x.goesOn()
				w.roam()
			}
			x.goesOn()
			x.ends()
		})
	}
}

// TestTransferOutlivesEverything: the other things that networks do.
func TestTransferOutlivesEverything(t *testing.T) {
	for _, m := range transports() {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.nat()
			x := w.transfer(m.args...)
			during := func(what string, begin, end func()) {
				x.goesOn()
				t.Log(what)
				begin()
				if end != nil {
					time.Sleep(*outage / 2) // the fault's length; it decides nothing
					end()
				}
				x.goesOn()
			}
			mend := func() { w.fault("") }
			during("blackout", func() { w.fault(nothing) }, mend)
			during("NAT rebinding", w.rebind, nil)
			during("NAT rebinding again", w.rebind, nil)
			during("packets over 1280 bytes vanish", func() { w.narrow(1280) }, nil)
			x.goesOn() // all that was under way before has arrived
			x.goesOn()
			x.goesOn()
			w.narrow(1500)
			during("blackout, and another address after it", func() { w.fault(nothing); w.roam() }, mend)
			asleep := func(pids ...int) (stop, cont func()) {
				return func() { signalAll(pids, syscall.SIGSTOP) }, func() { signalAll(pids, syscall.SIGCONT) }
			}
			stop, cont := asleep(x.cmd.Process.Pid)
			during("the client sleeps", stop, cont)
			stop, cont = asleep(w.tsshds()...)
			during("the server sleeps", stop, cont)
			during("only IPv6", w.only6, nil)
			during("only IPv4", w.only4, nil)
			x.ends()
		})
	}
}

func signalAll(pids []int, s syscall.Signal) {
	for _, pid := range pids {
		syscall.Kill(pid, s)
	}
}

// TestKeysTypedOffline: typed while there is no network, they arrive once and in order.
func TestKeysTypedOffline(t *testing.T) {
	for _, m := range transports() {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			var typed strings.Builder
			for i := range 100 {
				fmt.Fprintf(&typed, "%d,", i)
			}
			p := w.terminal(w.tssh(append(m.args, placed(), "-tt", "server",
				fmt.Sprintf("stty raw -echo; echo ready; head -c %d >keys; echo done", typed.Len()))...))
			p.expect("ready")
			w.fault(nothing)
			pause := *outage / 100
			for _, key := range strings.SplitAfter(typed.String(), ",") {
				p.keys(key)
				time.Sleep(pause) // as people type; it decides nothing
			}
			w.fault("")
			p.expect("done")
			if status := p.exit(); status != 0 {
				t.Errorf("exit status %d", status)
			}
			if got, err := os.ReadFile(w.home() + "/keys"); err != nil || string(got) != typed.String() {
				t.Errorf("typed %q, arrived %q, %v", typed.String(), got, err)
			}
		})
	}
}

// TestShellMoves: from one address, family and NAT binding to the next.
func TestShellMoves(t *testing.T) {
	for _, m := range transports() {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.nat()
			p := w.shell(append(m.args, "server")...)
			n := 0
			answers := func() {
				t.Helper()
				n++
				p.keys(fmt.Sprintf("echo st\"\"ill here %d\r", n))
				p.expect(fmt.Sprintf("still here %d\r\nready> ", n))
			}
			answers()
			for _, move := range []func(){w.roam, w.rebind, w.only6, w.roam, w.only4, w.roam, w.rebind} {
				move()
				answers()
			}
			p.keys("exit\r")
			if status := p.exit(); status != 0 {
				t.Errorf("exit status %d", status)
			}
		})
	}
}

// TestServerOutlivedByNothing: it ends with its client, by whatever death.
func TestServerOutlivedByNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.says("x\n", "", "--udp", placed(), "server", "echo x")
	w.awaits("tsshd ends with the session", func() bool { return len(w.tsshds()) == 0 })

	cmd := w.tssh("--udp", placed(), "-oUdpAliveTimeout=2", "-tt", "server", "stty raw; echo ready; exec sleep 1000")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	w.start(cmd)
	if line := make([]byte, 6); readFull(t, out, line) != "ready\n" {
		t.Fatalf("got %q", line)
	}
	if len(w.tsshds()) == 0 {
		t.Fatal("no tsshd is seen on the server: the test sees nothing")
	}
	cmd.Process.Signal(syscall.SIGKILL)
	cmd.Wait()
	w.awaits("tsshd ends after UdpAliveTimeout", func() bool { return len(w.tsshds()) == 0 })
	w.awaits("the session's program ends", func() bool { // hung up by then, and dying
		return !slices.ContainsFunc(w.processes(w.server), func(pid int) bool {
			line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
			return strings.HasPrefix(string(line), "sleep\x00")
		})
	})
}

func readFull(t *testing.T, r io.Reader, p []byte) string {
	t.Helper()
	if _, err := io.ReadFull(r, p); err != nil {
		t.Fatalf("read: %v", err)
	}
	return string(p)
}

// TestServerDies: a tsshd that was killed, or whose machine was restarted,
// cannot say good-bye; its client finds out and does not wait for ever.
func TestServerDies(t *testing.T) {
	for _, m := range transports() {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			cmd := w.tssh(append(m.args, placed(), "server", "echo ready; exec cat")...)
			var said strings.Builder
			cmd.Stderr = &said
			if _, err := cmd.StdinPipe(); err != nil {
				t.Fatal(err)
			}
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			w.start(cmd)
			if got := readFull(t, out, make([]byte, 6)); got != "ready\n" {
				t.Fatalf("got %q", got)
			}
			for _, pid := range w.tsshds() {
				syscall.Kill(pid, syscall.SIGKILL)
			}
			cmd.Wait()
			if status := cmd.ProcessState.ExitCode(); status != 255 || !strings.Contains(said.String(), "closed by remote host") {
				t.Errorf("status %d, %s", status, said.String())
			}
		})
	}
}

// TestOfflineForTooLong: both ends give up after UdpAliveTimeout.
func TestOfflineForTooLong(t *testing.T) {
	for _, m := range transports() {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			p := w.terminal(w.tssh(append(m.args, placed(), "-oUdpAliveTimeout=2", "-tt", "server", "echo ready; exec cat")...))
			p.expect("ready")
			w.fault(nothing)
			p.expect("not responding")
			if status := p.exit(); status != 255 {
				t.Errorf("exit status %d", status)
			}
			w.awaits("tsshd ends", func() bool { return len(w.tsshds()) == 0 })
		})
	}
}
