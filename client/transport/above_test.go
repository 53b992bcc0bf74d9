package transport

import (
	"bytes"
	"encoding/binary"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"tssh/client/channel"
	"tssh/client/voice"
)

const (
	msgWindowAdjust   = 93
	msgChannelData    = 94
	msgExtendedData   = 95
	msgChannelEOF     = 96
	msgChannelClose   = 97
	msgChannelRequest = 98
	msgChannelSuccess = 99
)

// mux puts channels on a connection, as a login does.
func mux(c *Conn, ended func(error)) (ssh.Conn, <-chan ssh.NewChannel, <-chan *ssh.Request) {
	m, chans, reqs := channel.New(c, channel.Meta{User: "me"}, channel.Config{
		Guess: c.IsOpenSSH(), CountsLengths: c.CallsItselfOpenSSH(), Close: c.Close,
		Ended: func(err error) { ended(Classify(err)) },
	})
	c.Refusals(m.Refused)
	return m, chans, reqs
}

// asker is what the channels can beyond those of x/crypto.
type asker interface {
	ssh.Channel
	Ask(kind string, payload []byte) (func() (bool, error), error)
	Closed() bool
}

// words is a packet of a type and some numbers.
func words(kind byte, numbers ...uint32) []byte {
	b := []byte{kind}
	for _, n := range numbers {
		b = binary.BigEndian.AppendUint32(b, n)
	}
	return b
}

func data(number uint32, b []byte) []byte {
	return append(words(msgChannelData, number, uint32(len(b))), b...)
}

// odd is a server after the login that sends what a test has it send.
type odd struct {
	*hostile
	t     *testing.T
	conn  ssh.Conn
	said  *lines
	ended chan error
}

// lines is a log that is kept.
type lines struct {
	mu sync.Mutex
	s  []string
}

func (l *lines) log(_ voice.Level, text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.s = append(l.s, text)
}

func newOdd(t *testing.T, extensions ...string) *odd {
	t.Helper()
	c, h := established(t)
	h.read() // what established sends
	o := &odd{hostile: h, t: t, said: &lines{}, ended: make(chan error, 1)}
	c.log = o.said.log
	for _, name := range extensions {
		c.extensions[name] = "0"
		c.serverVersion = openSSH + "9.2"
	}
	c.AllowRekey()
	var chans <-chan ssh.NewChannel
	var reqs <-chan *ssh.Request
	o.conn, chans, reqs = mux(c, func(err error) {
		select {
		case o.ended <- err:
		default:
		}
	})
	go ssh.DiscardRequests(reqs)
	go func() {
		for n := range chans {
			n.Reject(ssh.Prohibited, "")
		}
	}()
	t.Cleanup(func() { o.conn.Close() })
	return o
}

// expect reads the client's next packet of a kind.
func (o *odd) expect(kind byte) []byte {
	o.t.Helper()
	for {
		p := o.read()
		if p == nil {
			o.t.Fatalf("the client left before message %d", kind)
		}
		if p[0] == kind {
			return p
		}
	}
}

// open lets the client open a session, which the server says to be its number
// 7 with a window and a size of packets.
func (o *odd) open(window, size uint32) (asker, <-chan *ssh.Request) {
	o.t.Helper()
	type result struct {
		ch   ssh.Channel
		reqs <-chan *ssh.Request
		err  error
	}
	done := make(chan result, 1)
	go func() {
		ch, reqs, err := o.conn.OpenChannel("session", nil)
		done <- result{ch, reqs, err}
	}()
	var m struct {
		Kind string `sshtype:"90"`
		Ours uint32
		Rest []byte `ssh:"rest"`
	}
	if err := ssh.Unmarshal(o.expect(msgOpen), &m); err != nil || m.Kind != "session" {
		o.t.Fatalf("opened %q: %v", m.Kind, err)
	}
	o.send(words(msgConfirmation, m.Ours, 7, window, size))
	r := <-done
	if r.err != nil {
		o.t.Fatal(r.err)
	}
	return r.ch.(asker), r.reqs
}

func request(number uint32, kind string, want byte, payload ...byte) []byte {
	b := appendString(words(msgChannelRequest, number), []byte(kind))
	return append(append(b, want), payload...)
}

