package proxy

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"tssh/proxy/path"
	"tssh/proxy/wire"
)

const (
	maxStreams   = 64              // stream paths at once, with or without a knock
	knockTimeout = 5 * time.Second // for the first knock of a stream
	readSize     = 64 << 10        // a train of datagrams
)

// ServerConfig is what a Server is made of.
type ServerConfig struct {
	Secret    [32]byte      // of the greeting
	Transport string        // "quic" or "kcp"
	Mode      string        // which kinds of path to offer; empty: Auto
	Ports     []int         // to choose from, in this order; empty: any free one
	Alive     time.Duration // silent longer than this, the client is gone; 0: DefaultAlive
	Network   path.Network  // nil: this machine's
	Returned  func()        // called when the client came back from an outage; nil: nothing is
	Logf      func(string, ...any)
}

// Server is the serving end: the net.PacketConn of a transport whose one peer
// is the client, wherever it is.
type Server struct {
	face
	config ServerConfig
	codec  *wire.Server
	cancel context.CancelFunc
	work   sync.WaitGroup
	done   chan struct{}
	socket path.Socket  // nil in modes without UDP
	listen net.Listener // nil in modes without TCP
	port   int

	mu       sync.Mutex // guards what follows
	door     admission
	keep     keep
	extra    redundancy
	streams  []*stream // the oldest first
	started  time.Time
	since    time.Time // when the client took its place
	sent     uint64
	received uint64
}

// Listen opens a server's paths. They end with ctx, with Close, or when the
// client was silent for Alive.
func Listen(ctx context.Context, config ServerConfig) (*Server, error) {
	if config.Network == nil {
		config.Network = path.Host{}
	}
	if config.Alive <= 0 {
		config.Alive = DefaultAlive
	}
	if config.Mode == "" {
		config.Mode = Auto
	}
	s := &Server{config: config, codec: wire.NewServer(config.Secret), done: make(chan struct{}), started: time.Now()}
	s.door.random = challenge
	s.face.open(config.Transport, 0, s.transmit)
	if err := s.bind(); err != nil {
		return nil, err
	}
	ctx, s.cancel = context.WithCancel(ctx)
	if s.socket != nil {
		s.work.Go(s.readSocket)
	}
	if s.listen != nil {
		s.work.Go(s.acceptStreams)
	}
	s.work.Go(func() { s.await(ctx) })
	return s, nil
}

// challenge returns a number that nobody can guess, and not 0.
func challenge() uint64 {
	var b [8]byte
	rand.Read(b[:])
	return binary.BigEndian.Uint64(b[:]) | 1
}

// bind takes the first port that is free for UDP and TCP.
func (s *Server) bind() error {
	if s.config.Mode == OnlySSH {
		return nil
	}
	ports := s.config.Ports
	if len(ports) == 0 {
		ports = []int{0, 0, 0, 0}
	}
	var errs []error
	for _, port := range ports {
		err := s.bindPort(port)
		if err == nil {
			return nil
		}
		if errs = append(errs, err); len(errs) > 3 {
			errs = errs[1:]
		}
	}
	return fmt.Errorf("no port of %d to be had: %w", len(ports), errors.Join(errs...))
}

func (s *Server) bindPort(port int) error {
	var err error
	if s.config.Mode != OnlyTCP {
		if s.socket, err = s.config.Network.ListenUDP(port); err != nil {
			return err
		}
		port = int(s.socket.Local().Port())
	}
	if s.config.Mode != OnlyUDP {
		if s.listen, err = s.config.Network.ListenTCP(port); err != nil {
			if s.socket != nil {
				s.socket.Close()
			}
			return err
		}
		port = s.listen.Addr().(*net.TCPAddr).Port
	}
	s.port = port
	return nil
}

// Port returns the port of UDP and TCP; 0 when there is none.
func (s *Server) Port() int { return s.port }

// Done is closed when the client was silent for Alive, or s was closed.
func (s *Server) Done() <-chan struct{} { return s.done }

// await ends s when its time has come.
func (s *Server) await(ctx context.Context) {
	defer s.shut()
	timer := time.NewTimer(s.config.Alive)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-timer.C:
			s.mu.Lock()
			heard := s.door.heard
			s.mu.Unlock()
			if heard.IsZero() {
				heard = s.started
			}
			left := s.config.Alive - now.Sub(heard)
			if left <= 0 {
				s.logf("the client was silent for %s", s.config.Alive)
				return
			}
			timer.Reset(left)
		}
	}
}

// shut closes what the goroutines wait for.
func (s *Server) shut() {
	s.in.close()
	if s.socket != nil {
		s.socket.Close()
	}
	if s.listen != nil {
		s.listen.Close()
	}
	s.mu.Lock()
	streams := slices.Clone(s.streams)
	s.mu.Unlock()
	for _, x := range streams {
		x.close()
	}
	close(s.done)
}

// Close ends all paths.
func (s *Server) Close() error {
	s.cancel()
	s.work.Wait()
	return nil
}

