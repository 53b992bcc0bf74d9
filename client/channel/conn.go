// Package channel is the client's end of SSH's connection layer (RFC 4254): an
// ssh.Conn on the packets of an authenticated transport. Windows, requests and ends
// of a channel are in tssh/proxy/channel, as UDP mode has the same. Here are the
// messages, the numbers of channels, and the faults of servers that are tolerated.
//
// # What is sent early
//
// A request names its channel by the server's number. OpenSSH's server gives the
// lowest free number, so its first channel is 0, and it takes requests before it has
// answered the opening. With Config.Guess the requests of the first session
// therefore follow its opening in the same flight. A server that refuses the session
// sees a request for a channel that it does not have, and ends the connection.
//
// # What is tolerated
//
// Servers that are not OpenSSH's send pieces larger than agreed, messages after a
// channel's close, sizes of 0, messages without their last fields. They gain nothing
// by it, so it is passed over, as ssh does.
package channel

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync"

	"golang.org/x/crypto/ssh"

	"tssh/proxy/channel"
)

const (
	sessionWindow = 64 << 10 // of a session, until a request shows that it has no terminal
	fullWindow    = 2 << 20  // as OpenSSH's
	pieceSize     = 32 << 10 // of data, which every server takes (RFC 4253, 6.1)
	leastPiece    = 9        // a smaller size counts as not set
	overrun       = 64 << 10 // bytes beyond the window that are tolerated
	maxCredit     = 1 << 30  // what a server allows beyond it is ignored
	tunnelCredit  = 256 << 10
	backlog       = channel.Backlog // channels or global requests, too
	maxRefusals   = 64              // answers of ours that wait to be written before the server does
	maxChannels   = 16 << 10
	maxUndecided  = 1024     // channels of the server's that a forward still dials for, say
	maxExtra      = 32 << 10 // of an opening: a path, names, ports
	// maxKept bounds the unread data of all channels, whose windows would allow
	// 32 GiB. Honest use reaches it with a hundred forwards to programs that sleep.
	maxKept = 256 << 20
)

// Transport carries packets. One goroutine reads.
type Transport interface {
	// ReadPacket returns the next packet, valid until the next call.
	ReadPacket() ([]byte, error)
	// WritePacket sends packet and does not keep it.
	WritePacket(packet []byte) error
	// ReadHere is ReadPacket that does not wait: nil where no packet is here.
	ReadHere() ([]byte, error)
}

// Meta is what an ssh.Conn says about itself.
type Meta struct {
	User                         string
	Local, Remote                net.Addr
	SessionID                    []byte
	ClientVersion, ServerVersion []byte
}

// Config is how a connection treats its server.
type Config struct {
	Guess         bool // it numbers channels from 0, and takes requests before its answer
	CountsLengths bool // it counts the length of a tunnel's packet in what it receives
	Close         func() error
	// Ended is called once, with the reason, before the channels end for it.
	Ended func(error)
}

// Conn is a connection.
type Conn struct {
	Meta
	transport Transport
	config    Config
	incoming  chan ssh.NewChannel
	requests  chan *ssh.Request
	refusals  chan []byte   // answers to send, from the reading goroutine to refuse
	done      chan struct{} // closed at the end
	err       error         // why; read after done
	gone      chan struct{} // closed when nobody takes channels and requests any more
	leaving   sync.Once
	budget    channel.Budget

	opening sync.Mutex // held while an opening leaves, so that guessed numbers come in order; before mu
	globals sync.Mutex // held while a global request that wants an answer leaves; before mu

	mu       sync.Mutex // guards what follows
	next     uint32     // our number of the next channel: none is used twice
	channels map[uint32]*framing
	replies  []chan globalReply // in the order of the requests
	asking   int                // channels of the server's that nobody has accepted or rejected
	untried  bool               // nothing was asked yet, so a session's number can be guessed
	over     bool
}

type globalReply struct {
	ok      bool
	payload []byte
}

