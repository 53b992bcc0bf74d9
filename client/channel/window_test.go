package channel

import (
	"encoding/binary"
	"io"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

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
