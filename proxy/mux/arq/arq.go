// Package arq makes one reliable, sealed stream of bytes of a net.PacketConn, by
// KCP: for paths that lose, it repeats at once what is missing and has no
// congestion control but a window of a little more than the path holds.
//
// kcp-go's sessions read sockets themselves, take their own packets back for
// the peer's, have one key for ever, and wake the processor a hundred times a
// second when idle. So only its state machine is used, which knows no socket.
//
// # Wire
//
// A datagram is
//
//	| 2 epoch | 6 sequence | sealed body | 16 tag |
//
// sealed by AES-256-GCM with a key for each direction and epoch; epoch and
// sequence are authenticated, and make the nonce after four zero bytes. A
// sequence is never used twice and never taken twice. Numbers are big-endian.
//
// A body of 24 bytes or more is segments of KCP; one of a single byte 'C' says
// that the connection is closed. Each message of KCP is
//
//	| 1 kind | bytes |
//
//	'd'  bytes of the stream
//	'k'  nothing: sent so that its acknowledgement tells what was lost
//
// # Keys
//
// The keys of epoch 0 come from the secret that both ends got over ssh. Then,
// and again after so much time or volume, the client sends an X25519 key, the
// server answers with another, and the keys of the next epoch come from their
// product and the last epoch's chain, by HKDF-SHA256. So who learns the secret
// or the keys of an epoch can read neither what was before nor what comes after
// the next renewal, and who is between can't join in without them.
package arq

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"github.com/xtaci/kcp-go/v5"
)

const (
	tick     = 10 * time.Millisecond // of KCP, while anything is under way
	slowTick = time.Second           // while nobody answers
	stalled  = 2 * time.Second       // of silence: an outage

	// DefaultMTU passes wherever QUIC does, with a byte that the path adds.
	DefaultMTU = 1199
	leastMTU   = 576
	mostMTU    = 1400

	resend        = 2       // later acknowledgements until a segment counts as lost
	kickSegments  = 16      // what Returned opens the window by
	leastSegments = 32      // of the window
	mostSegments  = 4096    // likewise; 200 ms at 190 Mbit/s
	mostWaiting   = 1 << 16 // segments that are kept in an outage: 75 MiB
	ackEvery      = 4       // packets
	receiveWindow = 8192    // above all send windows, or a kick finds no room

	kindData = 'd'
	kindKick = 'k'
)

// Conn is one end of the stream.
type Conn struct {
	pc   net.PacketConn
	peer net.Addr
	logf func(string, ...any)

	heard  chan struct{} // closed with the first packet of the peer's
	closed chan struct{}

	readable, writable, wake, due chan struct{} // each holds a token when there is news

	mu      sync.Mutex // guards what follows
	kcp     *kcp.KCP
	mss     int // bytes of a message
	keys    keys
	window  sendWindow
	dirty   bool      // KCP may have something to send
	last    time.Time // when the peer was heard
	resumed time.Time // when it was heard again after a silence
	first   bool      // it was heard
	unacked int       // packets since acknowledgements were sent at once
	kicked  int       // segments that the window is open for above that
	inward  []byte    // the message that Read takes from
	rest    []byte    // of it, not yet taken
	message []byte    // room for one to send
	packet  []byte    // likewise
	err     error     // why it ended

	running sync.WaitGroup
}

// Config is what both ends must agree on.
type Config struct {
	// Secret is known to both ends and to nobody else, and used for one
	// connection.
	Secret [32]byte
	// Client is one end, and the other is not.
	Client bool
	// MTU is the largest datagram in bytes; 0 is DefaultMTU.
	MTU int
	// Logf gets what may help to find a fault. nil is silent.
	Logf func(format string, args ...any)
}

// New starts one end over pc, which stays the caller's. peer may be nil for a
// server, which then talks to whoever sends a packet that opens.
func New(pc net.PacketConn, peer net.Addr, config Config) (*Conn, error) {
	mtu, logf := config.MTU, config.Logf
	if mtu <= 0 {
		mtu = DefaultMTU
	}
	mtu = max(leastMTU, min(mtu, mostMTU))
	if logf == nil {
		logf = func(string, ...any) {}
	}
	c := &Conn{
		pc: pc, peer: peer, logf: logf,
		heard:    make(chan struct{}),
		closed:   make(chan struct{}),
		readable: make(chan struct{}, 1),
		writable: make(chan struct{}, 1),
		wake:     make(chan struct{}, 1),
		due:      make(chan struct{}, 1),
		last:     time.Now(),
	}
	if err := c.keys.start(config.Secret, config.Client); err != nil {
		return nil, err
	}
	c.kcp = kcp.NewKCP(1, c.output)
	c.kcp.SetMtu(mtu - overhead)
	c.mss = mtu - overhead - kcp.IKCP_OVERHEAD - 1
	c.setInterval(tick)
	c.message, c.inward = make([]byte, mtu), make([]byte, 2048)
	c.packet = make([]byte, 0, mtu)
	c.window.init(c.mss)
	c.setWindow()
	c.running.Go(c.readPackets)
	c.running.Go(c.runClock)
	return c, nil
}

