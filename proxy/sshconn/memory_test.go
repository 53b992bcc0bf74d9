package sshconn

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"golang.org/x/crypto/ssh"

	"tssh/proxy/channel"
	"tssh/proxy/mux"
	"tssh/proxy/simnet"
)

// hostile is a mux whose far end is an attacker: what its streams say is made as
// it is read, and what is written to them nobody ever reads.
type hostile struct {
	streams chan mux.Stream
	done    chan struct{}
	once    sync.Once
}

func newHostile() *hostile {
	return &hostile{streams: make(chan mux.Stream), done: make(chan struct{})}
}

func (h *hostile) Open(context.Context) (mux.Stream, error) {
	return h.stream(strings.NewReader("")), nil
}
func (h *hostile) Accept(context.Context) (mux.Stream, error) {
	select {
	case s := <-h.streams:
		return s, nil
	case <-h.done:
		return nil, net.ErrClosed
	}
}
func (h *hostile) Confirmed(context.Context) error { return nil }
func (h *hostile) Shutdown(context.Context) error  { return h.Close() }
func (h *hostile) Close() error                    { h.once.Do(func() { close(h.done) }); return nil }
func (h *hostile) Bulk() (mux.Sender, uint64)      { return nil, 0 }
func (h *hostile) TakeBulk(context.Context, uint64) (mux.Receiver, error) {
	return nil, net.ErrClosed
}
func (h *hostile) Leaving() <-chan struct{} { return nil }
func (h *hostile) Done() <-chan struct{}    { return h.done }
func (h *hostile) Err() error               { return net.ErrClosed }
func (h *hostile) Returned()                {}

func (h *hostile) stream(says io.Reader) *hostileStream {
	return &hostileStream{says: says, mux: h, done: make(chan struct{})}
}

type hostileStream struct {
	says io.Reader
	mux  *hostile
	done chan struct{}
	once sync.Once
}

func (s *hostileStream) Read(p []byte) (int, error) {
	select {
	case <-s.done:
		return 0, net.ErrClosed
	default:
	}
	if n, err := s.says.Read(p); err == nil {
		return n, nil
	}
	return 0, s.wait()
}

func (s *hostileStream) Write([]byte) (int, error) { return 0, s.wait() }
func (s *hostileStream) CloseWrite() error         { return nil }
func (s *hostileStream) Close() error              { s.once.Do(func() { close(s.done) }); return nil }

func (s *hostileStream) wait() error {
	select {
	case <-s.done:
	case <-s.mux.done:
	}
	return net.ErrClosed
}

// repeat reads b so many times.
type repeat struct {
	b     []byte
	times int
	at    int
}

