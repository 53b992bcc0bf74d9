package transport

import (
	"bytes"
	"encoding/binary"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/crypto/ssh"

	"tssh/client/voice"
)

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

func newOdd(t *testing.T) *odd {
	t.Helper()
	c, h := established(t)
	h.read() // what established sends
	o := &odd{hostile: h, t: t, said: &lines{}, ended: make(chan error, 1)}
	c.log = o.said.log
	c.AllowRekey()
	var chans <-chan ssh.NewChannel
	var reqs <-chan *ssh.Request
	var err error
	o.conn, chans, reqs, err = c.Mux("me", func(err error) {
		select {
		case o.ended <- err:
		default:
		}
	})
	if err != nil {
		t.Fatal(err)
	}
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
func (o *odd) open(window, size uint32) (*channel, <-chan *ssh.Request) {
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
	if err := ssh.Unmarshal(o.expect(msgChannelOpen), &m); err != nil || m.Kind != "session" {
		o.t.Fatalf("opened %q: %v", m.Kind, err)
	}
	o.send(words(msgChannelOpened, m.Ours, 7, window, size))
	r := <-done
	if r.err != nil {
		o.t.Fatal(r.err)
	}
	return r.ch.(*channel), r.reqs
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
	o.send(words(msgChannelFailure, 0))
	o.send(words(msgChannelSuccess, 0))
	o.send(words(msgChannelFailure, 0))
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
	o.expect(msgChannelOpen)
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
		o.expect(msgChannelOpen)
		o.send(append(words(msgChannelRefused, 0, 1), text...))
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

// FuzzForgiving: whatever a server sends, nothing panics, and no data are made
// up: what comes out is what came in.
func FuzzForgiving(f *testing.F) {
	f.Add(words(msgChannelOpened, 0, 7, 1, 1))
	f.Add(words(msgChannelRefused, 0, 1))
	f.Add(data(0, []byte("x")))
	f.Add(append(words(msgExtendedData, 0, 1, 1), 'x'))
	f.Fuzz(func(t *testing.T, packet []byte) {
		if len(packet) == 0 {
			return
		}
		f := newForgiving()
		p := &passage{}
		f.opening(0, p)
		p.answers = append(p.answers, make(chan bool, 1), nil)
		first, more := f.incoming(slices.Clone(packet))
		if packet[0] == msgChannelData && len(packet) >= 9 && len(more) > 0 {
			var all []byte
			for _, m := range append([][]byte{first}, more...) {
				if int(binary.BigEndian.Uint32(m[5:])) != len(m)-9 {
					t.Fatal("a piece of another length")
				}
				all = append(all, m[9:]...)
			}
			if !bytes.Equal(all, packet[9:]) {
				t.Fatal("other data")
			}
		}
		f.incoming(slices.Clone(packet))
		f.outgoing(slices.Clone(packet))
		f.refuse(packet)
		f.end()
	})
}
