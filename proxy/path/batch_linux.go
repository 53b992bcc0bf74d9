package path

import (
	"fmt"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	batchSize = 8
	flowSize  = 32       // instead, once there was a flow
	trainSize = 64 << 10 // bytes that the kernel joins at most (GRO)
	oobSize   = 256

	// A flow of at least gatherFrom datagrams a millisecond is read once in the time that
	// was asked for: reading each as it comes wakes this process, the transport
	// and, by an acknowledgement of every second one, all of that at the sender too. A key
	// that comes in such a flow waits for as long at most. Above gatherTo there is always
	// more than one to be read, and the transport would get more at once than it takes:
	// quic-go drops what is beyond 256 unread.
	gatherFrom = 3
	gatherTo   = 32
	gaugeFor   = 5 * time.Millisecond
)

// batch reads as many datagrams as there are by one call.
type batch struct {
	gather atomic.Int64 // time.Duration

	messages []message
	rooms    []*room
	here     int // messages that hold something,
	next     int // and the one to be returned next

	take   func(fd uintptr) (done bool) // reads messages,
	failed syscall.Errno                // or could not

	since time.Time // the gauge: of datagrams since then,
	seen  int       // so many
	busy  bool      // it was a flow to be gathered
}

// room is where a message goes.
type room struct {
	parts
	bytes []byte // by itself: the collector need not look through it
	oob   [oobSize]byte
}

// Gather is described at Gatherer.
func (s *socket) Gather(d time.Duration) { s.gather.Store(int64(d)) }

// fill reads, and waits for the first.
func (s *socket) fill() error {
	q := &s.batch
	q.grow(batchSize)
	if d := time.Duration(q.gather.Load()); q.busy && d > 0 {
		if q.here < len(q.messages) {
			s.rest()
			time.Sleep(d)
		}
		q.grow(flowSize)
	}
	q.here, q.next = 0, 0
	if s.raw.Read(q.take) != nil {
		return fmt.Errorf("read UDP: %w", net.ErrClosed)
	}
	if q.failed != 0 {
		return os.NewSyscallError("recvmmsg", q.failed)
	}
	q.note(time.Now(), q.here)
	return nil
}

// takeFrom reads what is there, if there is something.
func (s *socket) takeFrom(fd uintptr) (done bool) {
	q := &s.batch
	for {
		for i, r := range q.rooms {
			q.messages[i].set(&r.parts, r.bytes, r.oob[:])
		}
		q.here, q.failed = receive(s.of(fd), q.messages)
		if q.failed != unix.EAGAIN {
			break
		}
		idle, err := s.idle()
		if idle {
			return false
		}
		if q.failed = err; err != 0 {
			break
		}
	}
	return true
}

// grow makes room for so many messages at least.
func (q *batch) grow(n int) {
	for len(q.messages) < n {
		q.messages = append(q.messages, message{})
		q.rooms = append(q.rooms, &room{bytes: make([]byte, trainSize)})
	}
}

// note keeps the gauge.
func (q *batch) note(now time.Time, n int) {
	q.seen += n
	if d := now.Sub(q.since); d >= gaugeFor {
		inOne := q.seen * int(time.Millisecond) / int(d)
		q.busy = inOne >= gatherFrom && inOne <= gatherTo
		q.since, q.seen = now, 0
	}
}
