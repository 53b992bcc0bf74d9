package idle

import (
	"io"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/ssh"
)

// far is a channel whose far side says what is fed, and takes what there is room for.
type far struct {
	ssh.Channel
	r      *io.PipeReader
	w      *io.PipeWriter
	room   chan struct{} // nil: for everything
	closed chan struct{}
}

func newFar() *far {
	f := &far{closed: make(chan struct{})}
	f.r, f.w = io.Pipe()
	return f
}

func (f *far) Read(p []byte) (int, error) { return f.r.Read(p) }
func (f *far) Stderr() io.ReadWriter      { return f }
func (f *far) Write(p []byte) (int, error) {
	if f.room != nil {
		select {
		case <-f.room:
		case <-f.closed:
			return 0, io.EOF
		}
	}
	return len(p), nil
}
func (f *far) Close() error {
	close(f.closed)
	return f.w.Close()
}

func ended(c *Channel) bool {
	select {
	case <-c.gone:
		return true
	default:
		return false
	}
}

// TestUseIsWhatPasses: data in either direction, nothing else, and what waits for
// a far side that is away counts as it is written, once.
func TestUseIsWhatPasses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []string
		l := New(Config{
			Of: func(kind string) time.Duration {
				return map[string]time.Duration{"session:command": 10 * time.Second}[kind]
			},
			Logf: func(format string, args ...any) { told = append(told, format) },
		})
		defer l.Close()
		f := newFar()
		f.room = make(chan struct{}, 1)
		c := l.Watch(f)
		requests := make(chan string)
		asked := Requests(c, requests, func(string) {})
		go io.Copy(io.Discard, c)

		time.Sleep(time.Hour) // nobody knows yet what it is for
		if ended(c) {
			t.Fatal("ended before it began")
		}
		c.Begin("session:command")
		time.Sleep(9 * time.Second)
		f.w.Write([]byte("x"))
		time.Sleep(9 * time.Second)
		f.room <- struct{}{}
		c.Write([]byte("y"))
		time.Sleep(5 * time.Second)
		requests <- "window-change"
		<-asked
		wrote := make(chan error)
		go func() {
			_, err := c.Write([]byte("the far side is away"))
			wrote <- err
		}()
		time.Sleep(9 * time.Second)
		if ended(c) {
			t.Fatal("ended 9 s after the last use")
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if !ended(c) {
			t.Fatal("lives 10 s after the last use")
		}
		if err := <-wrote; err != io.EOF {
			t.Errorf("write at the end: %v", err)
		}
		if _, more := <-asked; more {
			t.Error("a request after the end")
		}
		close(requests)
		if !slices.Equal(told, []string{"channel of type %s: closing after %d seconds of inactivity"}) {
			t.Errorf("told %q", told)
		}
	})
}

// TestConnectionThatNobodyUses ends when no channel was open for long enough:
// one that has not begun is none, nor is one that was too long idle, whatever
// its client says to that.
func TestConnectionThatNobodyUses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var after atomic.Int64
		l := New(Config{
			Of:       func(string) time.Duration { return time.Minute },
			Unused:   10 * time.Second,
			Deserted: func() { after.Store(int64(time.Since(start))) },
		})
		defer l.Close()
		larval := l.Watch(newFar())
		time.Sleep(9 * time.Second)
		first := l.Watch(newFar())
		first.Begin("direct-tcpip")
		time.Sleep(30 * time.Second)
		first.Close()
		time.Sleep(9 * time.Second)
		l.Watch(newFar()).Begin("x11")
		time.Sleep(time.Hour)
		if want := (9 + 30 + 9 + 60 + 10) * time.Second; time.Duration(after.Load()) != want {
			t.Errorf("the connection ended after %v, want %v", time.Duration(after.Load()), want)
		}
		larval.Close()
	})
}

func TestConnectionThatNobodyEverUses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var gone atomic.Bool
		l := New(Config{Unused: 10 * time.Second, Deserted: func() { gone.Store(true) }})
		time.Sleep(9 * time.Second)
		if gone.Load() {
			t.Error("gone too early")
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if !gone.Load() {
			t.Error("still there")
		}
		l.Close()
	})
}

// TestClosedLimitsEndNothing, so that no timer outlives its connection.
func TestClosedLimitsEndNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(Config{
			Of: func(string) time.Duration { return time.Second }, All: time.Second, Unused: time.Second,
			Deserted: func() { t.Error("deserted after Close") },
		})
		c := l.Watch(newFar())
		c.Begin("direct-tcpip")
		l.Close()
		time.Sleep(time.Minute)
		if ended(c) {
			t.Error("ended after Close")
		}
		c.Close()
		late := l.Watch(newFar())
		late.Begin("direct-tcpip")
		time.Sleep(time.Minute)
		late.Close()
	})
}

func TestNamesOfChannels(t *testing.T) {
	var got []string
	for _, kind := range []string{"x11", "auth-agent@openssh.com", "tun@openssh.com", "direct-udp@tssh", "forwarded-udp@tssh", "direct-streamlocal@openssh.com"} {
		got = append(got, nameOf(kind))
	}
	if s := strings.Join(got, " "); s != "x11-connection agent-connection tun-connection direct-tcpip forwarded-tcpip direct-streamlocal@openssh.com" {
		t.Error(s)
	}
}
