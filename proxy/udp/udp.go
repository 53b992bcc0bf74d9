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
)

// Join carries datagrams between a channel and a connected socket until one of
// them ends, both were silent for idle (0: for ever), or done is closed. It closes
// both, and returns when nothing of it runs any more.
func Join(ch io.ReadWriteCloser, conn net.Conn, idle time.Duration, done <-chan struct{}) error {
	queue := make(chan []byte, maxQueue)
	var reading sync.WaitGroup
	reading.Go(func() {
		defer close(queue)
		buf := make([]byte, maxDatagram)
		for {
			n, err := conn.Read(buf)
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err != nil {
				continue // "connection refused" by the last datagram
			}
			offer(queue, buf[:n])
		}
	})
	err := carry(ch, queue, func(d []byte) { conn.Write(d) }, idle, done) // an error is the datagram's loss
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

	mu    sync.Mutex // guards flows
	flows map[string]chan []byte
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
			if queue := s.flow(a); queue != nil {
				offer(queue, buf[:n])
			}
		}
	}
}

// flow gives the queue of a sender, nil when there are too many.
func (s *Sorter) flow(from *net.UDPAddr) chan []byte {
	key := from.String()
	s.mu.Lock()
	defer s.mu.Unlock()
	if q, ok := s.flows[key]; ok {
		return q
	}
	if len(s.flows) >= maxFlows {
		return nil
	}
	q := make(chan []byte, maxQueue)
	if !s.Spawn(func() {
		defer s.forget(key)
		s.Serve(from, func(ch io.ReadWriteCloser) error {
			return carry(ch, q, func(d []byte) { s.Socket.WriteTo(d, from) }, s.Idle, s.Done)
		})
	}) {
		return nil
	}
	if s.flows == nil {
		s.flows = map[string]chan []byte{}
	}
	s.flows[key] = q
	return q
}

func (s *Sorter) forget(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.flows, key)
}

// offer queues a datagram, with its length before it, unless too many wait.
func offer(queue chan<- []byte, d []byte) {
	b := binary.BigEndian.AppendUint16(make([]byte, 0, 2+len(d)), uint16(len(d)))
	select {
	case queue <- append(b, d...):
	default:
	}
}

// carry sends what comes in queue and delivers what the channel brings, until
// both were silent for long or one has ended. It closes the channel.
func carry(ch io.ReadWriteCloser, queue <-chan []byte, deliver func([]byte), idle time.Duration, done <-chan struct{}) error {
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
		case d, ok := <-queue:
			if !ok {
				return nil
			}
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
