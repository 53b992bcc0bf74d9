// Package udp forwards datagrams over channels of SSH: both halves, of which a
// tssh and a tsshd have each one. It is an extension of ours, shaped as the
// requests for TCP are. On a channel each datagram is preceded by its length in
// 16 bits, big endian:
//
//	channel "direct-udp@tssh"       client asks: send to host, port
//	    string host, uint32 port, string originator address, uint32 originator port
//	request "udp-forward@tssh"      client asks: listen; the reply holds the port
//	    string address, uint32 port, uint32 seconds of silence that end a flow
//	    reply: uint32 port
//	request "cancel-udp-forward@tssh"
//	    string address, uint32 port
//	channel "forwarded-udp@tssh"    server tells: datagrams of one sender
//	    string address, uint32 port, string sender's address, uint32 sender's port
//
// The strings and numbers are those of RFC 4251. Datagrams are dropped where the
// other side doesn't take them, as networks do.
package udp

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// The names of channels and requests.
const (
	Direct    = "direct-udp@tssh"
	Forwarded = "forwarded-udp@tssh"
	Listen    = "udp-forward@tssh"
	Unlisten  = "cancel-udp-forward@tssh"
)

// Ends is what comes with a channel of either kind.
type Ends struct {
	Host     string
	Port     uint32
	FromHost string
	FromPort uint32
}

// Listening is the payload of a request to listen.
type Listening struct {
	Host string
	Port uint32
	Idle uint32 // seconds of silence that end a flow; 0: as many as Idle has
}

// Chosen is the answer to it.
type Chosen struct{ Port uint32 }

// Idle is how long a flow may be silent when nobody says.
const Idle = 2 * time.Minute

const (
	maxDatagram = 0xffff
	maxFlows    = 1024 // senders at a time on one socket
	maxQueue    = 64   // datagrams of one sender under way

	// maxWaiting bounds the bytes of all senders at one socket, who may be anybody and
	// come from addresses that they made up. One sender alone can't have them all.
	maxWaiting = 4 * maxQueue * maxDatagram
)

// Join carries datagrams between a channel and a connected socket until one of
// them ends, both were silent for idle (0: for ever), or done is closed. It closes
// both, and returns when nothing of it runs any more.
func Join(ch io.ReadWriteCloser, conn net.Conn, idle time.Duration, done <-chan struct{}) error {
	var waiting atomic.Int64
	q := newQueue(&waiting)
	var reading sync.WaitGroup
	reading.Go(func() {
		defer close(q.datagrams)
		buf := make([]byte, maxDatagram)
		for {
			n, err := conn.Read(buf)
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err != nil {
				continue // "connection refused" by the last datagram
			}
			q.offer(buf[:n])
		}
	})
	err := carry(ch, q, func(d []byte) { conn.Write(d) }, idle, done) // an error is the datagram's loss
	conn.Close()
	reading.Wait()
	return err
}

// Sorter takes the datagrams of one socket apart by sender, a channel for each.
type Sorter struct {
	Socket net.PacketConn
	Idle   time.Duration // a sender that is silent for longer is forgotten; 0: none is
	Done   <-chan struct{}
	// Spawn runs a function beside others, unless all is to end.
	Spawn func(func()) bool
	// Serve opens a channel for a sender, and calls carry with it until that returns.
	Serve func(from *net.UDPAddr, carry func(io.ReadWriteCloser) error)

	waiting atomic.Int64 // bytes in the queues of flows

	mu    sync.Mutex // guards flows
	flows map[string]queue
}

// Run sorts until the socket is closed.
func (s *Sorter) Run() {
	buf := make([]byte, maxDatagram)
	for {
		n, from, err := s.Socket.ReadFrom(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // "connection refused" by the last answer
		}
		if a, ok := from.(*net.UDPAddr); ok {
			s.sort(a, buf[:n])
		}
	}
}

// sort queues a datagram of a sender, unless there are too many of either.
func (s *Sorter) sort(from *net.UDPAddr, d []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if q, ok := s.flowLocked(from); ok {
		q.offer(d)
	}
}

// flowLocked gives the queue of a sender; false says that there are too many.
func (s *Sorter) flowLocked(from *net.UDPAddr) (q queue, ok bool) {
	key := from.String()
	if q, ok := s.flows[key]; ok {
		return q, true
	}
	if len(s.flows) >= maxFlows {
		return q, false
	}
	q = newQueue(&s.waiting)
	if !s.Spawn(func() {
		defer s.forget(key, q)
		s.Serve(from, func(ch io.ReadWriteCloser) error {
			return carry(ch, q, func(d []byte) { s.Socket.WriteTo(d, from) }, s.Idle, s.Done)
		})
	}) {
		return q, false
	}
	if s.flows == nil {
		s.flows = map[string]queue{}
	}
	s.flows[key] = q
	return q, true
}

// forget drops a sender, and what still waits of it.
func (s *Sorter) forget(key string, q queue) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.flows, key)
	close(q.datagrams) // nobody else has it now
	for d := range q.datagrams {
		q.took(d)
	}
}

// queue is what waits of one sender. One goroutine offers.
type queue struct {
	datagrams chan []byte
	waiting   *atomic.Int64 // bytes, of all that share a socket
}

func newQueue(waiting *atomic.Int64) queue { return queue{make(chan []byte, maxQueue), waiting} }

// offer queues a datagram, with its length before it, unless too much waits.
func (q queue) offer(d []byte) {
	n := int64(2 + len(d))
	if q.waiting.Add(n) > maxWaiting || len(q.datagrams) == maxQueue {
		q.waiting.Add(-n)
		return
	}
	b := binary.BigEndian.AppendUint16(make([]byte, 0, n), uint16(len(d)))
	q.datagrams <- append(b, d...) // there is room, as nobody else offers
}

// took says that d waits no more.
func (q queue) took(d []byte) { q.waiting.Add(-int64(len(d))) }

// carry sends what comes in q and delivers what the channel brings, until
// both were silent for long or one has ended. It closes the channel.
func carry(ch io.ReadWriteCloser, q queue, deliver func([]byte), idle time.Duration, done <-chan struct{}) error {
	heard, gone := make(chan struct{}, 1), make(chan error, 1)
	go func() {
		buf := make([]byte, maxDatagram)
		for {
			d, err := read(ch, buf)
			if err != nil {
				gone <- err
				return
			}
			deliver(d)
			select {
			case heard <- struct{}{}:
			default:
			}
		}
	}()
	defer func() { <-gone }()
	defer ch.Close()
	silence := &time.Timer{}
	if idle > 0 {
		silence = time.NewTimer(idle)
		defer silence.Stop()
	}
	for {
		select {
		case d, ok := <-q.datagrams:
			if !ok {
				return nil
			}
			q.took(d)
			if _, err := ch.Write(d); err != nil {
				return err
			}
		case <-heard:
		case err := <-gone:
			gone <- err
			return err
		case <-silence.C:
			return nil
		case <-done:
			return nil
		}
		if idle > 0 {
			silence.Reset(idle)
		}
	}
}

// read reads one datagram into buf, which has room for any.
func read(r io.Reader, buf []byte) ([]byte, error) {
	var length [2]byte
	if _, err := io.ReadFull(r, length[:]); err != nil {
		return nil, err
	}
	d := buf[:binary.BigEndian.Uint16(length[:])]
	_, err := io.ReadFull(r, d)
	return d, err
}