// TestServerThatNeverAnswersIsUsed: requests leave all the same, and the end of
// the channel tells that no answer comes.
func TestServerThatNeverAnswersIsUsed(t *testing.T) {
	o := newOdd(t)
	ch, reqs := o.open(1<<20, 32<<10)
	pty, err := ch.Ask("pty-req", nil)
	if err != nil {
		t.Fatal(err)
	}
	exec, err := ch.Ask("exec", []byte{0, 0, 0, 1, 'x'})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"pty-req", "exec"} {
		if p := o.expect(msgChannelRequest); !bytes.Contains(p, []byte(want)) {
			t.Errorf("%q instead of %s", p, want)
		}
	}
	o.send(data(0, []byte("ran")))
	o.send(request(0, "exit-status", 0, 0, 0, 0, 3))
	o.send(words(msgChannelClose, 0))
	if b, err := io.ReadAll(ch); string(b) != "ran" || err != nil {
		t.Errorf("%q, %v", b, err)
	}
	if r := <-reqs; r == nil || r.Type != "exit-status" {
		t.Errorf("status: %v", r)
	}
	for _, answer := range []func() (bool, error){pty, exec} {
		if ok, err := answer(); ok || err != io.EOF {
			t.Errorf("answer %v, %v", ok, err)
		}
	}
	if !ch.Closed() {
		t.Error("the server's close is not known")
	}
	if _, err := ch.Ask("exec", nil); err != io.EOF {
		t.Errorf("asked on a closed channel: %v", err)
	}
}

// TestAnswersGoToWhoAsked: those of Ask and of SendRequest, in their order.
func TestAnswersGoToWhoAsked(t *testing.T) {
	o := newOdd(t)
	ch, _ := o.open(1<<20, 32<<10)
	first, _ := ch.Ask("a", nil)
	o.expect(msgChannelRequest)
	second := make(chan bool, 1)
	go func() { ok, _ := ch.SendRequest("b", true, nil); second <- ok }()
	o.expect(msgChannelRequest)
	third, _ := ch.Ask("c", nil)
	o.expect(msgChannelRequest)
	o.send(words(msgFailure, 0))
	o.send(words(msgChannelSuccess, 0))
	o.send(words(msgFailure, 0))
	o.send(words(msgChannelSuccess, 0)) // one too many
	a, _ := first()
	c, _ := third()
	if b := <-second; a || !b || c {
		t.Errorf("answers %v, %v, %v", a, b, c)
	}
}

// TestNotImplementedIsNo: a server that does not know what we ask says so by
// the number of our packet.
func TestNotImplementedIsNo(t *testing.T) {
	o := newOdd(t)
	no := func() { o.send(words(msgUnimplemented, o.inSeq-1)) }
	asked := make(chan error, 1)
	go func() {
		_, _, err := o.conn.SendRequest("keepalive@openssh.com", true, nil)
		asked <- err
	}()
	o.expect(msgGlobalRequest)
	no()
	if err := <-asked; err != nil {
		t.Error(err)
	}
	opened := make(chan error, 1)
	go func() {
		_, _, err := o.conn.OpenChannel("direct-tcpip", nil)
		opened <- err
	}()
	o.expect(msgOpen)
	no()
	if err, ok := (<-opened).(*ssh.OpenChannelError); !ok || err.Reason != ssh.UnknownChannelType {
		t.Error(err)
	}
	ch, _ := o.open(1<<20, 32<<10)
	answer, _ := ch.Ask("exec", nil)
	o.expect(msgChannelRequest)
	no()
	no() // a second time answers nothing
	if ok, err := answer(); ok || err != nil {
		t.Errorf("%v, %v", ok, err)
	}
}

