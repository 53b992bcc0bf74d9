package session

import (
	"bytes"
	"io"
	"os"
	"sync"
	"testing"

	"golang.org/x/crypto/ssh"

	"tssh/client/config"
	"tssh/client/tty"
	"tssh/client/voice"
)

// far is a server's end played by a test: an ssh.Conn with one session channel.
type far struct {
	ssh.Conn
	t      *testing.T
	refuse error // of the channel

	stdin          *io.PipeReader // what the session sends
	toStdin        *io.PipeWriter
	stdout, stderr *io.PipeWriter // what the test sends
	out, err       *io.PipeReader
	reqs           chan *ssh.Request
	gone           chan struct{} // the connection has ended
	over           chan struct{} // the test has
	why            error
	closeOnce      sync.Once

	mu    sync.Mutex
	asked []string          // the requests, in order
	data  map[string][]byte // the payload of the last of each kind
	deny  map[string]bool   // refused requests
	mute  chan struct{}     // not nil: no request is answered, and this ends the waiting
	news  chan string       // each request as it comes
}

func newFar(t *testing.T) *far {
	f := &far{t: t, reqs: make(chan *ssh.Request), gone: make(chan struct{}), over: make(chan struct{}), data: map[string][]byte{}, deny: map[string]bool{}, news: make(chan string, 100)}
	f.stdin, f.toStdin = io.Pipe()
	f.out, f.stdout = io.Pipe()
	f.err, f.stderr = io.Pipe()
	t.Cleanup(func() { close(f.over) })
	return f
}

func (f *far) OpenChannel(string, []byte) (ssh.Channel, <-chan *ssh.Request, error) {
	if f.refuse != nil {
		return nil, nil, f.refuse
	}
	return f.channel(), f.reqs, nil
}

func (f *far) Wait() error {
	select {
	case <-f.gone:
	case <-f.over:
	}
	return f.why
}

func (f *far) channel() ssh.Channel { return farChannel{f} }

// farChannel is the session's end of far's channel.
type farChannel struct{ f *far }

func (c farChannel) Read(p []byte) (int, error)  { return c.f.out.Read(p) }
func (c farChannel) Write(p []byte) (int, error) { return c.f.toStdin.Write(p) }
func (c farChannel) CloseWrite() error           { return c.f.toStdin.Close() }
func (c farChannel) Stderr() io.ReadWriter       { return struct{ io.ReadWriter }{stderrOf{c.f.err}} }
func (c farChannel) Close() error                { c.f.hangUp(); return c.f.stdin.Close() }
func (c farChannel) SendRequest(kind string, want bool, p []byte) (bool, error) {
	c.f.mu.Lock()
	c.f.asked = append(c.f.asked, kind)
	c.f.data[kind] = bytes.Clone(p)
	denied := c.f.deny[kind]
	c.f.mu.Unlock()
	c.f.news <- kind
	if want && c.f.mute != nil {
		<-c.f.mute
		return false, io.EOF
	}
	return want && !denied, nil
}

type stderrOf struct{ io.Reader }

func (stderrOf) Write(p []byte) (int, error) { return len(p), nil }

// await returns when a request of that kind has come.
func (f *far) await(kind string) {
	f.t.Helper()
	for got := range f.news {
		if got == kind {
			return
		}
	}
}

// exit ends the command with a status.
func (f *far) exit(status byte) {
	f.reqs <- &ssh.Request{Type: "exit-status", Payload: []byte{0, 0, 0, status}}
	f.hangUp()
}

// hangUp ends the channel.
func (f *far) hangUp() {
	f.closeOnce.Do(func() { f.stdout.Close(); f.stderr.Close(); close(f.reqs) })
}

// fakeTerminal is a terminal without a screen.
type fakeTerminal struct {
	io.Reader
	io.Writer
	mu        sync.Mutex
	raw       bool
	suspended int
	size      tty.Size
	resized   chan os.Signal
}

func (t *fakeTerminal) set(raw bool) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.raw = raw
	return nil
}
func (t *fakeTerminal) isRaw() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.raw
}
func (t *fakeTerminal) Raw() error     { return t.set(true) }
func (t *fakeTerminal) Restore() error { return t.set(false) }
func (t *fakeTerminal) Guard()         {}
func (t *fakeTerminal) Suspend() error { t.suspended++; return nil }
func (t *fakeTerminal) Size() tty.Size { return t.size }
func (t *fakeTerminal) Modes() []byte  { return []byte{53, 0, 0, 0, 1, 0} }
func (t *fakeTerminal) Resized() (<-chan os.Signal, func()) {
	return t.resized, func() {}
}

// notes is what was said and written.
type notes struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (n *notes) Write(p []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.b.Write(p)
}

func (n *notes) String() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.b.String()
}

func (n *notes) log(l voice.Level, text string) {
	if l <= voice.Info {
		n.Write([]byte(text + "\n"))
	}
}

func host() *config.Host {
	return &config.Host{HostName: "far.example", EscapeChar: '~', LogLevel: "INFO", RequestTTY: "auto", SessionType: "default"}
}
