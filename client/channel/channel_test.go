package channel

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/ssh"

	"tssh/proxy/channel"
	"tssh/proxy/leak"
	"tssh/proxy/tun"
)

func TestMain(m *testing.M) { leak.Main(m) }

// server is the other end: a test reads what it was sent, and sends what it likes.
type server struct {
	t        *testing.T
	conn     *Conn
	incoming <-chan ssh.NewChannel
	sent     chan []byte // by the client
	said     chan []byte // by the server
	gone     chan struct{}
	once     sync.Once
	ended    chan error
}

func newServer(t *testing.T, config Config) *server {
	s := &server{
		t: t, sent: make(chan []byte, 4096), said: make(chan []byte, 4096), gone: make(chan struct{}), ended: make(chan error, 1),
	}
	config.Close = s.close
	config.Ended = func(err error) { s.ended <- err }
	var reqs <-chan *ssh.Request
	s.conn, s.incoming, reqs = New(s, Meta{User: "me"}, config)
	go ssh.DiscardRequests(reqs)
	t.Cleanup(func() {
		s.close()
		s.conn.Wait()
	})
	return s
}

func (s *server) close() error {
	s.once.Do(func() { close(s.gone) })
	return nil
}

func (s *server) ReadPacket() ([]byte, error) {
	select {
	case p := <-s.said:
		return p, nil
	case <-s.gone:
		return nil, net.ErrClosed
	}
}

func (s *server) WritePacket(p []byte) error {
	select {
	case s.sent <- bytes.Clone(p):
		return nil
	case <-s.gone:
		return net.ErrClosed
	}
}

func (s *server) ReadHere() ([]byte, error) {
	if !s.waiting() {
		return nil, nil
	}
	return s.ReadPacket()
}

// waiting tells that the client has something to read.
func (s *server) waiting() bool { return len(s.said) > 0 }

// expect returns the client's next message, which is of that kind.
func (s *server) expect(kind byte) []byte {
	s.t.Helper()
	select {
	case p := <-s.sent:
		if p[0] != kind {
			s.t.Fatalf("the client sent message %d, not %d: %q", p[0], kind, p)
		}
		return p
	case <-time.After(30 * time.Second):
		s.t.Fatalf("no message %d came", kind)
		return nil
	}
}

func words(kind byte, numbers ...uint32) []byte {
	b := []byte{kind}
	for _, n := range numbers {
		b = binary.BigEndian.AppendUint32(b, n)
	}
	return b
}

func data(number uint32, b []byte) []byte {
	return append(words(msgData, number, uint32(len(b))), b...)
}

// open has the client open a channel, which the server calls 9.
func (s *server) open(kind string, credit uint32) (ssh.Channel, <-chan *ssh.Request, uint32) {
	s.t.Helper()
	type result struct {
		ch   ssh.Channel
		reqs <-chan *ssh.Request
		err  error
	}
	done := make(chan result, 1)
	go func() {
		ch, reqs, err := s.conn.OpenChannel(kind, nil)
		done <- result{ch, reqs, err}
	}()
	p := s.expect(msgOpen)
	ours := binary.BigEndian.Uint32(p[5+len(kind):])
	s.said <- words(msgConfirmation, ours, 9, credit, 1000)
	r := <-done
	if r.err != nil {
		s.t.Fatal(r.err)
	}
	return r.ch, r.reqs, ours
}

func lengthed(b []byte) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(b))), b...)
}

