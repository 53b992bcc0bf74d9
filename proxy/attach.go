package proxy

import (
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"time"

	"tssh/proxy/wire"
)

const (
	maxStreams   = 64              // stream paths at once, with or without a knock
	knockTimeout = 5 * time.Second // for the first knock of a stream
)

// Attach serves a stream path over rwc until that ends, which is what it
// returns then. rwc belongs to s.
func (s *Server) Attach(rwc io.ReadWriteCloser) error {
	x := newStream(rwc)
	if !s.enter(x) {
		x.close()
		return net.ErrClosed
	}
	defer s.leave(x)
	first := time.AfterFunc(knockTimeout, x.close)
	defer first.Stop()
	b := make([]byte, wire.MaxDatagram)
	packet, err := wire.ReadFrame(x.reader, b)
	if err != nil {
		return err
	}
	from := place{stream: x, peer: x.remote(), local: x.local().Addr()}
	preface := wire.Preface(s.config.Secret)
	x.mu.Lock()
	x.urgent = append(x.urgent, preface[:]...) // sent only if an ack follows
	x.mu.Unlock()
	if !s.knocked(from, packet) {
		return fmt.Errorf("stream path of %s: no knock", from.peer)
	}
	first.Stop()
	var writing sync.WaitGroup
	writing.Go(x.write)
	defer writing.Wait()
	defer x.close()
	for {
		if packet, err = wire.ReadFrame(x.reader, b); err != nil {
			return err
		}
		s.receive(from, packet, 0, 0)
	}
}

// enter adds x, for whose sake the oldest that is not in use may have to go:
// who connects often without a knock locks nobody out.
func (s *Server) enter(x *stream) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.in.isClosed() {
		return false
	}
	if len(s.streams) >= maxStreams {
		i := slices.IndexFunc(s.streams, func(old *stream) bool { return old != s.door.home.stream })
		s.streams[i].close()
		s.streams = slices.Delete(s.streams, i, i+1)
	}
	s.streams = append(s.streams, x)
	return true
}

func (s *Server) leave(x *stream) {
	x.close()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.streams = slices.DeleteFunc(s.streams, func(y *stream) bool { return y == x })
	s.door.forgetStream(x)
}

func (s *Server) acceptStreams() {
	for {
		c, err := s.listen.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil: // too many open files, a connection that went
			select {
			case <-s.in.closed:
				return
			case <-time.After(100 * time.Millisecond):
			}
		default:
			s.work.Go(func() { s.Attach(c) })
		}
	}
}
