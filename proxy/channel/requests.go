package channel

import "sync"

// Backlog is how many requests wait for their user before the peer does, as in
// x/crypto/ssh.
const Backlog = 16

// Requests are those of the peer's on a channel that its user has not taken. What
// the user gets, a T, is the framing's to say. They count in the channel's budget.
type Requests[T any] struct {
	c     *Channel
	queue chan T
	gone  <-chan struct{} // closed when nobody is there to take any
	lost  chan struct{}   // closed when nothing is kept any more
	once  sync.Once
	ended bool // the reading goroutine's

	mu    sync.Mutex   // guards what follows
	sizes [Backlog]int // of the last ones given, a ring
	given int
}

// queued is what a channel knows of its Requests.
type queued interface {
	kept() int
	drop()
}

// NewRequests gives c a queue for its requests, before any can come. When gone is
// closed nobody takes more.
func NewRequests[T any](c *Channel, gone <-chan struct{}) *Requests[T] {
	q := &Requests[T]{c: c, queue: make(chan T, Backlog), gone: gone, lost: make(chan struct{})}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.requests = q
	return q
}

// User is what the user takes them from.
func (q *Requests[T]) User() <-chan T { return q.queue }

// Give hands on a request of so many bytes. It waits while the queue is full; what
// nobody will take is dropped. Only the goroutine that reads calls it.
func (q *Requests[T]) Give(r T, size int) {
	q.c.Reading(size)
	defer q.c.Reading(0)
	if q.ended { // the peer goes on about what it has closed, or this was too much
		return
	}
	select {
	case q.queue <- r:
	case <-q.lost:
		return
	case <-q.gone:
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.sizes[q.given%Backlog] = size
	q.given++
}

// End says that no more come. Only the goroutine that reads calls it.
func (q *Requests[T]) End() {
	q.ended = true
	close(q.queue)
	select {
	case <-q.lost:
		q.drain() // what came between
	default:
	}
}

// kept is what those cost that wait.
func (q *Requests[T]) kept() (n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i := range min(len(q.queue), q.given) {
		n += q.sizes[(q.given-1-i)%Backlog]
	}
	return n
}

// drop throws away what waits, and lets nothing wait any more.
func (q *Requests[T]) drop() {
	q.once.Do(func() { close(q.lost) })
	q.drain()
}

func (q *Requests[T]) drain() {
	for {
		select {
		case _, more := <-q.queue:
			if !more {
				return
			}
		default:
			return
		}
	}
}