// A message of a tunnel is one packet, however the user cuts the stream; one that is
// larger than the server takes is lost.
func TestPacketsGoWhole(t *testing.T) {
	s := newServer(t, Config{CountsLengths: true})
	ch, _, _ := s.open(tun.Kind, 1<<20)
	one, two := bytes.Repeat([]byte{1}, 300), bytes.Repeat([]byte{2}, 700)
	large := bytes.Repeat([]byte{3}, 1001) // the server takes 1000
	stream := append(append(lengthed(one), lengthed(large)...), lengthed(two)...)
	for cut := 1; cut < len(stream); cut += 70 {
		if _, err := ch.Write(stream[:cut]); err != nil {
			t.Fatal(err)
		}
		if _, err := ch.Write(stream[cut:]); err != nil {
			t.Fatal(err)
		}
		for _, want := range [][]byte{one, two} {
			if p := s.expect(msgData); !bytes.Equal(p, data(9, want)) {
				t.Fatalf("cut at %d: % x...", cut, p[:20])
			}
		}
	}
	if _, err := ch.Write([]byte{1, 0, 0, 0}); err == nil {
		t.Error("a packet of 16 MiB is waited for")
	}
}

// Packets come with their lengths, and their window is given back, not more.
func TestPacketsComeFramedAndTheWindowDoesNotLeak(t *testing.T) {
	s := newServer(t, Config{})
	ch, _, ours := s.open(tun.Kind, 1<<20)
	packet := bytes.Repeat([]byte{7}, 1000)
	given, taken := fullWindow, 0
	b := make([]byte, 1004)
	for range 10000 {
		s.said <- data(ours, packet)
		if taken += len(packet); taken > given {
			t.Fatalf("%d bytes taken, %d given", taken, given)
		}
		if _, err := io.ReadFull(ch, b); err != nil || !bytes.Equal(b, lengthed(packet)) {
			t.Fatalf("%v, % x", err, b[:8])
		}
		for len(s.sent) > 0 {
			given += int(binary.BigEndian.Uint32(s.expect(msgWindowAdjust)[5:]))
		}
	}
	if given-taken > fullWindow {
		t.Errorf("the window has become %d", given-taken)
	}
}

// What may be under way to a terminal is little; a command gets the full window, in
// the flight of its request.
func TestTerminalGetsASmallWindow(t *testing.T) {
	s := newServer(t, Config{})
	ch, _, _ := s.open("session", 1<<20)
	go ch.SendRequest("pty-req", true, nil)
	s.expect(msgRequest)
	go ch.SendRequest("shell", true, nil)
	s.expect(msgRequest) // and no more window
	ch, _, _ = s.open("session", 1<<20)
	go ch.SendRequest("exec", true, nil)
	if p := s.expect(msgWindowAdjust); binary.BigEndian.Uint32(p[5:]) != fullWindow-sessionWindow {
		t.Errorf("the window grows by % x", p[5:])
	}
	s.expect(msgRequest)
}

// A flood over a path of 10 Mbit/s and 100 ms fills the path, with little more
// under way.
func TestTerminalsWindowIsWhatThePathHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const rate, delay = 1250000, 50 * time.Millisecond // bytes a second, one way
		s := newServer(t, Config{})
		ch, _, ours := s.open("session", 1<<20)
		go ch.SendRequest("pty-req", false, nil)
		s.expect(msgRequest)
		go io.Copy(io.Discard, ch)
		credits := make(chan int, 1<<16)
		go func() { // the way there
			for {
				select {
				case p := <-s.sent:
					n := int(binary.BigEndian.Uint32(p[5:]))
					time.AfterFunc(delay, func() { credits <- n })
				case <-s.gone:
					return
				}
			}
		}()
		credit, most, total := sessionWindow, 0, 0
		var free time.Time // when the line is
		arrived := 0
		var mu sync.Mutex
		start := time.Now()
		for time.Since(start) < 20*time.Second {
			for credit < 1000 {
				credit += <-credits
			}
			credit -= 1000
			if now := time.Now(); free.Before(now) {
				free = now
			}
			free = free.Add(1000 * time.Second / rate)
			total += 1000
			time.AfterFunc(time.Until(free)+delay, func() {
				s.said <- data(ours, make([]byte, 1000))
				mu.Lock()
				arrived += 1000
				mu.Unlock()
			})
			mu.Lock()
			if time.Since(start) > 8*time.Second {
				most = max(most, total-arrived)
			}
			mu.Unlock()
			for len(credits) > 0 {
				credit += <-credits
			}
		}
		mu.Lock()
		got := float64(arrived) / 20
		mu.Unlock()
		if got < 0.8*rate {
			t.Errorf("%.0f bytes a second of %d", got, rate)
		}
		if holds := int(2 * delay.Seconds() * rate); most > 2*holds {
			t.Errorf("%d bytes under way, the path holds %d", most, holds)
		}
		s.close()
		s.conn.Wait()
		time.Sleep(time.Minute)
	})
}