// TestOddServersAreBorne: each of these ended the connection.
func TestOddServersAreBorne(t *testing.T) {
	big := bytes.Repeat([]byte("0123456789"), 10000)
	for name, c := range map[string]struct {
		window, size uint32
		says         [][]byte
		out, errs    string
		status       bool
	}{
		"large packets":           {1 << 20, 32 << 10, [][]byte{data(0, big)}, string(big), "", false},
		"large packets of errors": {1 << 20, 32 << 10, [][]byte{append(words(msgExtendedData, 0, 1, uint32(len(big))), big...)}, "", string(big), false},
		"sizes of nothing":        {0, 0, [][]byte{data(0, []byte("x"))}, "x", "", false},
		"sizes without a bound":   {1<<32 - 1, 1<<32 - 1, [][]byte{data(0, []byte("x"))}, "x", "", false},
		"a late banner":           {1 << 20, 32 << 10, [][]byte{append(words(53, 1, 'x'<<24), 0), data(0, []byte("x"))}, "x", "", false},
		"unknown messages":        {1 << 20, 32 << 10, [][]byte{{60}, {79}, {83}, {101}, {127}, {255}, data(0, []byte("x"))}, "x", "", false},
		"status after its close":  {1 << 20, 32 << 10, [][]byte{words(msgChannelClose, 0), request(0, "exit-status", 0, 0, 0, 0, 3)}, "", "", true},
		"status before the data":  {1 << 20, 32 << 10, [][]byte{request(0, "exit-status", 0, 0, 0, 0, 3), data(0, []byte("x"))}, "x", "", true},
		"words after the close": {1 << 20, 32 << 10, [][]byte{
			data(0, []byte("x")), words(msgChannelClose, 0), words(msgChannelEOF, 0), words(msgChannelClose, 0), data(0, []byte("y")), words(msgWindowAdjust, 0, 5),
		}, "x", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOdd(t)
			ch, reqs := o.open(c.window, c.size)
			var together []byte // as one flight, so that all is there at once
			for _, p := range append(slices.Clone(c.says), words(msgChannelClose, 0)) {
				together = append(together, o.out.seal(nil, o.outSeq, p)...)
				o.outSeq++
			}
			go func() { o.hostile.conn.Write(together) }()
			go func() {
				for o.read() != nil {
				}
			}()
			errs := make(chan string, 1)
			go func() { b, _ := io.ReadAll(ch.Stderr()); errs <- string(b) }()
			out, _ := io.ReadAll(ch)
			if e := <-errs; string(out) != c.out || e != c.errs {
				t.Errorf("%d bytes of output, %d of errors", len(out), len(e))
			}
			status := false
			for r := range reqs {
				status = status || r.Type == "exit-status"
			}
			if status != c.status {
				t.Errorf("a status came: %v", status)
			}
			select {
			case err := <-o.ended:
				t.Errorf("the connection ended: %v", err)
			default:
			}
		})
	}
}

