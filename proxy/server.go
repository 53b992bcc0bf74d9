package proxy

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"tssh/proxy/admit"
	"tssh/proxy/memconn"
	"tssh/proxy/path"
	"tssh/proxy/resend"
	"tssh/proxy/roam"
	"tssh/proxy/wire"
)

const (
	readSize  = 64 << 10         // a train of datagrams
	lostAfter = 20 * time.Second // much longer than a client keeps a path that it does not use
)

// Server is the serving end: the net.PacketConn of a transport whose one peer
// is the client, wherever it is.
type Server struct {
	*memconn.Conn
	feed   memconn.Feed
	config ServerConfig
	codec  *wire.Server
	cancel context.CancelFunc
	work   sync.WaitGroup
	done   chan struct{}
	socket path.Socket  // nil in modes without UDP
	listen net.Listener // nil in modes without TCP
	port   int
	mend   *mender // nil: losses are the transport's business
	large  large

	strangers crowd // TCP connections without a knock
	relayed   crowd // streams through ssh without one

	mu       sync.Mutex // guards what follows
	door     *admit.Machine[place]
	recent   resend.Recent
	bare     resend.Recent // of bulk's connection, while nobody repairs what it loses
	extra    resend.Copies
	held     []train   // for the first place, until it is proven
	heldSize int       // of them, in bytes
	streams  []*stream // that have knocked, the oldest first
	started  time.Time
	since    time.Time // when the client took its place
	sent     uint64
	received uint64
	arrived  time.Time // the last datagram of the transport
}

// mostHeld is how many bytes wait for the first place to be proven: QUIC begins with 32
// packets.
const mostHeld = 128 << 10

// train is datagrams of segment bytes, or one.
type train struct {
	b       []byte
	segment int
	ecn     byte
}

// holdLocked keeps what a place on trial may not get yet. The handshake went with the
// login, so that the first flight of data is written before the place was proven: cut
// off, it would teach QUIC that the path is lossy. What is written after it stays behind.
func (s *Server) holdLocked(b []byte, segment int, ecn byte) bool {
	if !s.door.Waits() || s.heldSize+len(b) > mostHeld {
		return false
	}
	s.held = append(s.held, train{slices.Clone(b), segment, ecn})
	s.heldSize += len(b)
	return true
}

// releaseLocked sends what was held to the place that is proven now. The lock is held so
// that nothing written later overtakes it.
func (s *Server) releaseLocked() {
	for _, t := range s.held {
		s.sendTo(s.door.Home(), t.b, t.segment, t.ecn)
	}
	s.held, s.heldSize = nil, 0
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
			heard := s.door.Heard()
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
	s.feed.Close()
	s.mend.close()
	if s.socket != nil {
		s.socket.Close()
	}
	if s.listen != nil {
		s.listen.Close()
	}
	s.strangers.close()
	s.relayed.close()
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
	d := s.door
	silent := time.Since(d.Heard())
	state := State{
		Online: d.Settled() && silent < 2*roam.MaxBeat, Kind: wire.Kind(0).String(),
		RTT: d.Newest().RTT, Loss: float64(d.Newest().Loss) / 255,
		Sent: s.sent, Received: s.received, Heard: d.Heard(), Since: s.since,
	}
	if d.Settled() {
		state.Kind, state.Remote = d.Home().kind(d.Newest().Path).String(), d.Home().peer
		state.Local = netip.AddrPortFrom(d.Home().local, uint16(s.port))
	}
	if !state.Online {
		state.Lost = d.Heard()
	}
	return state
}

// Heard returns when the client was heard last, by anything that came from where
// it is, and the round trip to it. That may be forged, unlike what State says.
func (s *Server) Heard() (time.Time, time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.arrived.After(s.door.Heard()) {
		return s.arrived, s.door.Newest().RTT
	}
	return s.door.Heard(), s.door.Newest().RTT
}

