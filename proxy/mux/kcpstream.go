package mux

import (
	"encoding/binary"
	"io"
	"net"
	"sync"
	"time"

	"github.com/xtaci/smux"
)

// maxPiece is the most bytes that one frame of smux's carries.
const maxPiece = 16 << 10

var pieces = sync.Pool{New: func() any { return new([2 + maxPiece]byte) }}

// kcpStream is a stream of smux's with an end of its own in each direction.
// smux v1.5.56 throws away what was not read yet when a stream that said
// CloseWrite hears the other's, and it says io.EOF when the session has died.
// So this type never calls smux's CloseWrite: bytes go in pieces, and an empty piece
// is the end.
//
//	| 2 length, big-endian | bytes |
type kcpStream struct {
	smux *smux.Stream
	conn *kcpConn

	writing chan struct{} // holds a token while a piece is written; guards what follows
	ended   bool          // by us

	reading chan struct{} // holds a token while someone reads; guards what follows
	left    int           // bytes of this piece that were not read

	mu       sync.Mutex // guards what follows
	sent     bool       // the end went out
	received bool       // the end came
	given    bool       // Close was called
	closed   bool       // smux's stream is
}

func newKCPStream(s *smux.Stream, k *kcpConn) *kcpStream {
	return &kcpStream{smux: s, conn: k, writing: make(chan struct{}, 1), reading: make(chan struct{}, 1)}
}

func (s *kcpStream) Read(p []byte) (int, error) {
	s.reading <- struct{}{}
	defer func() { <-s.reading }()
	if s.isGiven() {
		return 0, net.ErrClosed
	}
	return s.take(p)
}

// take is called with reading held.
func (s *kcpStream) take(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for s.left == 0 {
		if s.over(nil) {
			return 0, io.EOF
		}
		var head [2]byte
		if _, err := io.ReadFull(s.smux, head[:]); err != nil {
			return 0, s.broken(err)
		}
		s.left = int(binary.BigEndian.Uint16(head[:]))
		if s.left == 0 {
			s.over(&s.received)
			return 0, io.EOF
		}
	}
	n, err := s.smux.Read(p[:min(len(p), s.left)])
	s.left -= n
	if n > 0 {
		return n, nil // an error comes again
	}
	return 0, s.broken(err)
}

// over sets an end, if one is named, and gives the stream back to smux when
// both ends are there. It reports whether the peer's is.
func (s *kcpStream) over(end *bool) bool {
	s.mu.Lock()
	if end != nil {
		*end = true
	}
	received := s.received
	both := s.received && s.sent && !s.closed
	s.closed = s.closed || both
	s.mu.Unlock()
	if both {
		s.smux.Close()
	}
	return received
}

func (s *kcpStream) isGiven() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.given
}

// broken explains an error of smux's before the end came.
func (s *kcpStream) broken(err error) error {
	if s.conn.err() != nil {
		return s.conn.explain(err)
	}
	if s.isGiven() {
		return net.ErrClosed
	}
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		s.abort() // or a Write would wait for a reader who is gone
		return errReset
	}
	return s.conn.explain(err)
}

func (s *kcpStream) Write(p []byte) (n int, err error) {
	s.writing <- struct{}{}
	defer func() { <-s.writing }()
	if s.ended {
		return 0, net.ErrClosed
	}
	for len(p) > 0 {
		m := min(len(p), maxPiece)
		if err := s.writePiece(p[:m]); err != nil {
			return n, err
		}
		n += m
		p = p[m:]
	}
	return n, nil
}

// writePiece is called with writing held.
func (s *kcpStream) writePiece(p []byte) error {
	b := pieces.Get().(*[2 + maxPiece]byte)
	defer pieces.Put(b)
	binary.BigEndian.PutUint16(b[:], uint16(len(p)))
	if _, err := s.smux.Write(b[:2+copy(b[2:], p)]); err != nil {
		return s.broken(err)
	}
	return nil
}

func (s *kcpStream) CloseWrite() error {
	s.writing <- struct{}{}
	defer func() { <-s.writing }()
	return s.endLocked()
}

// endLocked is called with writing held.
func (s *kcpStream) endLocked() error {
	if s.ended {
		return nil
	}
	s.ended = true
	err := s.writePiece(nil)
	s.over(&s.sent)
	return err
}

// Close does not wait for the network. The peer's Write may wait for us to
// read, so what it sends is thrown away until it ends as well.
func (s *kcpStream) Close() error {
	s.mu.Lock()
	first := !s.given
	s.given = true
	s.mu.Unlock()
	if !first {
		return nil
	}
	select {
	case s.writing <- struct{}{}:
	default:
		s.abort() // in the middle of a piece: nothing more can be said
		return nil
	}
	s.smux.SetReadDeadline(time.Unix(1, 0)) // ends a Read in progress
	go func() {
		s.endLocked()
		<-s.writing
		s.reading <- struct{}{}
		s.smux.SetReadDeadline(time.Time{})
		b := make([]byte, 512)
		for {
			if _, err := s.take(b); err != nil {
				break
			}
		}
		<-s.reading
		s.abort()
	}()
	return nil
}

// abort gives the stream back to smux at once.
func (s *kcpStream) abort() {
	s.mu.Lock()
	first := !s.closed
	s.closed = true
	s.mu.Unlock()
	if first {
		s.smux.Close()
	}
}
