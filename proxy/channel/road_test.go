package channel

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

// road is a Wire to an end that is far away, over a line.
type road struct {
	to    *Channel
	rate  float64 // bytes a second
	delay time.Duration

	mu   sync.Mutex // guards what follows
	free time.Time  // when the line is
	out  int        // bytes that left and did not come
}

func (r *road) underWay() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.out
}

// send calls f at the other end, when n bytes have come there.
func (r *road) send(n int, f func()) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now := time.Now(); r.free.Before(now) {
		r.free = now
	}
	r.free = r.free.Add(time.Duration(float64(n)/r.rate*1e9) + 1) // one after the other
	r.out += n
	time.AfterFunc(time.Until(r.free)+r.delay, func() {
		r.mu.Lock()
		r.out -= n
		r.mu.Unlock()
		f()
	})
	return nil
}

func (r *road) Data(b []byte, stderr bool) error {
	b = append([]byte(nil), b...)
	return r.send(len(b), func() { r.to.Receive(b, stderr) })
}
func (r *road) Window(n int) error                 { return r.send(0, func() { r.to.More(uint32(n)) }) }
func (r *road) Growth(n int) error                 { return r.send(0, func() { r.to.Grown(uint32(n)) }) }
func (r *road) Starved() error                     { return nil }
func (r *road) Request(string, bool, []byte) error { return nil }
func (r *road) EOF() error                         { return nil }
func (r *road) Close() error                       { return nil }

// number is what follows a word that was said.
func number(t *testing.T, said, word string) (n int) {
	t.Helper()
	if _, err := fmt.Sscan(strings.TrimPrefix(said, word), &n); err != nil {
		t.Fatalf("said %q, no %q", said, word)
	}
	return n
}
