package channel

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
)

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
