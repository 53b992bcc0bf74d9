package sshconn

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	"golang.org/x/crypto/ssh"

	"tssh/proxy/channel"
	"tssh/proxy/mux"
)

// framing is one channel in frames on a stream: the Wire of its Channel.
type framing struct {
	conn     *conn
	ch       *channel.Channel
	stream   mux.Stream
	kind     string
	extra    []byte
	refusals refusals
	give     func(*Request) // to the user, as handRequests has it
	end      func()         // of the requests

	// Under the channel's turn to write:
	small [64]byte   // of a frame that is written
	sent  int        // bytes of data, until it is clear that they stay here
	moved mux.Sender // where frames go now; nil: to the stream

	gone atomic.Pointer[mux.Sender] // moved, for whoever has no turn
	come onward                     // from where frames come

	urgent atomic.Bool // a terminal's

	accepted bool // by the peer, or by us; the reading goroutine's
	eof      bool // the peer sends no more data; likewise
}

func newFraming(c *conn, s mux.Stream, o opening) *framing {
	f := &framing{conn: c, stream: s, kind: o.kind, extra: o.extra}
	f.ch = channel.New(channel.Config{
		Wire: f, Window: firstWindow, Widest: maxWindow,
		Credit: firstWindow, Largest: maxData, MaxCredit: maxCredit,
		Budget: &c.budget, Abandon: f.abandon,
	})
	f.refusals.send = func() error { return f.say(frameFailure, nil) }
	return f
}

// onward is where the frames of the peer come from after it moved.
type onward struct {
	mu    sync.Mutex // guards what follows
	from  mux.Receiver
	leave context.CancelFunc // ends the wait for it
	given bool               // up
}

// abandon ends run.
func (f *framing) abandon() {
	f.stream.Close()
	f.come.mu.Lock()
	defer f.come.mu.Unlock()
	f.come.given = true
	if f.come.leave != nil {
		f.come.leave()
	}
	if f.come.from != nil {
		f.come.from.Close()
	}
}