// transmit carries the transport's datagrams to where the client is.
func (s *Server) transmit(b []byte, segment int, ecn byte, bulk bool) {
	if s.large.refuses(b, segment) {
		return
	}
	now := time.Now()
	var space [4]place
	s.mu.Lock()
	if bulk {
		s.sent += uint64(len(b))
		udp := s.door.Home().stream == nil
		s.mu.Unlock()
		if s.mend.write(b, segment, udp) {
			return
		}
		b, segment = wire.AppendBulk(nil, b, segment)
		s.mu.Lock()
		s.bare.Note(now, b, segment)
		s.mu.Unlock()
		s.sendBulk(b, segment)
		return
	}
	s.recent.Note(now, b, segment)
	s.sent += uint64(len(b))
	udp := s.door.Home().stream == nil
	var copies []time.Duration
	if segment == 0 && udp {
		copies = s.extra.After(now, len(b), float64(s.door.Newest().Loss)/255)
	}
	var places []place
	if len(s.held) == 0 { // nothing overtakes what is
		places = s.door.Routes(space[:0], now, len(b))
	}
	held := len(places) == 0 && s.holdLocked(b, segment, ecn)
	s.mu.Unlock()
	if held {
		return
	}
	again(copies, b, s.repeat)
	for _, p := range places {
		s.sendTo(p, b, segment, ecn)
	}
}

// sendBulk sends packets of the connection for bulk to where the client is.
func (s *Server) sendBulk(b []byte, segment int) {
	var space [4]place
	s.mu.Lock()
	places := s.door.Routes(space[:0], time.Now(), len(b))
	s.mu.Unlock()
	for _, p := range places {
		s.sendTo(p, b, segment, 0)
	}
}

// repeat sends a datagram once more.
func (s *Server) repeat(b []byte) {
	s.mu.Lock()
	home := s.door.Home()
	s.mu.Unlock()
	if home != (place{}) && !s.feed.Closed() {
		s.sendTo(home, b, 0, 0)
	}
}

func (s *Server) sendTo(p place, b []byte, segment int, ecn byte) {
	if p.stream != nil {
		p.stream.put(b, segment)
		return
	}
	// A datagram that the path does not take is lost, as on any path.
	s.large.write(b, segment, func(b []byte, segment int) error {
		return s.socket.WriteDatagrams(b, path.Envelope{Peer: p.peer, Local: p.local, ECN: ecn, Segment: segment})
	})
}

const (
	longPath  = 10 * time.Millisecond // the round trip from which on a tenth of it does not matter,
	gatherMax = 2 * time.Millisecond  // or this
)

// gather has a socket read flows by the millisecond or two where the path is long enough
// for it. A mender at work has a clock of its own in what arrives.
func gather(s path.Socket, rtt time.Duration, m *mender) {
	g, ok := s.(path.Gatherer)
	switch {
	case !ok:
	case rtt < longPath || m.busy():
		g.Gather(0)
	default:
		g.Gather(min(rtt/10, gatherMax))
	}
}

func (s *Server) readSocket() {
	b := make([]byte, readSize)
	for {
		n, e, err := s.socket.ReadDatagrams(b)
		if err != nil {
			return
		}
		s.receive(place{peer: e.Peer, local: e.Local}, b[:n], e.Segment, e.ECN)
		if !e.More {
			s.taken()
		}
	}
}

// taken tells those who wait for what was received.
func (s *Server) taken() {
	s.feed.Wake()
	s.mend.wake()
}

// receive takes datagrams that came from a place. The caller says when these are all:
// see taken.
func (s *Server) receive(from place, b []byte, segment int, ecn byte) {
	split(b, segment, func(b []byte, segment int) {
		if s.heardFrom(from, b) {
			s.feed.Queue(b, segment, ecn, false)
		}
	}, func(b []byte) {
		bare, bulk := wire.OpenBulk(b)
		switch {
		case !bulk && !wire.IsRepair(b) && !wire.IsLarge(b):
			s.knocked(from, b)
		case !s.heardFrom(from, b):
		case bulk:
			s.feed.Queue(bare, 0, 0, true)
		case wire.IsRepair(b):
			s.mend.take(b)
		default:
			s.takeLarge(from, b, ecn)
		}
	})
}

