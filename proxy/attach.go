package proxy

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"tssh/proxy/accept"
	"tssh/proxy/wire"
)

const (
	maxStreams   = 64              // stream paths at once that have knocked
	knockTimeout = 5 * time.Second // for the first knock of a stream
)

// Attach serves a stream path that came through ssh, over rwc, until it ends,
// which is what Attach returns then. rwc belongs to s.
func (s *Server) Attach(rwc io.ReadWriteCloser) error { return s.attach(rwc, &s.relayed) }

// attach serves a stream path, which waits among others for its first knock.
func (s *Server) attach(rwc io.ReadWriteCloser, waiting *crowd) error {
	defer rwc.Close()
	from := place{peer: addrOf(rwc, net.Conn.RemoteAddr), local: addrOf(rwc, net.Conn.LocalAddr).Addr()}
	source := from.peer.Addr()
	if waiting == &s.relayed {
		source = netip.Addr{}
	}
	g := waiting.enter(rwc, source)
	if g == nil {
		return net.ErrClosed
	}
	defer waiting.leave(g)
	packet, err := firstKnock(rwc)
	if err != nil {
		return err
	}
	x := newStream(rwc)
	x.relayed, x.used = waiting == &s.relayed, time.Now()
	from.stream = x
	preface := wire.Preface(s.config.Secret)
	x.urgent = append(x.urgent, preface[:]...) // sent only if an ack follows
	if !s.knocked(from, packet) {
		return fmt.Errorf("stream path of %s: no knock", from.peer)
	}
	defer s.leave(x)
	if !s.enter(x) {
		return net.ErrClosed
	}
	waiting.leave(g)
	var writing sync.WaitGroup
	writing.Go(x.write)
	defer writing.Wait()
	defer x.close()
	b := make([]byte, wire.MaxDatagram)
	for {
		if packet, err = wire.ReadFrame(x.reader, b); err != nil {
			return err
		}
		s.receive(from, packet, 0, 0)
		s.taken()
	}
}

// firstKnock reads a frame of a knock's size, and no byte more: what a stranger
// can make us hold.
func firstKnock(rwc io.ReadWriteCloser) ([]byte, error) {
	first := time.AfterFunc(knockTimeout, func() { rwc.Close() })
	defer first.Stop()
	b := make([]byte, 2+wire.KnockSize)
	if _, err := io.ReadFull(rwc, b[:2]); err != nil {
		return nil, err
	}
	if n := binary.BigEndian.Uint16(b); n != wire.KnockSize {
		return nil, fmt.Errorf("first frame of %d bytes: no knock", n)
	}
	_, err := io.ReadFull(rwc, b[2:])
	return b[2:], err
}

// enter adds x, which has knocked. The oldest that is neither in use nor on trial
// may have to go: only who has the key makes more of them, or who copies a knock
// on its way, and copies are answered at few places.
func (s *Server) enter(x *stream) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.feed.Closed() {
		return false
	}
	if len(s.streams) >= maxStreams {
		i := slices.IndexFunc(s.streams, func(old *stream) bool { return !s.door.Uses(old.is) })
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
	s.door.Forget(x.is)
}

func (s *Server) acceptStreams() {
	accept.Each(s.listen.Accept, func(err error) { s.logf("%v", err) }, func(c net.Conn) {
		s.work.Go(func() { s.attach(c, &s.strangers) })
	})
}