// New begins to read from t. What it returns is what ssh.NewClient takes.
func New(t Transport, meta Meta, config Config) (*Conn, <-chan ssh.NewChannel, <-chan *ssh.Request) {
	c := &Conn{
		Meta: meta, transport: t, config: config,
		incoming: make(chan ssh.NewChannel, backlog), requests: make(chan *ssh.Request, backlog),
		refusals: make(chan []byte, maxRefusals), done: make(chan struct{}), gone: make(chan struct{}),
		budget:   channel.Budget{Most: maxKept},
		channels: map[uint32]*framing{}, untried: config.Guess,
	}
	go c.run()
	go c.refuse()
	return c, c.incoming, c.requests
}

// User, SessionID, ClientVersion, ServerVersion, RemoteAddr and LocalAddr are
// those of the login.
func (c *Conn) User() string          { return c.Meta.User }
func (c *Conn) SessionID() []byte     { return append([]byte(nil), c.Meta.SessionID...) }
func (c *Conn) ClientVersion() []byte { return append([]byte(nil), c.Meta.ClientVersion...) }
func (c *Conn) ServerVersion() []byte { return append([]byte(nil), c.Meta.ServerVersion...) }
func (c *Conn) RemoteAddr() net.Addr  { return c.Remote }
func (c *Conn) LocalAddr() net.Addr   { return c.Local }

// Close ends the connection.
func (c *Conn) Close() error {
	c.leave()
	return c.config.Close()
}

// leave ends the reading goroutine's wait for a user who takes a channel or a
// request. It would not notice otherwise that the transport was closed.
func (c *Conn) leave() { c.leaving.Do(func() { close(c.gone) }) }

// Wait returns when the connection has ended, with the reason.
func (c *Conn) Wait() error {
	<-c.done
	return c.err
}

// run reads until the connection ends.
func (c *Conn) run() {
	err := c.read()
	c.config.Ended(err)
	c.mu.Lock()
	c.over = true
	channels, replies := c.channels, c.replies
	c.channels, c.replies = nil, nil
	c.mu.Unlock()
	c.err = err
	c.leave()
	close(c.done)
	for _, r := range replies {
		close(r)
	}
	for _, f := range channels {
		f.finish(io.EOF, false)
	}
	close(c.incoming)
	close(c.requests)
}

// read takes packets. Some servers close a channel before they send the status of
// its command, so packets that are here already are handled before a close.
func (c *Conn) read() error {
	var closing *framing
	for {
		next := c.transport.ReadPacket
		if closing != nil {
			next = c.transport.ReadHere
		}
		packet, err := next()
		if closing != nil && !closing.isRequest(packet) {
			closing.closed()
			closing = nil
		}
		if err != nil {
			return err
		}
		if packet == nil {
			continue
		}
		f, err := c.dispatch(packet)
		if err != nil {
			return fmt.Errorf("message %d: %w", packet[0], err)
		}
		if f != nil {
			closing = f
		}
	}
}

// dispatch handles one message, and returns the channel that it closes, if any.
func (c *Conn) dispatch(packet []byte) (closing *framing, err error) {
	r := &reader{b: packet[1:]}
	switch packet[0] {
	case msgGlobalRequest:
		q, want := r.request()
		if r.err != nil {
			return nil, r.err
		}
		if want {
			c.refuseLater(message(msgRequestFailure, 0))
		}
		return nil, hand(c, c.requests, q)
	case msgRequestSuccess, msgRequestFailure:
		c.replied(packet[0] == msgRequestSuccess, r.b)
		return nil, nil
	case msgOpen:
		return nil, c.asked(r)
	}
	if !known(packet[0]) {
		return nil, nil // the transport's to judge
	}
	number := r.number()
	if r.err != nil {
		return nil, r.err
	}
	c.mu.Lock()
	f, known := c.channels[number], number < c.next
	c.mu.Unlock()
	switch {
	case !known:
		return nil, fmt.Errorf("nonexistent channel %d", number)
	case f == nil:
		return nil, nil // the channel is closed; some servers send more
	case packet[0] == msgClose:
		return f, nil
	}
	return nil, f.take(packet[0], r)
}

