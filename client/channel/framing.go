package channel

import (
	"encoding/binary"
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	"golang.org/x/crypto/ssh"

	"tssh/proxy/channel"
	"tssh/proxy/tun"
	"tssh/proxy/visible"
)

// framing is one channel in SSH's messages: the Wire of its Channel.
type framing struct {
	conn     *Conn
	ch       *channel.Channel
	kind     string
	ours     uint32
	window   int // told to the server
	piece    int
	requests *channel.Requests[*ssh.Request]

	theirs  atomic.Uint64 // the server's number, and 1<<32 when it is known
	guessed bool          // before the server said so; the reader's, after the opening has left
	done    atomic.Bool   // closed by both ends: it can be forgotten
	halves  atomic.Int32  // closes that were sent or received
}

const isKnown = 1 << 32

func (c *Conn) newFraming(kind string) *framing {
	f := &framing{conn: c, kind: kind, window: fullWindow, piece: pieceSize}
	switch kind {
	case "session":
		f.window = sessionWindow
	case tun.Kind:
		f.piece = tun.MaxFrame
	}
	f.ch = channel.New(channel.Config{
		Wire: f, Window: f.window, Overrun: overrun, Full: fullWindow, MaxCredit: maxCredit,
		Budget: &c.budget, Abandon: f.abandon,
	})
	f.requests = channel.NewRequests[*ssh.Request](f.ch, c.gone)
	return f
}

// guess assumes the server's number before the server says it, so that requests can
// leave.
func (f *framing) guess(theirs uint32) {
	f.theirs.Store(isKnown | uint64(theirs))
	f.guessed = true
}

func (f *framing) isTheirs(number uint32) bool { return f.theirs.Load() == isKnown|uint64(number) }

func (f *framing) isRequest(packet []byte) bool {
	return len(packet) >= 5 && packet[0] == msgRequest && binary.BigEndian.Uint32(packet[1:]) == f.ours
}

// opened handles the server's acceptance.
func (f *framing) opened(credit, piece uint32) bool {
	if piece < leastPiece || piece > pieceSize {
		piece = pieceSize // not set, or larger than we send
	}
	if f.kind == tun.Kind {
		credit = min(credit, tunnelCredit)
	}
	return f.ch.Open(credit, int(piece))
}

// take handles a message about the channel, other than its close.
func (f *framing) take(kind byte, r *reader) error {
	switch kind {
	case msgConfirmation:
		theirs, credit, piece := r.number(), r.number(), r.number()
		if r.err != nil {
			return r.err
		}
		if f.guessed && !f.isTheirs(theirs) {
			return fmt.Errorf("server numbered its first channel %d", theirs)
		}
		f.theirs.Store(isKnown | uint64(theirs))
		if !f.opened(credit, piece) {
			return fmt.Errorf("channel %d is open already", f.ours)
		}
	case msgOpenFailure:
		reason := r.number()
		if r.err != nil {
			return r.err
		}
		words := (&reader{b: r.b}).text() // some servers leave it out
		f.theirs.Store(0)                 // the guess was wrong: nothing more may be sent
		f.finish(&ssh.OpenChannelError{Reason: ssh.RejectionReason(reason), Message: visible.Line(words)}, true)
		f.conn.forget(f)
	case msgWindowAdjust:
		n := r.number()
		if r.err != nil {
			return r.err
		}
		f.ch.More(n)
	case msgData:
		return f.data(r, false)
	case msgExtendedData:
		kind := r.number()
		if r.err == nil && kind != extendedStderr {
			r.bytes()
			return r.err // there is no other type
		}
		return f.data(r, true)
	case msgEOF:
		f.ch.EOF()
	case msgRequest:
		q, want := r.request()
		if r.err != nil {
			return r.err
		}
		theirs := f.theirs.Load()
		if theirs == 0 {
			return nil // the channel is not open: nobody takes its requests, or can be answered
		}
		if want {
			f.conn.refuseLater(message(msgFailure, 4).number(uint32(theirs)))
		}
		f.requests.Give(q, len(q.Type)+len(q.Payload))
	case msgSuccess, msgFailure:
		f.ch.Answer(kind == msgSuccess)
	}
	return nil
}

