package simnet

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"
)

const (
	resend      = 200 * time.Millisecond // a TCP tries again
	streamQueue = 256 << 10              // bytes that a TCP takes before it makes its writer wait
	chunk       = 3 * segment            // bytes that travel together
	segment     = 1400                   // bytes in a packet
)

type listener struct {
	host *Host
	port uint16
	in   chan net.Conn
	once sync.Once
	done chan struct{}
}

// ListenTCP listens. See path.Network.
func (h *Host) ListenTCP(port int) (net.Listener, error) {
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	p, err := h.portLocked(port, func(p uint16) bool { return h.tcp[p] != nil })
	if err != nil {
		return nil, err
	}
	l := &listener{host: h, port: p, in: make(chan net.Conn, 128), done: make(chan struct{})}
	h.tcp[p] = l
	return l, nil
}

func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.in:
		return c, nil
	case <-l.done:
		return nil, fmt.Errorf("accept: %w", net.ErrClosed)
	}
}

func (l *listener) Addr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.IPv6Unspecified(), l.port))
}

func (l *listener) Close() error {
	l.once.Do(func() {
		close(l.done)
		l.host.net.mu.Lock()
		defer l.host.net.mu.Unlock()
		delete(l.host.tcp, l.port)
	})
	return nil
}

// DialTCP connects. See path.Network.
func (h *Host) DialTCP(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
	for {
		h.net.mu.Lock()
		from, err := h.sourceLocked(to.Addr())
		far := h.net.ownerLocked(to.Addr())
		if err != nil {
			h.net.mu.Unlock()
			return nil, err
		}
		route := &route{near: h, far: far, nearEpoch: h.epoch, port: to.Port()}
		var l *listener
		if far != nil {
			route.farEpoch = far.epoch
			l = far.tcp[to.Port()]
		}
		delay, up := route.stateLocked()
		h.nextPort++
		local := netip.AddrPortFrom(from, h.nextPort)
		h.net.mu.Unlock()
		if up && l != nil {
			if err := wait(ctx, 2*delay); err != nil {
				return nil, fmt.Errorf("dial %s: %w", to, err)
			}
			near, there := newStreams(route, local, to)
			select {
			case l.in <- there:
				return near, nil
			case <-l.done:
			}
		}
		if err := wait(ctx, time.Second); err != nil {
			return nil, fmt.Errorf("dial %s: %w", to, err)
		}
	}
}

func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// route is where a stream's bytes travel, as long as no end moves.
type route struct {
	near, far           *Host
	nearEpoch, farEpoch int
	port                uint16 // of far
}

// stateLocked returns the delay, and whether bytes pass.
func (r *route) stateLocked() (time.Duration, bool) {
	if r.goneLocked() {
		return resend, false
	}
	a, b := &r.near.link, &r.far.link
	return a.Delay + b.Delay, r.passes(a) && r.passes(b)
}

func (r *route) passes(l *Link) bool {
	return !(l.Down || l.NoTCP || l.NoAnswer || l.OnlySSH && r.port != 22)
}

// window returns how many bytes a sender lets be under way: what it does not
// hear lost, so that there is room in the links' queues for UDP.
func (r *route) window() int {
	r.near.net.mu.Lock()
	defer r.near.net.mu.Unlock()
	window := streamQueue
	for _, h := range []*Host{r.near, r.far} {
		if h != nil && h.link.Rate > 0 {
			window = min(window, h.link.Rate/8)
		}
	}
	return window
}

// dueLocked returns when n bytes that leave now arrive, all being well.
func (r *route) dueLocked(n int, inward bool) time.Time {
	delay, _ := r.stateLocked()
	if r.goneLocked() {
		return time.Now().Add(delay)
	}
	from, to := r.near, r.far
	if inward {
		from, to = to, from
	}
	const patient = 365 * 24 * time.Hour
	delay += from.queueLocked(n, false, patient) + to.queueLocked(n, true, patient)
	for _, l := range []*Link{&from.link, &to.link} {
		for range (n + segment - 1) / segment {
			if from.net.random.Float64() < l.Loss {
				delay += resend
				break
			}
		}
		if l.Jitter > 0 {
			delay += time.Duration(from.net.random.Int64N(int64(l.Jitter)))
		}
	}
	return time.Now().Add(delay)
}

// goneLocked reports whether an end moved, so that nothing will pass any more.
func (r *route) goneLocked() bool {
	return r.far == nil || r.near.epoch != r.nearEpoch || r.far.epoch != r.farEpoch
}

// stream is one end of a TCP connection.
type stream struct {
	route       *route
	inward      bool // from the route's far end to the near one
	local, peer netip.AddrPort
	far         *stream

	mu      sync.Mutex // guards what follows
	change  chan struct{}
	arrived bytes.Buffer
	eof     bool
	flying  int // bytes written and not yet at the far end
	stalled int // chunks that found no route
	closed  bool
	read    deadline

	due time.Time // when the last chunk arrives; guarded by the network's lock

	toSend chan []byte // nil: the end
}

