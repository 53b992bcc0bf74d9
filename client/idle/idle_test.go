package idle

import (
	"io"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/ssh"

	"tssh/client/voice"
	"tssh/proxy/idle"
)

// far is a connection whose channels take everything and say what is fed.
type far struct{ ssh.Conn }

func (far) OpenChannel(string, []byte) (ssh.Channel, <-chan *ssh.Request, error) {
	r, w := io.Pipe()
	return &wire{r: r, w: w}, none(), nil
}

type wire struct {
	ssh.Channel
	r      *io.PipeReader
	w      *io.PipeWriter
	closed time.Time
}

func (c *wire) Read(p []byte) (int, error)  { return c.r.Read(p) }
func (c *wire) Write(p []byte) (int, error) { return len(p), nil }
func (c *wire) Stderr() io.ReadWriter       { return c }
func (c *wire) Close() error {
	if c.closed.IsZero() {
		c.closed = time.Now()
	}
	return c.w.Close()
}

// opened is a channel of the server's.
type opened struct {
	ssh.NewChannel
	kind string
	ch   *wire
}

func (o opened) ChannelType() string { return o.kind }
func (o opened) Accept() (ssh.Channel, <-chan *ssh.Request, error) {
	return o.ch, none(), nil
}

// none is a channel on which the server asks for nothing.
func none() <-chan *ssh.Request {
	c := make(chan *ssh.Request)
	close(c)
	return c
}

// noMore is a server that opens no channels.
func noMore() <-chan ssh.NewChannel {
	c := make(chan ssh.NewChannel)
	close(c)
	return c
}

// open opens a channel and returns what it is at both ends.
func open(t *testing.T, conn ssh.Conn, kind string) (near ssh.Channel, beneath *wire) {
	t.Helper()
	ch, _, err := conn.OpenChannel(kind, nil)
	if err != nil {
		t.Fatal(err)
	}
	if c, ok := ch.(*idle.Channel); ok {
		return ch, c.Channel.(*wire)
	}
	return ch, ch.(*wire)
}

// alive returns how long a channel lived, 0 if it still does.
func alive(c *wire, since time.Time) time.Duration {
	synctest.Wait()
	if c.closed.IsZero() {
		return 0
	}
	return c.closed.Sub(since)
}

func TestChannelsEndWhenNothingHappens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []string
		l := New([]string{"direct-*=10s", "session=1m", "*=0"}, func(level voice.Level, s string) {
			if level == voice.Verbose {
				told = append(told, s)
			}
		})
		conn, _ := l.Watch(far{}, noMore())
		_, before := open(t, conn, "session") // not to be limited
		l.Start()
		start := time.Now()
		tcp, tcpWire := open(t, conn, "direct-tcpip")
		quiet, quietWire := open(t, conn, "direct-streamlocal@openssh.com")
		session, sessionWire := open(t, conn, "session")
		_, other := open(t, conn, "forwarded-tcpip")
		go io.Copy(io.Discard, tcp)
		go io.Copy(io.Discard, session.Stderr())
		for range 5 { // something every eight seconds, in either direction
			time.Sleep(8 * time.Second)
			tcp.Write([]byte("x"))
			time.Sleep(8 * time.Second)
			tcpWire.w.Write([]byte("y"))
			synctest.Wait()
		}
		sessionWire.w.Write([]byte("an error of the far side"))
		time.Sleep(time.Hour)
		for _, c := range []struct {
			what string
			wire *wire
			want time.Duration
		}{
			{"forwarding in use", tcpWire, 90 * time.Second},
			{"forwarding without use", quietWire, 10 * time.Second},
			{"session", sessionWire, time.Minute},
			{"type of limit 0", other, 0},
			{"opened before", before, 0},
		} {
			if got := alive(c.wire, start); got != c.want {
				t.Errorf("%s lived %v, want %v", c.what, got, c.want)
			}
		}
		if _, err := quiet.Read(nil); err != io.EOF {
			t.Errorf("read of a channel that ended: %v", err)
		}
		if !slices.Contains(told, "channel of type direct-tcpip: closing after 10 seconds of inactivity") || len(told) != 3 {
			t.Errorf("told %q", told)
		}
	})
}

// TestUseOfOneChannelKeepsAll, and with the last of it all end together.
func TestUseOfOneChannelKeepsAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x11 := &wire{}
		x11.r, x11.w = io.Pipe()
		agent := &wire{}
		agent.r, agent.w = io.Pipe()
		in := make(chan ssh.NewChannel, 2)
		in <- opened{kind: "x11", ch: x11}
		in <- opened{kind: "auth-agent@openssh.com", ch: agent}
		close(in)
		l := New([]string{"agent-connection=1s", "x11=1s", "global=10s"}, nil)
		conn, chans := l.Watch(far{}, in)
		l.Start()
		start := time.Now()
		for n := range chans {
			n.Accept()
		}
		session, sessionWire := open(t, conn, "session")
		for range 4 {
			time.Sleep(9 * time.Second)
			session.Write([]byte("x"))
		}
		time.Sleep(time.Minute)
		if a, b := alive(sessionWire, start), alive(x11, start); a != 46*time.Second || b != a {
			t.Errorf("session lived %v, x11 %v", a, b)
		}
		if got := alive(agent, start); got != time.Second {
			t.Errorf("agent lived %v", got)
		}
		// The clock starts anew for what is opened later.
		again := time.Now()
		_, late := open(t, conn, "session")
		time.Sleep(time.Minute)
		if got := alive(late, again); got != 10*time.Second {
			t.Errorf("lived %v", got)
		}
	})
}

func TestNoLimitsNoWatch(t *testing.T) {
	for _, pairs := range [][]string{nil, {"global=0"}} {
		l := New(pairs, nil)
		l.Start()
		if conn, _ := l.Watch(far{}, nil); conn != (far{}) {
			t.Errorf("%q: %T", pairs, conn)
		}
	}
}