// refuseLater sends an answer, but not on the goroutine that reads: the server may
// not read until it is read from.
func (c *Conn) refuseLater(answer []byte) {
	select {
	case c.refusals <- answer:
	case <-c.gone:
	}
}

// hand queues a channel or a request for the user. While the queue is full, the
// server waits; the end of the connection ends the wait.
func hand[T any](c *Conn, queue chan<- T, what T) error {
	select {
	case queue <- what:
		return nil
	default:
	}
	select {
	case queue <- what:
		return nil
	case <-c.gone:
		return net.ErrClosed
	}
}

func (c *Conn) refuse() {
	for {
		select {
		case answer := <-c.refusals:
			c.write(answer)
		case <-c.done:
			for { // the reader may have left one more
				select {
				case <-c.refusals:
				default:
					return
				}
			}
		}
	}
}

// SendRequest sends a global request.
func (c *Conn) SendRequest(kind string, wantReply bool, payload []byte) (bool, []byte, error) {
	if wantReply {
		return c.Ask(kind, payload)()
	}
	c.tried()
	return false, nil, c.write(globalRequest(kind, false, payload))
}

func globalRequest(kind string, wantReply bool, payload []byte) builder {
	return append(message(msgGlobalRequest, 5+len(kind)+len(payload)).text(kind).bool(wantReply), payload...)
}

// Ask sends a global request and returns a function that waits for its answer.
// Requests reach the server in the order of the calls.
func (c *Conn) Ask(kind string, payload []byte) (answer func() (bool, []byte, error)) {
	reply := make(chan globalReply, 1)
	c.globals.Lock() // answers have no number: their order is that of the requests
	defer c.globals.Unlock()
	c.tried()
	c.mu.Lock()
	over := c.over
	if !over {
		c.replies = append(c.replies, reply)
	}
	c.mu.Unlock()
	if over || c.write(globalRequest(kind, true, payload)) != nil {
		return func() (bool, []byte, error) { return false, nil, io.EOF }
	}
	return func() (bool, []byte, error) {
		a, came := <-reply
		if !came {
			return false, nil, io.EOF
		}
		return a.ok, a.payload, nil
	}
}

// tried notes that the server was asked for something, which may take the number that
// would be guessed.
func (c *Conn) tried() {
	c.mu.Lock()
	c.untried = false
	c.mu.Unlock()
}

// replied handles an answer: it is for the oldest global request that has none. One
// answer too many is passed over.
func (c *Conn) replied(ok bool, payload []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.replies) > 0 {
		c.replies[0] <- globalReply{ok, append([]byte(nil), payload...)}
		c.replies = c.replies[1:]
	}
}

// write sends a packet. Where that fails it returns io.EOF, as Wait has the reason.
func (c *Conn) write(packet []byte) error {
	if c.transport.WritePacket(packet) != nil {
		c.leave()
		return io.EOF
	}
	return nil
}

// OpenChannel opens a channel. Where the number of a session's channel can be guessed
// it returns at once, and a refusal shows at the first use.
func (c *Conn) OpenChannel(kind string, extra []byte) (ssh.Channel, <-chan *ssh.Request, error) {
	f := c.newFraming(kind)
	c.opening.Lock()
	c.mu.Lock()
	if c.over || c.next == 1<<32-1 {
		c.mu.Unlock()
		c.opening.Unlock()
		return nil, nil, io.EOF
	}
	guess := c.untried && kind == "session"
	c.untried = false
	f.ours = c.next
	c.next++
	c.channels[f.ours] = f
	c.mu.Unlock()
	if guess {
		f.guess(0)
	}
	packet := append(message(msgOpen, 16+len(kind)+len(extra)).text(kind).number(f.ours).number(uint32(f.window)).number(uint32(f.piece)), extra...)
	err := c.write(packet)
	c.opening.Unlock()
	if err != nil {
		return nil, nil, err
	}
	if !guess {
		if err := f.ch.WaitOpen(); err != nil {
			return nil, nil, err
		}
	}
	return f.user(), f.requests.User(), nil
}