func (r *repeat) Read(p []byte) (n int, err error) {
	for n < len(p) && r.times > 0 {
		m := copy(p[n:], r.b[r.at:])
		n += m
		if r.at += m; r.at == len(r.b) {
			r.at = 0
			r.times--
		}
	}
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

func frame(kind byte, body string) []byte {
	b := make([]byte, headSize, headSize+len(body))
	putHead(b, kind, len(body))
	return append(b, body...)
}

func asks(kind string, payload int) []byte {
	b, _ := appendRequest(nil, kind, true, make([]byte, payload))
	return frame(frameRequest, string(b))
}

const (
	opens  = "\x04test\x00\x00\x00\x00\x00\x00\x00\x00"
	global = "\x00\x00\x00\x00\x00\x00\x00\x00\x00"
)

// assault is what a peer says on so many streams, and the most that may cost
// the other end while its user accepts what comes and reads nothing. The next
// attack is an entry.
type assault struct {
	name    string
	streams int
	says    func() io.Reader
	MiB     uint64
	wakes   int // goroutines, at most
}

var largest = asks("x", maxFrame-4)

var assaults = []assault{
	{"requests that want replies", 1, func() io.Reader {
		return io.MultiReader(strings.NewReader(opens), &repeat{b: asks("x", 0), times: 400 << 10})
	}, 4, 10},
	{"global requests that want replies", 1, func() io.Reader {
		return io.MultiReader(strings.NewReader(global), &repeat{b: asks("x", 0), times: 400 << 10})
	}, 4, 10},
	{"large requests", 200, func() io.Reader {
		return io.MultiReader(strings.NewReader(opens), &repeat{b: largest, times: 100})
	}, 24, 1000},
	{"the length of a request", 1000, func() io.Reader {
		return io.MultiReader(strings.NewReader(opens), bytes.NewReader(largest[:8]))
	}, 24, 2500},
	{"most of a request", 400, func() io.Reader {
		return io.MultiReader(strings.NewReader(opens), &repeat{b: largest[:maxFrame-100], times: 1})
	}, 24, 1000},
	{"openings that do not begin", 10000, func() io.Reader { return strings.NewReader("") }, 8, 520},
	{"the length of an opening", 10000, func() io.Reader { return strings.NewReader("\x04test\x00\x00\x7f\xff") }, 8, 520},
	{"the length of an opening that is too long", 1, func() io.Reader { return strings.NewReader("\x04test\x00\x04\x00\x00") }, 1, 10},
	{"most of an opening", 10000, func() io.Reader {
		return io.MultiReader(strings.NewReader("\x04test\x00\x00\x7f\xff"), &repeat{b: make([]byte, 1<<10), times: 31})
	}, 32, 520},
	{"openings that wait for replies that never come", 5000, func() io.Reader {
		return strings.NewReader("\x04test\x00\x00\x00\x00\xff\xff\xff\xff")
	}, 8, 520},
	{"bytes in frames of their own", 1, func() io.Reader {
		return io.MultiReader(strings.NewReader(opens), &repeat{b: frame(frameData, "x"), times: firstWindow})
	}, 10, 10},
	{"frames a little above the small ones", 1, func() io.Reader {
		return io.MultiReader(strings.NewReader(opens), &repeat{b: frame(frameData, string(make([]byte, 4<<10))), times: 512})
	}, 10, 10},
	{"frames of which two do not fit", 1, func() io.Reader {
		return io.MultiReader(strings.NewReader(opens), &repeat{b: frame(frameStderr, string(make([]byte, 17<<10))), times: 120})
	}, 10, 10},
	{"full windows", 200, func() io.Reader {
		return io.MultiReader(strings.NewReader(opens), &repeat{b: frame(frameData, string(make([]byte, maxData))), times: firstWindow / maxData})
	}, 24, 1000},
	{"full windows that are closed", 200, func() io.Reader {
		return io.MultiReader(strings.NewReader(opens),
			&repeat{b: frame(frameData, string(make([]byte, maxData))), times: firstWindow / maxData},
			bytes.NewReader(frame(frameClose, "")))
	}, 24, 1000},
	{"empty frames", 1, func() io.Reader {
		return io.MultiReader(strings.NewReader(opens), &repeat{b: frame(frameData, ""), times: 1 << 20})
	}, 4, 10},
	{"complaints and growth", 1, func() io.Reader {
		return io.MultiReader(strings.NewReader(opens), &repeat{b: append(frame(frameStarved, ""), frame(framePrompt, "")...), times: 1 << 20})
	}, 4, 10},
	{"answers to nothing", 1, func() io.Reader {
		return io.MultiReader(strings.NewReader(opens), &repeat{b: frame(frameSuccess, string(make([]byte, maxFrame))), times: 100})
	}, 4, 10},
}

// TestPeerDoesNotDecideHowMuchIsKept runs each assault against both ends.
func TestPeerDoesNotDecideHowMuchIsKept(t *testing.T) {
	for _, a := range assaults {
		t.Run(a.name+"/server", func(t *testing.T) { a.run(t, serveUnread) })
		t.Run(a.name+"/client", func(t *testing.T) { a.run(t, clientUnread) })
	}
}

// serveUnread is a server that accepts all and reads nothing.
func serveUnread(m mux.Conn) (end func()) {
	s := Serve(m).(*server)
	s.budget.Most = 16 << 20
	done := make(chan struct{})
	go func() {
		defer close(done)
		for n := range s.Channels() {
			go n.Accept() // whose confirmation nobody reads
		}
	}()
	return func() { s.Close(); <-done }
}

// clientUnread is a client that does the same.
func clientUnread(m mux.Conn) (end func()) {
	c, channels, requests := Client(m, Meta{})
	c.(*client).budget.Most = 16 << 20
	done := make(chan struct{})
	go ssh.DiscardRequests(requests)
	go func() {
		defer close(done)
		for n := range channels {
			go func() {
				if _, reqs, err := n.Accept(); err == nil {
					ssh.DiscardRequests(reqs)
				}
			}()
		}
	}()
	return func() { c.Close(); <-done }
}

func (a assault) run(t *testing.T, victim func(mux.Conn) (end func())) {
	simnet.Bubble(t, func(t *testing.T) {
		h := newHostile()
		streams := make([]*hostileStream, a.streams)
		for i := range streams {
			streams[i] = h.stream(a.says())
		}
		before, goroutines := used(), runtime.NumGoroutine()
		end := victim(h)
		opening := make(chan struct{})
		go func() {
			defer close(opening)
			for _, s := range streams {
				select {
				case h.streams <- s:
				case <-h.done: // it has ended the connection
				}
			}
		}()
		synctest.Wait()
		now := runtime.NumGoroutine() - goroutines
		after := used()
		t.Logf("%d KiB, %d goroutines", int64(after-before)>>10, now)
		if after > before+a.MiB<<20 {
			t.Errorf("%d MiB are kept", (after-before)>>20)
		}
		if now > a.wakes {
			t.Errorf("%d goroutines run", now)
		}
		runtime.KeepAlive(streams)
		h.Close()
		<-opening
		end()
	})
}

// used is what this process holds.
func used() uint64 {
	runtime.GC()
	runtime.GC() // pools
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc + m.StackInuse
}

// Who keeps most goes, with a word to its reader, and nobody else.
func TestHoarderIsToldAndOthersGoOn(t *testing.T) {
	simnet.Bubble(t, func(t *testing.T) {
		h := newHostile()
		s := Serve(h).(*server)
		s.budget.Most = 3 << 20
		full := frame(frameData, string(make([]byte, maxData)))
		var got [3]*channel.Channel
		for i, n := range []int{40, 3, 64} {
			h.streams <- h.stream(io.MultiReader(strings.NewReader(opens), &repeat{b: full, times: n}))
			c := <-s.Channels()
			go c.Accept() // it waits for the peer to read
			synctest.Wait()
			got[i] = c.(*serverNewChannel).f.ch
		}
		synctest.Wait()
		for i, want := range []int{40 * maxData, 3 * maxData, 0} {
			b := make([]byte, max(want, 1))
			n, err := io.ReadFull(got[i], b)
			if want > 0 && (n != want || err != nil) || want == 0 && !errors.Is(err, channel.ErrHoard) {
				t.Errorf("channel %d: %d bytes, %v", i, n, err)
			}
		}
		if kept := s.budget.Kept(); kept != 0 {
			t.Errorf("%d bytes are counted and not kept", kept)
		}
		h.Close()
		s.Close()
	})
}