// output seals what KCP wants sent. It runs with mu held, as all of KCP does.
// Errors are the path's: what is lost is sent again.
func (c *Conn) output(b []byte, n int) {
	if c.peer == nil || c.err != nil {
		return
	}
	c.window.left(b[:n], time.Now())
	c.seal(b[:n])
}

func (c *Conn) seal(body []byte) {
	packet, err := c.keys.seal(c.packet[:0], body)
	if err != nil {
		c.logf("seal: %v", err)
		return
	}
	if c.keys.due(time.Now()) {
		token(c.due)
	}
	if _, err := c.pc.WriteTo(packet, c.peer); err != nil && !errors.Is(err, net.ErrClosed) {
		c.logf("send: %v", err)
	}
}

func (c *Conn) readPackets() {
	b := make([]byte, 2048)
	for {
		n, from, err := c.pc.ReadFrom(b)
		if c.isClosed() {
			return
		}
		if err != nil {
			if errors.Is(err, os.ErrDeadlineExceeded) {
				continue
			}
			c.end(fmt.Errorf("receive: %w", err))
			return
		}
		c.receive(b[:n], from)
	}
}

// receive takes one datagram. One that does not open is dropped.
func (c *Conn) receive(packet []byte, from net.Addr) {
	c.mu.Lock()
	defer c.mu.Unlock()
	met := c.keys.met
	body, err := c.keys.open(packet)
	if err != nil || c.err != nil {
		return
	}
	if !met && c.keys.met && c.keys.old.aead != nil {
		time.AfterFunc(oldFor, c.forgetOld)
	}
	now := time.Now()
	if now.Sub(c.last) >= stalled {
		c.resumed = now
	}
	c.last = now
	if c.peer == nil {
		c.peer = from
	}
	if !c.first {
		c.first = true
		close(c.heard)
	}
	if len(body) == 1 && body[0] == 'C' {
		c.endLocked(fmt.Errorf("the peer closed the connection: %w", io.EOF))
		return
	}
	if len(body) < kcp.IKCP_OVERHEAD {
		return
	}
	old := c.window.heard(body, now, c.resumed)
	c.setWindow()
	// What comes fast is acknowledged fast, or on a short path the clock
	// would be what is slow; a single key waits for its echo to go along.
	c.unacked++
	soon := c.unacked >= ackEvery
	if soon {
		c.unacked = 0
	}
	c.input(body, soon, old)
	c.work()
	if c.kcp.PeekSize() > 0 {
		token(c.readable)
	}
	if c.roomLocked(now) {
		token(c.writable)
	}
}

// input gives KCP what came. From acknowledgements KCP computes how long it waits for
// the next ones: the mean and what deviates, and that by an interval at least. It is
// lent the time that our own bytes may queue, which the last round trips don't show:
// or a window that grows is taken for lost and sent twice, which fills the queue.
// The answer to what was sent before an outage is no measure: it took minutes, and KCP
// would wait a minute for whatever is lost next. As if made from others it is not one.
func (c *Conn) input(body []byte, soon, old bool) {
	kind := kcp.IKCP_PACKET_REGULAR
	if old {
		kind = kcp.IKCP_PACKET_FEC
	}
	c.setInterval(max(tick, c.window.queues()))
	c.kcp.Input(body, kind, soon)
	c.setInterval(tick)
}

func (c *Conn) setInterval(d time.Duration) {
	c.kcp.NoDelay(1, int(d/time.Millisecond), resend, 1)
}

// setWindow opens KCP's window as far as what is measured and a kick say.
func (c *Conn) setWindow() {
	c.kcp.WndSize(c.window.open()+c.kicked, receiveWindow)
}

// Close ends the stream at once, without what is not yet there, and tells the
// peer, thrice, as it is told by datagrams and not again.
func (c *Conn) Close() error {
	c.mu.Lock()
	if c.err == nil {
		if c.peer != nil {
			for range 3 {
				c.seal([]byte{'C'})
			}
		}
		c.endLocked(net.ErrClosed)
	}
	c.mu.Unlock()
	c.running.Wait()
	c.pc.SetReadDeadline(time.Time{})
	return nil
}

func (c *Conn) end(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.endLocked(err)
}

func (c *Conn) endLocked(err error) {
	if c.err != nil {
		return
	}
	c.err = err
	close(c.closed)
	c.keys.forget()
	c.pc.SetReadDeadline(time.Now()) // ends readPackets
}

func (c *Conn) isClosed() bool {
	select {
	case <-c.closed:
		return true
	default:
		return false
	}
}

// Heard is closed when the first packet of the peer's came.
func (c *Conn) Heard() <-chan struct{} { return c.heard }

// Done is closed when the stream has ended.
func (c *Conn) Done() <-chan struct{} { return c.closed }

// Err says why it ended: net.ErrClosed, or io.EOF (wrapped) when the peer closed.
func (c *Conn) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

func token(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
