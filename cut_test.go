package main

import (
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/rogpeppe/go-internal/testscript"
)

// cut runs "tssh args... there 'echo ran >>FILE; echo ok'" again and again, each time
// through a network that takes the first connection away after some more of what the
// server said, from its first byte to the last. It either runs once and says ok, or
// was cut while it logged in, and ssh's words say so; once logged in it does run.
func cut(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: cut reset|close [args...]")
	}
	const whole = 1 << 30
	loggedIn := false
	total, size := 0, whole
	for after := whole; ; {
		r := &scissors{to: "127.0.0.1:" + ts.Getenv("PORT"), after: after, reset: args[0] == "reset"}
		port := r.start(ts)
		file := ts.MkAbs("ran")
		os.Remove(file)
		line := append([]string{"-F", "config", "-p", port, "-o", "HostKeyAlias=[127.0.0.1]:" + ts.Getenv("PORT")}, args[1:]...)
		cmd := exec.Command(lookPath(ts, "tssh"), append(line, "there", "echo ran >>'"+file+"'; echo ok")...)
		cmd.Dir = ts.MkAbs(".")
		cmd.Env = append(os.Environ(), "HOME="+ts.Getenv("HOME"))
		var errs strings.Builder
		cmd.Stderr = &errs
		out, err := cmd.Output()
		r.end()
		ran, _ := os.ReadFile(file)
		n := strings.Count(string(ran), "ran")
		says := errs.String()
		switch {
		case err == nil && n == 1 && strings.TrimSpace(string(out)) == "ok":
			loggedIn = loggedIn || after < whole && r.taken.Load() > 1
		case n == 0 && len(out) == 0 && !loggedIn && cmd.ProcessState.ExitCode() == 255 &&
			strings.Contains(says, " port "+port):
		default:
			ts.Fatalf("%s after %d bytes of %d, connection %d: ran %d times: %v, %q, %q", args[0], after, total, r.taken.Load(), n, err, out, says)
		}
		if after == whole {
			total, after = int(r.said.Load()), 0
			size = max(total/16, 1)
			continue
		}
		if after += size; after >= total {
			break
		}
	}
	if !loggedIn {
		ts.Fatalf("no login was made again: the network was never cut in one")
	}
}

// scissors are a relay that cuts its first connection.
type scissors struct {
	to    string
	after int // bytes from the server
	reset bool

	taken, said atomic.Int64
	listener    net.Listener
	running     sync.WaitGroup
}

func (r *scissors) start(ts *testscript.TestScript) (port string) {
	var err error
	r.listener, err = net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	r.running.Go(func() {
		for {
			c, err := r.listener.Accept()
			if err != nil {
				return
			}
			r.running.Go(func() { r.relay(c.(*net.TCPConn), r.taken.Add(1) == 1) })
		}
	})
	_, port, _ = net.SplitHostPort(r.listener.Addr().String())
	return port
}

func (r *scissors) end() {
	r.listener.Close()
	r.running.Wait()
}

func (r *scissors) relay(c *net.TCPConn, first bool) {
	s, err := net.Dial("tcp", r.to)
	if err != nil {
		c.Close()
		return
	}
	r.running.Go(func() { io.Copy(s, c); s.(*net.TCPConn).CloseWrite() })
	var from io.Reader = s
	if first {
		from = io.LimitReader(s, int64(r.after))
	}
	n, _ := io.Copy(c, from)
	if first {
		r.said.Store(n)
		if r.reset && n == int64(r.after) {
			c.SetLinger(0)
		}
	}
	c.Close()
	s.Close()
}