// A server that ignores the window is told apart from one that counts badly.
func TestServerThatIgnoresTheWindow(t *testing.T) {
	s := newServer(t, Config{})
	_, _, ours := s.open("direct-tcpip", 1<<20)
	for range (fullWindow+overrun)/pieceSize + 1 {
		s.said <- data(ours, make([]byte, pieceSize))
	}
	if err := <-s.ended; err == nil || !strings.Contains(err.Error(), "too much") {
		t.Errorf("ended for %v", err)
	}
}

// A byte in a message of its own must not cost a hundred while nobody reads.
func TestSmallPiecesAreCheap(t *testing.T) {
	s := newServer(t, Config{})
	ch, _, ours := s.open("direct-tcpip", 1<<20)
	before := heap()
	const bytes = 1 << 20
	for range bytes {
		s.said <- data(ours, []byte{1})
	}
	for s.waiting() {
		runtime.Gosched()
	}
	if grown := heap() - before; grown > 8*bytes {
		t.Errorf("%d bytes hold %d", bytes, grown)
	}
	if n, err := io.CopyN(io.Discard, ch, bytes); n != bytes {
		t.Error(n, err)
	}
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// Windows of many channels add up to more than a machine has. Who keeps most loses
// its channel, is told so, and gets nothing from behind a gap; the others go on.
func TestManyChannelsThatNobodyReads(t *testing.T) {
	s := newServer(t, Config{})
	s.conn.budget.Most = 8 << 20
	var chans []ssh.Channel
	var numbers []uint32
	for range 40 {
		ch, _, ours := s.open("direct-tcpip", 1<<20)
		chans, numbers = append(chans, ch), append(numbers, ours)
	}
	quiet, _, quietly := s.open("direct-tcpip", 1<<20)
	s.said <- data(quietly, []byte("kept"))
	before := heap()
	piece := make([]byte, pieceSize)
	for _, number := range numbers {
		for range fullWindow / pieceSize {
			s.said <- data(number, piece)
		}
	}
	for s.waiting() {
		runtime.Gosched()
	}
	if grown := heap() - before; grown > 3*int64(s.conn.budget.Most) {
		t.Errorf("%d MiB are kept", grown>>20)
	}
	lost := 0
	for _, ch := range chans {
		go ch.CloseWrite()
		if _, err := ch.Read(make([]byte, 1)); errors.Is(err, channel.ErrHoard) {
			lost++
		} else if err != nil {
			t.Error(err)
		}
	}
	if lost < len(chans)-6 || lost == len(chans) {
		t.Errorf("%d of %d channels were lost", lost, len(chans))
	}
	b := make([]byte, 4)
	if _, err := io.ReadFull(quiet, b); err != nil || string(b) != "kept" {
		t.Errorf("%q, %v", b, err)
	}
	// What is over and given up is not counted any more.
	for i, ch := range chans {
		s.said <- words(msgClose, numbers[i])
		ch.Close()
	}
	s.said <- words(msgClose, quietly)
	quiet.Close()
	for range 1000 {
		if s.conn.budget.Kept() == 0 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("%d bytes are still counted", s.conn.budget.Kept())
}

// So do requests that nobody takes.
func TestManyRequestsThatNobodyTakes(t *testing.T) {
	s := newServer(t, Config{})
	s.conn.budget.Most = 8 << 20
	before := heap()
	var requests []<-chan *ssh.Request
	var numbers []uint32
	for range 100 {
		_, reqs, ours := s.open("session", 1<<20)
		requests, numbers = append(requests, reqs), append(numbers, ours)
	}
	for _, ours := range numbers {
		ask := append(append(message(msgRequest, 0).number(ours).text("x"), 0), make([]byte, 32<<10)...)
		for range backlog {
			s.said <- ask
		}
	}
	for s.waiting() {
		runtime.Gosched()
	}
	if grown := heap() - before; grown > 3*int64(s.conn.budget.Most) {
		t.Errorf("%d MiB are kept", grown>>20)
	}
	ended := 0
	for _, reqs := range requests {
		select {
		case _, more := <-reqs:
			if !more {
				ended++
			}
		default: // the last, of which nothing came yet
		}
	}
	if ended < 80 || ended == len(requests) {
		t.Errorf("%d of %d channels ended", ended, len(requests))
	}
}

// A user who takes no requests, or no channels, makes the server wait, but a
// connection that is gone ends all the same.
func TestNobodyTakesWhatTheServerAsks(t *testing.T) {
	ask := append(message(msgRequest, 0).number(0).text("x"), 0)
	for name, said := range map[string][]byte{
		"requests":        ask,
		"global requests": append(message(msgGlobalRequest, 0).text("x"), 0),
		"channels":        message(msgOpen, 0).text("x11").number(5).number(100).number(100),
	} {
		for _, how := range []string{"closed", "write"} {
			t.Run(name+" "+how, func(t *testing.T) {
				s := &server{t: t, sent: make(chan []byte, 4096), said: make(chan []byte, 4096), gone: make(chan struct{}), ended: make(chan error, 1)}
				s.conn, _, _ = New(s, Meta{}, Config{Close: s.close, Ended: func(err error) { s.ended <- err }})
				_, reqs, ours := s.open("session", 1<<20)
				if ours != 0 {
					t.Fatal(ours)
				}
				for range backlog + 5 {
					s.said <- said
				}
				for len(s.said) > 4 { // the rest waits
					runtime.Gosched()
				}
				if how == "closed" {
					s.conn.Close()
				} else {
					s.close() // as when the network has taken it away
					for err := error(nil); err == nil; {
						_, _, err = s.conn.SendRequest("keepalive@openssh.com", false, nil)
					}
				}
				s.conn.Wait()
				for range reqs {
				}
			})
		}
	}
}

// Channels that nobody decides on, as those of a forward to a host that does not
// answer, are so many, with so much said about each, and the rest is refused.
func TestManyChannelsThatNobodyDecidesOn(t *testing.T) {
	s := newServer(t, Config{})
	var undecided []ssh.NewChannel
	taken := make(chan ssh.NewChannel)
	go func() {
		for n := range s.incoming {
			taken <- n
		}
	}()
	ask := func(number uint32, extra int) bool {
		s.said <- append(message(msgOpen, 0).text("forwarded-tcpip").number(number).number(100).number(100), make([]byte, extra)...)
		select {
		case n := <-taken:
			undecided = append(undecided, n)
			return true
		case p := <-s.sent:
			if !bytes.HasPrefix(p, words(msgOpenFailure, number, uint32(ssh.ResourceShortage))) {
				t.Fatalf("answered % x", p)
			}
			return false
		}
	}
	if ask(1, maxExtra+1) {
		t.Error("a path of any length is taken")
	}
	for i := range uint32(maxUndecided) {
		if !ask(i, 10) {
			t.Fatalf("refused after %d", i)
		}
	}
	if ask(maxUndecided, 10) {
		t.Error("one more is taken")
	}
	undecided[7].Reject(ssh.ConnectionFailed, "no")
	undecided[7].Reject(ssh.ConnectionFailed, "no")
	s.expect(msgOpenFailure)
	if !ask(maxUndecided+1, 10) {
		t.Error("there is room for none, after a decision")
	}
	if ask(maxUndecided+2, 10) {
		t.Error("a decision made room for two")
	}
}

// Requests for a channel that the server has not opened yet hold nothing up.
func TestRequestsBeforeTheChannelIsOpen(t *testing.T) {
	s := newServer(t, Config{})
	done := make(chan error, 1)
	go func() {
		_, _, err := s.conn.OpenChannel("session", nil)
		done <- err
	}()
	s.expect(msgOpen)
	for range 3 * backlog {
		s.said <- append(message(msgRequest, 0).number(0).text("x"), 1)
	}
	s.said <- words(msgConfirmation, 0, 9, 100, 100)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// Requests that want an answer are answered with no, by one goroutine, however many.
func TestManyRequestsCostNoGoroutines(t *testing.T) {
	s := newServer(t, Config{})
	_, reqs, ours := s.open("session", 1<<20)
	go ssh.DiscardRequests(reqs)
	before := runtime.NumGoroutine()
	ask := append(message(msgRequest, 0).number(ours).text("keepalive@openssh.com"), 1)
	for range 2000 {
		s.said <- ask
	}
	for range 2000 {
		if p := s.expect(msgFailure); !bytes.Equal(p, words(msgFailure, 9)) {
			t.Fatalf("answered % x", p)
		}
	}
	if now := runtime.NumGoroutine(); now > before+10 {
		t.Errorf("%d goroutines, %d before", now, before)
	}
}

// What a server says about a channel that it has closed is passed over, also while
// our own close has not left.
func TestWordsBehindTheClose(t *testing.T) {
	s := &server{t: t, sent: make(chan []byte), said: make(chan []byte, 4096), gone: make(chan struct{}), ended: make(chan error, 1)}
	s.conn, _, _ = New(s, Meta{}, Config{Close: s.close, Ended: func(err error) { s.ended <- err }})
	defer s.conn.Wait()
	defer s.close()
	_, reqs, ours := s.open("session", 1<<20)
	s.said <- words(msgClose, ours)
	for range reqs {
	} // until it is over
	s.said <- append(message(msgRequest, 0).number(ours).text("exit-status"), 0)
	s.said <- append(message(msgRequest, 0).number(ours).text("keepalive@openssh.com"), 1)
	s.said <- data(ours, []byte("late"))
	s.said <- words(msgEOF, ours)
	s.said <- words(msgWindowAdjust, ours, 1)
	s.said <- words(msgSuccess, ours)
	s.said <- words(msgClose, ours)
	s.said <- append(message(msgGlobalRequest, 0).text("keepalive@openssh.com"), 1)
	for len(s.said) > 0 {
		runtime.Gosched()
	}
	for range 3 { // in any order
		select {
		case p := <-s.sent:
			if p[0] != msgClose && p[0] != msgFailure && p[0] != msgRequestFailure {
				t.Errorf("the client sent message %d", p[0])
			}
		case err := <-s.ended:
			t.Fatalf("the connection ended: %v", err)
		}
	}
}

// Numbers are used once, so that words about a channel that is over, which some
// servers send, reach no other.
func TestWordsAboutAClosedChannelReachNoOther(t *testing.T) {
	s := newServer(t, Config{})
	first, _, old := s.open("direct-tcpip", 1<<20)
	s.said <- words(msgClose, old)
	s.expect(msgClose)
	if _, err := first.Read(make([]byte, 1)); err != io.EOF {
		t.Error(err)
	}
	second, _, ours := s.open("direct-tcpip", 1<<20)
	s.said <- data(old, []byte("old"))
	s.said <- words(msgEOF, old)
	s.said <- words(msgClose, old)
	s.said <- data(ours, []byte("new"))
	b := make([]byte, 3)
	if _, err := io.ReadFull(second, b); err != nil || string(b) != "new" {
		t.Errorf("%q, %v", b, err)
	}
	s.conn.mu.Lock()
	n := len(s.conn.channels)
	s.conn.mu.Unlock()
	if n != 1 {
		t.Errorf("%d channels are remembered", n)
	}
	s.said <- data(ours+1, nil) // there never was one
	if err := <-s.ended; err == nil || !strings.Contains(err.Error(), "nonexistent channel") {
		t.Errorf("ended for %v", err)
	}
}

// What the server opens is the user's to accept.
func TestServersChannels(t *testing.T) {
	s := newServer(t, Config{})
	opening := append(message(msgOpen, 0).text("x11").number(5).number(100).number(0), "extra"...)
	s.said <- opening
	n := <-s.incoming
	if n.ChannelType() != "x11" || string(n.ExtraData()) != "extra" {
		t.Errorf("%s %q", n.ChannelType(), n.ExtraData())
	}
	ch, _, err := n.Accept()
	if err != nil {
		t.Fatal(err)
	}
	ours := binary.BigEndian.Uint32(s.expect(msgConfirmation)[5:])
	if err := n.Reject(ssh.Prohibited, ""); err == nil {
		t.Error("rejected what was accepted")
	}
	s.said <- data(ours, []byte("from there"))
	b := make([]byte, 10)
	if _, err := io.ReadFull(ch, b); err != nil || string(b) != "from there" {
		t.Errorf("%q, %v", b, err)
	}
	ch.Write([]byte("from here"))
	if p := s.expect(msgData); !bytes.Equal(p, data(5, []byte("from here"))) {
		t.Errorf("wrote %q", p)
	}
	s.said <- opening
	(<-s.incoming).Reject(ssh.Prohibited, "no")
	if p := s.expect(msgOpenFailure); !bytes.HasPrefix(p, words(msgOpenFailure, 5, 1)) {
		t.Errorf("refused by % x", p)
	}
}

// The end of the connection ends every call.
func TestEndOfTheConnectionEndsEveryCall(t *testing.T) {
	s := newServer(t, Config{})
	ch, reqs, _ := s.open("session", 0)
	results := make(chan error, 5)
	go func() { _, err := ch.Read(make([]byte, 1)); results <- err }()
	go func() { _, err := ch.Write(make([]byte, 1)); results <- err }()
	go func() { _, err := ch.SendRequest("exec", true, nil); results <- err }()
	go func() { _, _, err := s.conn.SendRequest("x", true, nil); results <- err }()
	go func() { _, _, err := s.conn.OpenChannel("direct-tcpip", nil); results <- err }()
	for range 3 {
		<-s.sent
	}
	s.close()
	for range 5 {
		if err := <-results; !errors.Is(err, io.EOF) {
			t.Error(err)
		}
	}
	for range reqs {
	}
	if err := s.conn.Wait(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("ended for %v", err)
	}
	if _, _, err := s.conn.OpenChannel("session", nil); err == nil {
		t.Error("a channel on what is gone")
	}
}

// FuzzServer: whatever a server sends, nothing panics or hangs, and what comes out
// of a channel is what went in.
func FuzzServer(f *testing.F) {
	f.Add([]byte("\x05\x5b\x00\x00\x00\x00\x0d\x5e\x00\x00\x00\x00\x00\x00\x00\x04text"))
	f.Add([]byte{9, 97, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, script []byte) {
		s := newServer(t, Config{Guess: true})
		ch, reqs, err := s.conn.OpenChannel("session", nil)
		if err != nil {
			t.Fatal(err)
		}
		go ssh.DiscardRequests(reqs)
		go func() {
			for n := range s.incoming {
				if n.ChannelType() == "x11" {
					if _, reqs, err := n.Accept(); err == nil {
						go ssh.DiscardRequests(reqs)
					}
				} else {
					n.Reject(ssh.Prohibited, "")
				}
			}
		}()
		go func() {
			for {
				select {
				case <-s.sent:
				case <-s.gone:
					return
				}
			}
		}()
		ch.(interface {
			Ask(string, []byte) (func() (bool, error), error)
		}).Ask("exec", nil)
		go io.Copy(io.Discard, ch)
		go io.Copy(io.Discard, ch.Stderr())
		for len(script) > 1 {
			n := min(int(script[0])+1, len(script)-1)
			select {
			case s.said <- script[1 : 1+n]:
			case <-s.conn.done:
				return
			}
			script = script[1+n:]
		}
		for s.waiting() {
			select {
			case <-s.conn.done:
				return
			default:
				runtime.Gosched()
			}
		}
	})
}
