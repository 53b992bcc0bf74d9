package sshconn

import "sync"

// requests are those of the peer's on a channel that its user has not taken, in a
// queue of backlog that the user reads. It is the Keeper of the channel.
type requests struct {
	f *framing
	// What the user gets is made by hand, as each end has another type for it.
	deliver func(*Request)
	close   func() // of the queue
	queued  func() int
	drain   func()        // throws them away
	lost    chan struct{} // closed when nothing is kept any more
	once    sync.Once

	mu        sync.Mutex   // guards what follows
	partial   int          // bytes of a frame that is being read or delivered
	sizes     [backlog]int // of the last ones delivered, a ring
	delivered int
}

func newRequests(f *framing) *requests {
	return &requests{f: f, lost: make(chan struct{})}
}

// handRequests gives the requests of f to a user, who gets them as convert makes them.
func handRequests[T any](f *framing, convert func(*Request) T) <-chan T {
	queue := make(chan T, backlog)
	q := f.requests
	q.deliver = func(r *Request) {
		select {
		case queue <- convert(r):
		case <-q.lost:
		case <-f.conn.ctx.Done():
		}
	}
	q.close = func() { close(queue) }
	q.queued = func() int { return len(queue) }
	q.drain = func() {
		for {
			select {
			case _, more := <-queue:
				if !more {
					return
				}
			default:
				return
			}
		}
	}
	return queue
}

// reading counts n bytes of a frame that is being read, or waits for the user.
func (q *requests) reading(n int) {
	q.mu.Lock()
	q.partial = n
	q.mu.Unlock()
	q.f.ch.Count()
}

// give hands a request to the user. Only the reading goroutine calls it.
func (q *requests) give(r *Request) {
	size := len(r.Type) + len(r.Payload)
	q.deliver(r)
	q.mu.Lock()
	q.sizes[q.delivered%backlog] = size
	q.delivered++
	q.mu.Unlock()
	q.reading(0)
}

// end says that no more come.
func (q *requests) end() {
	q.close()
	select {
	case <-q.lost:
		q.drain() // what came between
	default:
	}
}

// Kept is what the requests cost.
func (q *requests) Kept() int {
	if q.queued == nil {
		return 0
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	n := q.partial
	for i := range min(q.queued(), backlog, q.delivered) {
		n += q.sizes[(q.delivered-1-i)%backlog]
	}
	return n
}

// Abandon ends the channel, and throws away what waits.
func (q *requests) Abandon() {
	q.once.Do(func() { close(q.lost) }) // ends give
	q.f.stream.Close()                  // ends run
	q.drain()
}
