package mux

import (
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"sync"
	"testing"
	"time"
)

// link is a pair of ends with a network between them.
type link struct {
	delay time.Duration // one way
	loss  float64
	rate  int // bytes a second each way; 0 is any
	queue int // bytes that wait for the rate; 0 is 256 KiB

	mu   sync.Mutex
	down bool
	rng  *rand.Rand
}

func (l *link) cut(down bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.down = down
}

// end is a net.PacketConn at one side of a link.
type end struct {
	link *link
	addr *net.UDPAddr
	far  *end

	mu       sync.Mutex
	queue    [][]byte
	sent     int       // datagrams
	free     time.Time // when the line is free again
	deadline time.Time
	closed   bool
	wake     chan struct{}
}

func newLink(t *testing.T, l *link) (client, server *end) {
	l.rng = rand.New(rand.NewPCG(1, 2))
	at := func(s string) *end {
		return &end{link: l, addr: net.UDPAddrFromAddrPort(netip.MustParseAddrPort(s)), wake: make(chan struct{}, 1)}
	}
	client, server = at("10.0.0.1:1"), at("10.0.0.2:2")
	client.far, server.far = server, client
	t.Cleanup(func() { client.Close(); server.Close() })
	return client, server
}

func (e *end) WriteTo(p []byte, _ net.Addr) (int, error) {
	e.mu.Lock()
	e.sent++
	now := time.Now()
	delay := e.link.delay
	if e.link.rate > 0 {
		if e.free.Before(now) {
			e.free = now
		}
		room := e.link.queue
		if room == 0 {
			room = 256 << 10
		}
		wait := e.free.Sub(now)
		if int(wait.Seconds()*float64(e.link.rate)) > room {
			e.mu.Unlock()
			return len(p), nil
		}
		e.free = e.free.Add(time.Duration(float64(len(p)) / float64(e.link.rate) * 1e9))
		delay += e.free.Sub(now)
	}
	e.mu.Unlock()
	if e.link.drops() {
		return len(p), nil
	}
	b := append([]byte(nil), p...)
	time.AfterFunc(delay, func() { e.far.deliver(b) })
	return len(p), nil
}

// count is how many datagrams were written so far.
func (e *end) count() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.sent
}

func (l *link) drops() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.down || l.rng.Float64() < l.loss
}

func (e *end) deliver(b []byte) {
	e.mu.Lock()
	if len(e.queue) < 8192 {
		e.queue = append(e.queue, b)
	}
	e.mu.Unlock()
	e.poke()
}

func (e *end) poke() {
	select {
	case e.wake <- struct{}{}:
	default:
	}
}

func (e *end) ReadFrom(p []byte) (int, net.Addr, error) {
	for {
		e.mu.Lock()
		closed, deadline := e.closed, e.deadline
		if len(e.queue) > 0 && !closed {
			b := e.queue[0]
			e.queue = e.queue[1:]
			e.mu.Unlock()
			return copy(p, b), e.far.addr, nil
		}
		e.mu.Unlock()
		if closed {
			return 0, nil, net.ErrClosed
		}
		var late <-chan time.Time
		if !deadline.IsZero() {
			left := time.Until(deadline)
			if left <= 0 {
				return 0, nil, os.ErrDeadlineExceeded
			}
			late = time.After(left)
		}
		select {
		case <-e.wake:
		case <-late:
		}
	}
}

func (e *end) Close() error {
	e.mu.Lock()
	e.closed = true
	e.mu.Unlock()
	e.poke()
	return nil
}

func (e *end) SetReadDeadline(t time.Time) error {
	e.mu.Lock()
	e.deadline = t
	e.mu.Unlock()
	e.poke()
	return nil
}

func (e *end) SetDeadline(t time.Time) error    { return e.SetReadDeadline(t) }
func (e *end) SetWriteDeadline(time.Time) error { return nil }
func (e *end) LocalAddr() net.Addr              { return e.addr }
