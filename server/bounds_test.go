//go:build unix

package server

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

// TestNothingIsLeftBehind counts what sessions and forwards took.
func TestNothingIsLeftBehind(t *testing.T) {
	each(t, func(t *testing.T, open func(service) *ssh.Client) {
		s := testService(t)
		c := open(s)
		l := echo(t, "tcp", "127.0.0.1:0")
		use := func() {
			var all sync.WaitGroup
			for range 10 {
				all.Go(func() { command(t, c, "echo x; echo y >&2") })
				all.Go(func() {
					s := terminal(t, c)
					s.Run("echo x")
				})
				all.Go(func() {
					if conn, err := c.Dial("tcp", l.Addr().String()); err == nil {
						says(t, conn, []byte("x"))
					}
				})
			}
			all.Wait()
			if r, err := c.Listen("tcp", "127.0.0.1:0"); err == nil {
				r.Close()
			}
		}
		use()
		fds, goroutines := steady(descriptors), steady(runtime.NumGoroutine)
		for range 3 {
			use()
		}
		// A few come and go with the transport; a leak would leave one for each of 90 uses.
		eventually(t, "descriptors are closed", func() bool { return descriptors() <= fds+5 })
		eventually(t, "goroutines end", func() bool { return runtime.NumGoroutine() <= goroutines+5 })
	})
}

// steady is a count that no longer falls.
func steady(count func() int) int {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	least := count()
	for again := 0; again < 100; again++ {
		<-tick.C
		if n := count(); n < least {
			least, again = n, 0
		}
	}
	return least
}

func descriptors() int {
	for _, dir := range []string{"/proc/self/fd", "/dev/fd"} {
		if names, err := os.ReadDir(dir); err == nil {
			return len(names)
		}
	}
	return 0
}

// TestThousandsOfForwards are open at once, and all of them work.
func TestThousandsOfForwards(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	each(t, func(t *testing.T, open func(service) *ssh.Client) {
		c := open(testService(t))
		l := echo(t, "tcp", "127.0.0.1:0")
		const n, atOnce = 1500, 50
		conns := make([]net.Conn, n)
		var all sync.WaitGroup
		for first := range atOnce {
			all.Go(func() {
				for i := first; i < n; i += atOnce {
					var err error
					if conns[i], err = c.Dial("tcp", l.Addr().String()); err != nil {
						t.Errorf("forward %d: %v", i, err)
						return
					}
					fmt.Fprintf(conns[i], "%09d", i)
				}
			})
		}
		if all.Wait(); t.Failed() {
			return
		}
		for i, conn := range conns {
			b := make([]byte, 9)
			if _, err := io.ReadFull(conn, b); err != nil || string(b) != fmt.Sprintf("%09d", i) {
				t.Fatalf("forward %d: %q, %v", i, b, err)
			}
			conn.Close()
		}
	})
}

// TestClientThatDoesNotRead: the program waits, memory stays, and nothing is lost.
func TestClientThatDoesNotRead(t *testing.T) {
	each(t, func(t *testing.T, open func(service) *ssh.Client) {
		s := testService(t)
		c := open(s)
		before := heap()
		session, _ := c.NewSession()
		out, _ := session.StdoutPipe()
		if err := session.Start("head -c 40000000 /dev/zero; echo end; echo >" + inHome(s, "done")); err != nil {
			t.Fatal(err)
		}
		first := make([]byte, 1)
		if _, err := io.ReadFull(out, first); err != nil {
			t.Fatal(err)
		}
		// Another session works meanwhile, and the first program can't be through.
		if r := command(t, c, "sleep 0.3; [ -e "+inHome(s, "done")+" ] && echo through"); r.out != "" {
			t.Error("40 MB went somewhere while nobody read")
		}
		if grown := heap() - before; grown > 10<<20 {
			t.Errorf("%d MiB more in memory, both ends", grown>>20)
		}
		var rest countEnd
		if _, err := io.Copy(&rest, out); err != nil || rest.n != 40000003 || string(rest.end) != "end\n" {
			t.Errorf("%d bytes, ending %q, %v", rest.n, rest.end, err)
		}
	})
}

// heap is how many bytes are in use, without what pools keep.
func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// countEnd counts bytes and keeps the last few.
type countEnd struct {
	n   int
	end []byte
}

func (c *countEnd) Write(p []byte) (int, error) {
	c.n += len(p)
	c.end = append(c.end, p[max(0, len(p)-4):]...)
	c.end = bytes.Clone(c.end[max(0, len(c.end)-4):])
	return len(p), nil
}

// TestManySessions come one after the other; none is in the way of the next.
func TestManySessions(t *testing.T) {
	each(t, func(t *testing.T, open func(service) *ssh.Client) {
		s := testService(t)
		s.policy.MaxSessions = 10
		c := open(s)
		for range 100 {
			if r := command(t, c, "echo x"); strings.TrimSpace(r.out) != "x" || r.exit != nil {
				t.Fatalf("%+v", r)
			}
		}
	})
}