// follow returns where the peer's frames go on.
func (f *framing) follow(number uint64) (mux.Receiver, error) {
	ctx, cancel := context.WithCancel(f.conn.ctx)
	defer cancel()
	o := &f.come
	o.mu.Lock()
	second := o.leave != nil
	o.leave = cancel
	if o.given {
		cancel()
	}
	o.mu.Unlock()
	if second {
		return nil, fmt.Errorf("%w: second move", errMalformed)
	}
	r, err := f.conn.mux.TakeBulk(ctx, number)
	if err != nil {
		return nil, io.ErrUnexpectedEOF // the channel was given up, or the connection's end is told by Wait
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.from = r; o.given {
		r.Close()
	}
	return r, nil
}

// handRequests gives the requests of f to a user, who gets them as convert makes
// them. It is called before run.
func handRequests[T any](f *framing, convert func(*Request) T) <-chan T {
	q := channel.NewRequests[T](f.ch, f.conn.ctx.Done())
	f.give = func(r *Request) { q.Give(convert(r), len(r.Type)+len(r.Payload)) }
	f.end = q.End
	return q.User()
}

// run reads the stream until the peer has closed the channel. It never waits
// for the user, but for one that does not read its requests.
func (f *framing) run() {
	r := newReader(f.stream)
	err := f.read(r)
	good := err == nil
	if _, refused := err.(*ssh.OpenChannelError); !refused {
		if err != nil {
			f.conn.blame(err)
		}
		err = io.EOF
	}
	f.ch.Finish(err, good)
	f.end()
	if !good { // the peer reads no more, and may never have heard where we moved
		f.abandon()
		if to := f.gone.Load(); to != nil {
			(*to).Reset()
		}
	}
	f.ch.AnswerClose()
	if good {
		r.ReadByte() // the end of the stream, so that nothing is left to cancel
		if f.come.from != nil {
			f.come.from.Read(make([]byte, 1))
		}
	}
	f.abandon()
	f.conn.left(f)
}

// read returns nil when the peer has closed the channel.
func (f *framing) read(first io.Reader) error {
	for r := first; ; {
		h, err := readHead(r)
		if err != nil {
			return whole(err) // a channel ends with close
		}
		switch h.kind {
		case frameData, frameStderr:
			err = f.receive(r, h)
		case frameClose:
			return nil
		case frameMove:
			var number [8]byte
			if _, err = io.ReadFull(r, number[:]); err == nil {
				var from mux.Receiver
				if from, err = f.follow(binary.BigEndian.Uint64(number[:])); err == nil {
					r = newReader(from)
				}
			}
			err = whole(err)
		default:
			var body []byte
			if body, err = readBytes(r, h.size, f.ch.Reading); err == nil {
				err = f.take(h.kind, body)
			}
			if h.size > trustedSize {
				f.ch.Reading(0)
			}
		}
		if err != nil {
			return err
		}
	}
}

func (f *framing) receive(r io.Reader, h head) error {
	err := channel.ErrOverrun
	if !f.eof {
		err = f.ch.ReceiveFrom(r, h.size, h.kind == frameStderr)
	}
	if errors.Is(err, channel.ErrOverrun) {
		return fmt.Errorf("%w: more data than the window allows", errMalformed)
	}
	return whole(err)
}

// take takes a frame that is no data and no close.
func (f *framing) take(kind byte, body []byte) error {
	switch kind {
	case frameRequest:
		r, err := parseRequest(body)
		if err != nil {
			return err
		}
		r.reply = func(ok bool, _ []byte) error { return f.say(replyFrame(ok), nil) }
		r.refuse = f.refusals.add
		f.give(r)
	case frameReject:
		if f.accepted {
			return fmt.Errorf("%w: late refusal", errMalformed)
		}
		reason := ssh.RejectionReason(binary.BigEndian.Uint32(body))
		return &ssh.OpenChannelError{Reason: reason, Message: string(body[4:])}
	case frameConfirm:
		if f.accepted {
			return fmt.Errorf("%w: second confirmation", errMalformed)
		}
		f.accept()
	case frameWindow, frameGrowth:
		// Above what any release gives; and what may be under way bounds what
		// waits here when the peer goes silent after it gave much.
		more := f.ch.More
		if kind == frameGrowth {
			more = f.ch.Grown
		}
		if n := binary.BigEndian.Uint32(body); !more(n) {
			return fmt.Errorf("%w: window of %d bytes more", errMalformed, n)
		}
	case frameStarved:
		f.ch.Starved()
	case framePrompt:
		f.ch.Prompt()
	case frameSuccess, frameFailure:
		f.ch.Answer(kind == frameSuccess)
	case frameEOF:
		f.eof = true
		f.ch.EOF()
	}
	return nil
}

// accept notes that both ends have the channel.
func (f *framing) accept() {
	f.accepted = true
	f.ch.Open(0, maxData)
}

// waitOpen waits for the peer to accept or to refuse.
func (f *framing) waitOpen() error {
	err := f.ch.WaitOpen()
	if _, refused := err.(*ssh.OpenChannelError); err == nil || refused {
		return err // bare, as from x/crypto/ssh
	}
	return fmt.Errorf("open channel: %w", err)
}

// interactive is described at Channel.
func (f *framing) interactive() {
	f.hurry()
	if f.ch.Interactive() {
		f.say(framePrompt, nil)
	}
}

// hurry lets the channel go ahead of others, and never to the connection for bulk.
func (f *framing) hurry() {
	f.urgent.Store(true)
	mux.Urgent(f.stream)
}

// say writes one frame, in order with all others.
func (f *framing) say(kind byte, body []byte) error {
	return f.ch.Say(func() error { return f.write(kind, body) })
}

// buffers are of one full data frame with its head.
var buffers = sync.Pool{New: func() any { return new([headSize + maxData]byte) }}

// write writes one frame. It is called in the channel's turn.
func (f *framing) write(kind byte, body []byte) error {
	b := f.small[:headSize]
	if n := headSize + len(body); n > headSize+maxData {
		b = make([]byte, headSize, n)
	} else if n > len(f.small) {
		space := buffers.Get().(*[headSize + maxData]byte)
		defer buffers.Put(space)
		b = space[:headSize]
	}
	putHead(b, kind, len(body))
	to := io.Writer(f.stream)
	if f.moved != nil {
		to = f.moved
	}
	if _, err := to.Write(append(b, body...)); err != nil {
		return io.EOF // the connection's end is told by Wait
	}
	return nil
}

func (f *framing) writeNumber(kind byte, n int) error {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], uint32(n))
	return f.write(kind, b[:])
}

// move moves to a stream of bulk, if there is one to be had.
func (f *framing) move() error {
	s, number := f.conn.mux.Bulk()
	if s == nil {
		return nil
	}
	f.gone.Store(&s) // first: once the stream is given up this fails
	if err := f.write(frameMove, binary.BigEndian.AppendUint64(nil, number)); err != nil {
		s.Reset()
		return err
	}
	f.moved = s
	return nil
}

// Data sends data of the channel.
func (f *framing) Data(b []byte, stderr bool) error {
	if f.moved == nil && !f.urgent.Load() {
		if f.sent += len(b); f.sent >= moveAfter {
			if err := f.move(); err != nil {
				return err
			}
		}
	}
	if stderr {
		return f.write(frameStderr, b)
	}
	return f.write(frameData, b)
}

// Window lets the peer send as much as was read.
func (f *framing) Window(n int) error { return f.writeNumber(frameWindow, n) }

// Growth lets the peer send more.
func (f *framing) Growth(n int) error { return f.writeNumber(frameGrowth, n) }

// Starved asks for window.
func (f *framing) Starved() error { return f.write(frameStarved, nil) }

// Request asks for something on the channel.
func (f *framing) Request(kind string, wantReply bool, payload []byte) error {
	body, err := appendRequest(nil, kind, wantReply, payload)
	if err != nil {
		return err
	}
	if kind == "pty-req" {
		f.hurry() // a session at a terminal
	}
	return f.write(frameRequest, body)
}

// EOF says that no more data come.
func (f *framing) EOF() error { return f.write(frameEOF, nil) }

// Close closes the channel.
func (f *framing) Close() error {
	err := f.write(frameClose, nil)
	if f.moved != nil {
		f.moved.CloseWrite()
	}
	f.stream.CloseWrite()
	return err
}

func replyFrame(ok bool) byte {
	if ok {
		return frameSuccess
	}
	return frameFailure
}