// TestRefusalWithoutLanguage: servers of SSH's early years refuse a channel so.
func TestRefusalWithoutLanguage(t *testing.T) {
	for _, text := range []string{"\x00\x00\x00\x02no", ""} {
		o := newOdd(t)
		opened := make(chan error, 1)
		go func() {
			_, _, err := o.conn.OpenChannel("session", nil)
			opened <- err
		}()
		o.expect(msgOpen)
		o.send(append(words(msgOpenFailure, 0, 1), text...))
		if err, ok := (<-opened).(*ssh.OpenChannelError); !ok || err.Reason != ssh.Prohibited {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// TestWhatCantBeBorneIsTold: what ends the connection has a reason.
func TestWhatCantBeBorneIsTold(t *testing.T) {
	o := newOdd(t)
	o.open(1<<20, 32<<10)
	go func() {
		for range 100 { // more than the window that it was given
			o.send(data(0, make([]byte, 32<<10)))
		}
	}()
	if err := <-o.ended; err == nil || !strings.Contains(err.Error(), "too much") {
		t.Errorf("ended for %v", err)
	}
}

// TestLastWordsAreShown: whatever form a server gives to its reason.
// TestCloseIsHeardAtOnce: a channel's close waits for its status only, and not for
// what is none of channels, behind which the server may be silent for ever.
func TestCloseIsHeardAtOnce(t *testing.T) {
	for name, behind := range map[string]func(*odd) []byte{
		"nothing":         func(*odd) []byte { return nil },
		"ignore":          func(*odd) []byte { return words(msgIgnore, 0) },
		"not implemented": func(*odd) []byte { return words(msgUnimplemented, 99) },
		"new keys":        func(o *odd) []byte { return o.offer },
	} {
		t.Run(name, func(t *testing.T) {
			o := newOdd(t)
			ch, reqs := o.open(1<<20, 32<<10)
			var together []byte
			for _, p := range [][]byte{data(0, []byte("x")), words(msgChannelClose, 0), behind(o)} {
				if p != nil {
					together = append(together, o.out.seal(nil, o.outSeq, p)...)
					o.outSeq++
				}
			}
			go func() { o.hostile.conn.Write(together) }()
			go func() {
				for o.read() != nil {
				}
			}()
			over := make(chan string)
			go func() {
				out, _ := io.ReadAll(ch)
				for range reqs {
				}
				over <- string(out)
			}()
			select {
			case out := <-over:
				if out != "x" || !ch.Closed() {
					t.Errorf("%q", out)
				}
			case <-time.After(30 * time.Second):
				t.Error("the session does not end")
			}
		})
	}
}

func TestLastWordsAreShown(t *testing.T) {
	full := appendString(words(msgDisconnect, 2), []byte("Too many sessions"))
	for _, packet := range [][]byte{full, appendString(full, []byte("en")), append(appendString(full, nil), 0, 0)} {
		c, h := established(t)
		h.send(packet)
		_, err := c.ReadPacket()
		if e, ok := err.(*Error); !ok || e.Reason != Disconnected || !strings.HasSuffix(e.Words[0], ":2: Too many sessions") {
			t.Errorf("%v", err)
		}
	}
	for _, packet := range [][]byte{{msgDisconnect}, words(msgDisconnect, 2), append(words(msgDisconnect, 2), 0, 0, 1, 0, 'x')} {
		c, h := established(t)
		h.send(packet)
		if _, err := c.ReadPacket(); err == nil || err.(*Error).Reason != Disconnected {
			t.Errorf("%x: %v", packet, err)
		}
	}
}

// guessed is a server that calls itself OpenSSH, and the session that is opened on
// it as the first thing.
func guessed(t *testing.T) (*odd, asker) {
	t.Helper()
	o := newOdd(t, hostbound)
	ch, reqs, err := o.conn.OpenChannel("session", nil) // without an answer
	if err != nil {
		t.Fatal(err)
	}
	go ssh.DiscardRequests(reqs)
	return o, ch.(asker)
}

func TestFirstSessionIsOpenAtOnce(t *testing.T) {
	o, ch := guessed(t)
	answer, err := ch.Ask("exec", nil)
	if err != nil {
		t.Fatal(err)
	}
	written := make(chan error, 1)
	go func() { _, err := ch.Write([]byte("input")); written <- err }()
	o.expect(msgOpen)
	if p := o.expect(msgChannelRequest); !bytes.HasPrefix(p, words(msgChannelRequest, 0)) {
		t.Fatalf("asked by % x", p)
	}
	o.send(words(msgConfirmation, 0, 0, 1000, 32<<10))
	if p := o.expect(msgChannelData); !bytes.Equal(p, data(0, []byte("input"))) {
		t.Errorf("wrote % x", p)
	}
	o.send(words(msgChannelSuccess, 0))
	if ok, err := answer(); !ok || err != nil || <-written != nil {
		t.Errorf("answered %v, %v", ok, err)
	}
	// The next one waits for its number.
	if next, _ := o.open(1<<20, 32<<10); next == nil {
		t.Error("no second session")
	}
}

func TestRefusedSessionIsRefused(t *testing.T) {
	o, ch := guessed(t)
	answer, _ := ch.Ask("exec", nil)
	o.expect(msgChannelRequest)
	o.send(append(words(msgOpenFailure, 0, 1), "\x00\x00\x00\x02no\x00\x00\x00\x00"...))
	if _, err := answer(); err == nil || err.(*ssh.OpenChannelError).Reason != ssh.Prohibited {
		t.Errorf("answered %v", err)
	}
	ch.Close() // says nothing about a channel that the server does not have
	go o.conn.SendRequest("x", false, nil)
	if p := o.read(); p[0] != msgGlobalRequest {
		t.Errorf("sent % x", p)
	}
}

func TestServerWithOtherNumbersIsNotMistaken(t *testing.T) {
	o, _ := guessed(t)
	o.expect(msgOpen)
	o.send(words(msgConfirmation, 0, 1, 0, 32<<10))
	if err := <-o.ended; err == nil || !strings.Contains(err.Error(), "numbered its first channel 1") {
		t.Errorf("a command would have run on the channel of another: %v", err)
	}
}

func TestNothingIsGuessedAfterAnythingElse(t *testing.T) {
	// A forwarding asked for before takes a number of the server's.
	o := newOdd(t, hostbound)
	go o.conn.SendRequest("tcpip-forward", false, nil)
	o.expect(msgGlobalRequest)
	if ch, _ := o.open(1<<20, 32<<10); ch == nil { // its number is 7
		t.Error("no session")
	}
}

func TestOnlyOpenSSHIsGuessed(t *testing.T) {
	for _, c := range []struct {
		version   string
		hostbound bool
		want      bool
	}{
		{"SSH-2.0-OpenSSH_9.2p1 Debian-2", true, true},
		{"SSH-2.0-OpenSSH_9.2p1", false, false}, // says so, and is not
		{"SSH-2.0-Go", true, false},
	} {
		x := &Conn{serverVersion: c.version, extensions: map[string]string{}}
		if c.hostbound {
			x.extensions[hostbound] = "0"
		}
		if x.IsOpenSSH() != c.want {
			t.Errorf("%+v", c)
		}
	}
}