// State returns what s knows about the way to the client.
func (s *Server) State() State {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := &s.door
	silent := time.Since(d.heard)
	state := State{
		Online: d.home.known() && silent < 2*beatSlow, Kind: wire.Kind(0).String(),
		RTT: d.newest.RTT, Loss: float64(d.newest.Loss) / 255,
		Sent: s.sent, Received: s.received, Heard: d.heard, Since: s.since,
	}
	if d.home.known() {
		state.Kind, state.Remote = d.home.kind(d.newest.Path).String(), d.home.peer
		state.Local = netip.AddrPortFrom(d.home.local, uint16(s.port))
	}
	if !state.Online {
		state.Lost = d.heard
	}
	return state
}

// transmit carries the transport's datagrams to where the client is.
func (s *Server) transmit(b []byte, segment int, ecn byte) {
	now := time.Now()
	var space [4]place
	s.mu.Lock()
	s.keep.note(now, b, segment)
	s.sent += uint64(len(b))
	places := s.door.routes(space[:0], now, len(b))
	var copies []time.Duration
	if segment == 0 && s.door.home.stream == nil {
		copies = s.extra.copies(now, len(b), float64(s.door.newest.Loss)/255)
	}
	s.mu.Unlock()
	again(copies, b, s.repeat)
	for _, p := range places {
		s.sendTo(p, b, segment, ecn)
	}
}

// repeat sends a datagram once more.
func (s *Server) repeat(b []byte) {
	s.mu.Lock()
	home := s.door.home
	s.mu.Unlock()
	if home.known() && !s.in.isClosed() {
		s.sendTo(home, b, 0, 0)
	}
}

func (s *Server) sendTo(p place, b []byte, segment int, ecn byte) {
	if p.stream != nil {
		p.stream.put(b, segment)
		return
	}
	// What the path does not take is lost as on any path.
	s.socket.WriteDatagrams(b, path.Envelope{Peer: p.peer, Local: p.local, ECN: ecn, Segment: segment})
}

func (s *Server) readSocket() {
	b := make([]byte, readSize)
	for {
		n, e, err := s.socket.ReadDatagrams(b)
		if err != nil {
			return
		}
		s.receive(place{peer: e.Peer, local: e.Local}, b[:n], e.Segment, e.ECN)
	}
}

// receive takes datagrams that came from a place.
func (s *Server) receive(from place, b []byte, segment int, ecn byte) {
	split(b, segment, func(b []byte, segment int) {
		s.mu.Lock()
		ok := s.door.accepts(time.Now(), from)
		if ok {
			s.received += uint64(len(b))
		}
		s.mu.Unlock()
		if ok {
			s.deliver(b, segment, ecn)
		}
	}, func(b []byte) { s.knocked(from, b) })
}

// knocked takes a packet of the path layer. It reports whether it was a knock
// of the client's. Whatever is not gets no answer: this port looks closed to
// all but the client.
func (s *Server) knocked(from place, b []byte) bool {
	k, err := s.codec.Open(b)
	if err != nil {
		return false
	}
	now := time.Now()
	s.mu.Lock()
	heard, home := s.door.heard, s.door.home
	v := s.door.knock(now, from, k)
	if !v.Accepted {
		s.mu.Unlock()
		return false
	}
	if s.door.home != home {
		s.since = now
	}
	if v.Returned && s.config.Transport == "quic" {
		s.peer.Store(fakePeer(k.Generation))
	}
	if v.Returned {
		s.extra.returned(now)
	}
	again := s.againLocked(now, heard, v, from)
	ack := wire.Ack{Knock: k.Sequence, Challenge: v.Challenge, Fresh: v.Fresh}
	packet := s.codec.Seal(&ack)
	s.mu.Unlock()

	if from.stream != nil {
		from.stream.putFirst(nil, packet)
	} else {
		s.sendTo(from, packet, 0, 0)
	}
	for _, d := range again {
		s.sendTo(from, d, 0, 0)
	}
	if v.Returned {
		s.logf("the client is back, generation %d", k.Generation)
		if s.config.Returned != nil {
			s.work.Go(s.config.Returned)
		}
	}
	return true
}

// againLocked returns the datagrams to be sent once more: what was written
// since the client was heard last may have gone to where it is no more.
func (s *Server) againLocked(now, heard time.Time, v verdict, from place) [][]byte {
	if s.config.Transport != "quic" || heard.IsZero() && !v.Arrived {
		return nil // KCP takes an old datagram for a slow network
	}
	late := now.Sub(heard) >= outage && from == s.door.home
	if !v.Returned && !v.Arrived && !late {
		return nil
	}
	if v.Returned {
		// Its knocks may have come through all the time, and nothing back.
		heard = time.Time{}
	}
	list := s.keep.last(heard.Add(-slack))
	if from == s.door.home {
		return list
	}
	var paid [][]byte
	for _, d := range list {
		if s.door.spend(now, len(d)) {
			paid = append(paid, d)
		}
	}
	return paid
}

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

func (s *Server) logf(format string, args ...any) {
	if s.config.Logf != nil {
		s.config.Logf(format, args...)
	}
}