func (f *framing) data(r *reader, stderr bool) error {
	b := r.bytes()
	if r.err != nil {
		return r.err
	}
	if f.kind == tun.Kind {
		if len(b) > tun.MaxFrame || len(b) == 0 {
			return f.ch.Receive(nil, stderr) // no packet
		}
		var head [4]byte // a tunnel's user gets each message behind its length
		binary.BigEndian.PutUint32(head[:], uint32(len(b)))
		return f.ch.ReceiveMessage(head[:], b, stderr)
	}
	return f.ch.Receive(b, stderr)
}

// closed handles the server's close, and answers it.
func (f *framing) closed() {
	f.finish(io.EOF, true)
	// The goroutine that reads must not wait for a Write that is under way.
	go f.ch.AnswerClose()
	f.half()
}

// half counts a close, sent or received; after both the channel is over.
func (f *framing) half() {
	if f.halves.Add(1) == 2 {
		f.conn.forget(f)
	}
}

// finish ends the channel. It is called by the reading goroutine alone.
func (f *framing) finish(err error, said bool) {
	if f.done.Swap(true) {
		return
	}
	f.ch.Finish(err, said)
	f.requests.End()
}

// abandon ends a channel that kept too much, and tells the server. The reading
// goroutine calls it, for what it has just read.
func (f *framing) abandon() {
	f.finish(channel.ErrHoard, false)
	go f.ch.Close() // not by this goroutine: a Write may be under way
}

// user is the channel that its user gets.
func (f *framing) user() ssh.Channel {
	if f.kind == tun.Kind {
		return &tunnel{Channel: f.ch, f: f}
	}
	return f.ch
}

func (f *framing) number() uint32 { return uint32(f.theirs.Load()) }

// send sends a message about the channel, if the server has it.
func (f *framing) send(m builder) error {
	if f.theirs.Load()&isKnown == 0 {
		return io.EOF
	}
	return f.conn.write(m)
}

// buffers are of whole messages of data.
var buffers = sync.Pool{New: func() any { return new([1 + 3*4 + pieceSize]byte) }}

// Data sends data of the channel.
func (f *framing) Data(b []byte, stderr bool) error {
	var small [256]byte
	m := builder(small[:0])
	if len(b) > len(small)-13 {
		space := buffers.Get().(*[1 + 3*4 + pieceSize]byte)
		defer buffers.Put(space)
		m = space[:0]
	}
	if stderr {
		m = append(m, msgExtendedData).number(f.number()).number(extendedStderr)
	} else {
		m = append(m, msgData).number(f.number())
	}
	return f.send(m.bytes(b))
}

// Window lets the server send more.
func (f *framing) Window(n int) error {
	return f.send(message(msgWindowAdjust, 8).number(f.number()).number(uint32(n)))
}

// Growth lets the server send more. SSH has the same message for it as for Window.
func (f *framing) Growth(n int) error { return f.Window(n) }

// Starved sends nothing: SSH has no message for it.
func (f *framing) Starved() error { return nil }

// Request asks for something on the channel.
func (f *framing) Request(kind string, wantReply bool, payload []byte) error {
	return f.send(append(message(msgRequest, 9+len(kind)+len(payload)).number(f.number()).text(kind).bool(wantReply), payload...))
}

// EOF says that no more data come.
func (f *framing) EOF() error { return f.send(message(msgEOF, 4).number(f.number())) }

// Close closes the channel.
func (f *framing) Close() error {
	err := f.send(message(msgClose, 4).number(f.number()))
	f.half()
	return err
}

// tunnel is the channel of a tun device: a message is a packet, and an sshd that
// gets a piece of one ends the channel. Its user reads and writes packets with their
// lengths before them, as package tun has it.
type tunnel struct {
	*channel.Channel
	f *framing

	mu    sync.Mutex // guards what follows
	begun []byte     // a packet that has not come whole
}

// Write sends the packets that p completes. One that is larger than the server takes
// is dropped, as networks do.
func (t *tunnel) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.begun = append(t.begun, p...)
	for len(t.begun) >= 4 {
		n := int64(binary.BigEndian.Uint32(t.begun))
		if n > tun.MaxFrame {
			return 0, fmt.Errorf("packet of %d bytes for a tunnel", n)
		}
		if int64(len(t.begun)) < 4+n {
			break
		}
		packet := t.begun[4 : 4+n]
		cost := int(n)
		if t.f.conn.config.CountsLengths {
			cost += 4
		}
		if err := t.WriteMessage(packet, cost); err != nil {
			return 0, err
		}
		t.begun = t.begun[4+n:]
	}
	t.begun = append([]byte(nil), t.begun...)
	return len(p), nil
}