// takeLarge takes a packet of the client's large. What anybody else sent does not open.
func (s *Server) takeLarge(from place, b []byte, ecn byte) {
	d, answer := s.large.take(b)
	if bare, bulk := wire.OpenBulk(d); bulk {
		s.feed.Queue(bare, 0, 0, true)
	} else if wire.IsTransport(d) {
		s.feed.Queue(d, 0, ecn, false)
	} else if wire.IsRepair(d) {
		s.mend.take(d)
	}
	if answer != nil {
		s.sendTo(from, answer, 0, 0)
	}
}

// heardFrom notes that something came from a place. It reports whether the client may
// be there.
func (s *Server) heardFrom(from place, b []byte) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	ok := s.door.Accepts(now, from)
	if ok {
		s.arrived = now
		s.received += uint64(len(b))
	}
	return ok
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
	heard, home := s.door.Heard(), s.door.Home()
	v := s.door.Knock(now, from, k)
	if !v.Accepted {
		s.mu.Unlock()
		return false
	}
	moved := s.door.Home() != home
	if moved {
		s.since = now
		s.releaseLocked()
	}
	if v.Returned && s.config.Transport == wire.QUIC {
		s.feed.Show(k.Generation)
		s.large.restart() // as QUIC does when its peer's address is another one
	}
	if v.Returned {
		s.extra.Returned(now)
	}
	lost := s.lostLocked(now, from)
	again := s.againLocked(now, heard, v, from)
	ack := wire.Ack{Knock: k.Sequence, Challenge: v.Challenge, Fresh: v.Fresh}
	packet := s.codec.Seal(&ack)
	if v.Returned && s.config.Returned != nil && !s.feed.Closed() {
		// The lock is held: shut takes it after it closed the inbox, so that Close,
		// which does not wait for who called Attach, waits for this.
		s.work.Go(s.config.Returned)
	}
	udp := s.door.Home().stream == nil
	athome := s.door.Home() == from
	s.mu.Unlock()

	if udp && athome {
		s.mend.heard()
	}
	if moved && home != (place{}) {
		s.large.moved()
		s.mend.moved(udp)
	}
	if v.Returned {
		s.mend.resume()
	}
	if s.socket != nil {
		gather(s.socket, k.RTT, s.mend)
	}
	for _, x := range lost {
		x.close() // its reader sees that
	}
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
	}
	return true
}

// lostLocked returns the streams through ssh that the client has left: it closes
// those itself, but over a connection that died with its address nobody hears
// that, and an ssh login would stand for each. A client of which nothing at all
// is heard has left none.
func (s *Server) lostLocked(now time.Time, heardOn place) (lost []*stream) {
	for _, x := range s.streams {
		switch {
		case !x.relayed || x == heardOn.stream || s.door.Wants(x.is):
			x.used = now
		case now.Sub(x.used) > lostAfter:
			lost = append(lost, x)
		}
	}
	return lost
}

// againLocked returns the datagrams to be sent once more: what was written
// since the client was heard last may have gone to where it is no more.
func (s *Server) againLocked(now, heard time.Time, v admit.Verdict, from place) [][]byte {
	if s.config.Transport != wire.QUIC || heard.IsZero() && !v.Arrived {
		return nil // KCP takes an old datagram for a slow network
	}
	late := now.Sub(heard) >= resend.Outage && from == s.door.Home()
	if !v.Returned && !v.Arrived && !late {
		return nil
	}
	if v.Returned {
		// The client's knocks may have arrived all the time, and our answers not.
		heard = time.Time{}
	}
	list := append(s.recent.Last(heard.Add(-resend.Slack)), s.bare.Last(heard.Add(-resend.Slack))...)
	if from == s.door.Home() {
		return list
	}
	var paid [][]byte
	for _, d := range list {
		if s.door.Spend(now, len(d)) {
			paid = append(paid, d)
		}
	}
	return paid
}

func (s *Server) logf(format string, args ...any) {
	if s.config.Logf != nil {
		s.config.Logf(format, args...)
	}
}
