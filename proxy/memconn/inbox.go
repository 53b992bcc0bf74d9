package memconn

import (
	"net"
	"os"
	"sync"
	"time"
)

const (
	inboxSize = 256 << 10 // bytes that wait for the transport before the sockets' readers do
	markSize  = 16        // bytes that a mark takes
	inboxKept = 16 << 10  // buffers above this are given back when little of them is used
)

// inbox queues datagrams for the transport. Two buffers take turns: one is
// filled while the other is read, so a datagram costs no allocation.
type inbox struct {
	ready, room chan struct{} // tokens: something to read, space to write
	closed      chan struct{}

	mu       sync.Mutex // guards what follows
	fill     batch
	shut     bool
	deadline *time.Timer
	expired  chan struct{} // closed when the deadline passed
	changed  chan struct{} // closed when there is another deadline

	reading sync.Mutex // guards what follows
	drain   batch
	next    int // mark to be read next
	at      int // where its bytes start
}

// batch is datagrams, end to end.
type batch struct {
	bytes []byte
	marks []mark
}

type mark struct {
	size int
	ecn  byte
	bulk bool
}

func (n *inbox) open() {
	n.ready, n.room, n.closed = make(chan struct{}, 1), make(chan struct{}, 1), make(chan struct{})
	n.changed, n.expired = make(chan struct{}), make(chan struct{})
}

// put adds the datagrams of segment bytes in b, without the first skip bytes of
// each, and does not tell. It waits while the inbox is full: what then stays in the kernel is
// dropped there, if at all.
func (n *inbox) put(b []byte, segment, skip int, ecn byte, bulk bool) {
	for {
		n.mu.Lock()
		if n.shut {
			n.mu.Unlock()
			return
		}
		if len(n.fill.bytes)+markSize*len(n.fill.marks) < inboxSize { // datagrams may be empty
			break
		}
		n.mu.Unlock()
		token(n.ready) // it may not have been told
		select {
		case <-n.room:
		case <-n.closed:
			return
		}
	}
	for len(b) > 0 {
		size := len(b)
		if segment > 0 {
			size = min(size, segment)
		}
		one := b[min(skip, size):size]
		n.fill.bytes = append(n.fill.bytes, one...)
		n.fill.marks = append(n.fill.marks, mark{len(one), ecn, bulk})
		b = b[size:]
	}
	n.mu.Unlock()
}

// tell wakes who waits in take, when there is something new.
func (n *inbox) tell() {
	n.mu.Lock()
	some := len(n.fill.marks) > 0
	n.mu.Unlock()
	if some {
		token(n.ready)
	}
}

// take calls f with up to most datagrams, waiting for the first.
func (n *inbox) take(most int, f func(i int, b []byte, of mark)) (int, error) {
	n.reading.Lock()
	defer n.reading.Unlock()
	for n.next == len(n.drain.marks) {
		n.mu.Lock()
		if len(n.fill.marks) > 0 {
			n.drain, n.fill = n.fill, n.drain.emptied()
			n.next, n.at = 0, 0
			n.mu.Unlock()
			token(n.room)
			break
		}
		changed, expired := n.changed, n.expired
		n.mu.Unlock()
		select {
		case <-n.ready:
		case <-changed:
		case <-expired:
			return 0, os.ErrDeadlineExceeded
		case <-n.closed:
			return 0, net.ErrClosed
		}
	}
	count := min(most, len(n.drain.marks)-n.next)
	for i := range count {
		m := n.drain.marks[n.next]
		f(i, n.drain.bytes[n.at:n.at+m.size], m)
		n.next, n.at = n.next+1, n.at+m.size
	}
	return count, nil
}

// emptied returns an empty batch in the space of b, if that is not much, or
// not much more than was needed.
func (b batch) emptied() batch {
	if cap(b.bytes) > inboxKept && cap(b.bytes) > 4*len(b.bytes) {
		return batch{}
	}
	return batch{b.bytes[:0], b.marks[:0]}
}

func (n *inbox) setDeadline(t time.Time) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.deadline != nil {
		n.deadline.Stop()
	}
	n.expired = make(chan struct{})
	if expired := n.expired; !t.IsZero() {
		n.deadline = time.AfterFunc(time.Until(t), func() { close(expired) })
	}
	close(n.changed)
	n.changed = make(chan struct{})
}

func (n *inbox) isClosed() bool {
	select {
	case <-n.closed:
		return true
	default:
		return false
	}
}

// close ends all calls. What was queued is dropped.
func (n *inbox) close() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.shut {
		n.shut = true
		close(n.closed)
		if n.deadline != nil {
			n.deadline.Stop()
		}
	}
}

// token leaves a token in c unless there is one.
func token(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