// forget removes a channel that is over.
func (c *Conn) forget(f *framing) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.channels, f.ours)
}

// asked handles an opening by the server.
func (c *Conn) asked(r *reader) error {
	n := &newChannel{conn: c, kind: r.text(), theirs: r.number(), credit: r.number(), piece: r.number()}
	if r.err != nil {
		return r.err
	}
	c.mu.Lock()
	many := len(c.channels) >= maxChannels || c.asking >= maxUndecided || len(r.b) > maxExtra
	if !many {
		c.asking++
	}
	c.mu.Unlock()
	if many {
		c.refuseLater(refusal(n.theirs, ssh.ResourceShortage, "too many channels"))
		return nil
	}
	n.extra = append([]byte(nil), r.b...)
	return hand[ssh.NewChannel](c, c.incoming, n)
}

func refusal(theirs uint32, reason ssh.RejectionReason, words string) []byte {
	return message(msgOpenFailure, 20+len(words)).number(theirs).number(uint32(reason)).text(words).text("")
}

// Refused returns the packet by which a server would refuse what our packet asks for,
// nil where it asks for nothing. It stands in for the answer of a server that does
// not know our packet.
func (c *Conn) Refused(packet []byte) []byte {
	r := &reader{b: packet[1:]}
	switch packet[0] {
	case msgGlobalRequest:
		r.text()
		if r.bool() {
			return message(msgRequestFailure, 0)
		}
	case msgOpen:
		r.text()
		if ours := r.number(); r.err == nil {
			return refusal(ours, ssh.UnknownChannelType, "not implemented")
		}
	case msgRequest:
		theirs := r.number()
		r.text()
		if !r.bool() {
			return nil
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, f := range c.channels {
			if f.isTheirs(theirs) {
				return message(msgFailure, 4).number(f.ours)
			}
		}
	}
	return nil
}

// newChannel is a channel that the server wants to open.
type newChannel struct {
	conn   *Conn
	kind   string
	extra  []byte
	theirs uint32
	credit uint32
	piece  uint32

	once sync.Once
}

var errDecided = errors.New("channel was already accepted or rejected")

func (n *newChannel) ChannelType() string { return n.kind }
func (n *newChannel) ExtraData() []byte   { return n.extra }

// decide reports whether this is the first decision.
func (n *newChannel) decide() (first bool) {
	n.once.Do(func() {
		first = true
		n.conn.mu.Lock()
		n.conn.asking--
		n.conn.mu.Unlock()
	})
	return first
}

func (n *newChannel) Accept() (ssh.Channel, <-chan *ssh.Request, error) {
	if !n.decide() {
		return nil, nil, errDecided
	}
	c := n.conn
	f := c.newFraming(n.kind)
	f.guess(n.theirs)
	c.mu.Lock()
	if c.over {
		c.mu.Unlock()
		return nil, nil, io.EOF
	}
	f.ours = c.next
	c.next++
	c.channels[f.ours] = f
	c.mu.Unlock()
	f.opened(n.credit, n.piece)
	if err := c.write(message(msgConfirmation, 16).number(n.theirs).number(f.ours).number(uint32(f.window)).number(uint32(f.piece))); err != nil {
		return nil, nil, err
	}
	return f.user(), f.requests.User(), nil
}

func (n *newChannel) Reject(reason ssh.RejectionReason, words string) error {
	if !n.decide() {
		return errDecided
	}
	return n.conn.write(refusal(n.theirs, reason, words))
}

var _ ssh.Conn = (*Conn)(nil)
