package channel

import (
	"bytes"
	"errors"
	"io"
	"runtime"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"tssh/proxy/channel"
)

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