func newStreams(r *route, a, b netip.AddrPort) (near, far *stream) {
	near = &stream{route: r, local: a, peer: b, change: make(chan struct{}), toSend: make(chan []byte, 4096)}
	far = &stream{route: r, inward: true, local: b, peer: a, change: make(chan struct{}), toSend: make(chan []byte, 4096)}
	near.read.changed, far.read.changed = make(chan struct{}), make(chan struct{})
	near.far, far.far = far, near
	return near, far
}

func (s *stream) wakeLocked() {
	close(s.change)
	s.change = make(chan struct{})
}

func (s *stream) Write(b []byte) (n int, err error) {
	for len(b) > n {
		part := b[n:min(len(b), n+chunk)]
		s.mu.Lock()
		for !s.closed && s.flying > 0 && (s.flying+len(part) > s.route.window() || len(s.toSend) >= cap(s.toSend)/2) {
			changed := s.change
			s.mu.Unlock()
			<-changed
			s.mu.Lock()
		}
		if s.closed {
			s.mu.Unlock()
			return n, fmt.Errorf("write: %w", net.ErrClosed)
		}
		s.flying += len(part)
		s.mu.Unlock()
		s.carry(bytes.Clone(part))
		n += len(part)
	}
	return n, nil
}

// carry brings b to the far end, in order, as soon as the route lets it.
func (s *stream) carry(b []byte) {
	s.toSend <- b
	s.route.near.net.mu.Lock()
	if due := s.route.dueLocked(len(b), s.inward); due.After(s.due) {
		s.due = due
	}
	wait := time.Until(s.due)
	s.route.near.net.mu.Unlock()
	time.AfterFunc(wait, s.deliver)
}

// deliver brings one chunk over, or asks again later. Chunks are taken from one
// queue, so it does not matter whose timer fires first.
func (s *stream) deliver() {
	s.route.near.net.mu.Lock()
	_, up := s.route.stateLocked()
	gone := s.route.goneLocked()
	s.route.near.net.mu.Unlock()
	if gone {
		return // for good; nobody is told
	}
	if !up {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.stalled++; s.stalled == 1 {
			time.AfterFunc(resend, s.retry)
		}
		return
	}
	s.far.mu.Lock()
	b := <-s.toSend // under the lock, or two that arrive at once change places
	if b == nil {
		s.far.eof = true
	}
	s.far.arrived.Write(b)
	s.far.wakeLocked()
	s.far.mu.Unlock()
	s.mu.Lock()
	s.flying -= len(b)
	s.wakeLocked()
	s.mu.Unlock()
}

// retry brings over all that stalled, if the route is up again. One timer does
// for all: an outage of hours must not cost one a chunk.
func (s *stream) retry() {
	s.route.near.net.mu.Lock()
	_, up := s.route.stateLocked()
	gone := s.route.goneLocked()
	s.route.near.net.mu.Unlock()
	s.mu.Lock()
	stalled := s.stalled
	switch {
	case up:
		s.stalled = 0
	case !gone:
		time.AfterFunc(resend, s.retry)
	}
	s.mu.Unlock()
	if up {
		for range stalled {
			s.deliver()
		}
	}
}

func (s *stream) Read(b []byte) (int, error) {
	for {
		expired, moved := s.read.wait()
		s.mu.Lock()
		n, _ := s.arrived.Read(b)
		closed, eof, changed := s.closed, s.eof, s.change
		s.mu.Unlock()
		switch {
		case closed:
			return 0, fmt.Errorf("read: %w", net.ErrClosed)
		case n > 0:
			return n, nil
		case eof:
			return 0, io.EOF
		}
		select {
		case <-changed:
		case <-moved:
		case <-expired:
			return 0, fmt.Errorf("read: %w", os.ErrDeadlineExceeded)
		}
	}
}

func (s *stream) Close() error {
	s.mu.Lock()
	first := !s.closed
	s.closed = true
	s.wakeLocked()
	s.mu.Unlock()
	if first {
		s.carry(nil)
	}
	return nil
}

func (s *stream) LocalAddr() net.Addr                { return net.TCPAddrFromAddrPort(s.local) }
func (s *stream) RemoteAddr() net.Addr               { return net.TCPAddrFromAddrPort(s.peer) }
func (s *stream) SetDeadline(t time.Time) error      { s.read.set(t); return nil }
func (s *stream) SetReadDeadline(t time.Time) error  { s.read.set(t); return nil }
func (s *stream) SetWriteDeadline(_ time.Time) error { return nil }
