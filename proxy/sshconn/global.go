package sshconn

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"sync"

	"tssh/proxy/channel"
	"tssh/proxy/mux"
)

// globalAsker sends global requests on a stream of its own, which it opens
// with the first of them.
type globalAsker struct {
	conn *conn

	asking channel.Baton // held while a reply is waited for, as SSH's replies have no number

	writing channel.Baton // guards what follows, held while a request is written
	stream  mux.Stream
	replies chan reply
	want    int // replies that are still to come
}

type reply struct {
	ok      bool
	payload []byte
}

func (g *globalAsker) ask(kind string, wantReply bool, payload []byte) (bool, []byte, error) {
	body, err := appendRequest(nil, kind, wantReply, payload)
	if err != nil {
		return false, nil, err
	}
	if !wantReply {
		return false, nil, g.write(body, 0)
	}
	g.asking.Take()
	defer g.asking.Pass()
	if err := g.write(body, 1); err != nil {
		return false, nil, err
	}
	select {
	case r := <-g.replies:
		return r.ok, r.payload, nil
	case <-g.conn.ctx.Done():
		return false, nil, io.EOF
	}
}

func (g *globalAsker) write(body []byte, want int) error {
	g.writing.Take()
	defer g.writing.Pass()
	if g.stream == nil {
		s, err := g.conn.openStream(opening{})
		if err != nil {
			return fmt.Errorf("global request: %w", io.EOF)
		}
		g.stream, g.replies = s, make(chan reply, 1)
		if err := g.conn.spawn(func() { g.read(s) }); err != nil {
			return fmt.Errorf("global request: %w", err)
		}
	}
	g.want += want
	return writeGlobal(g.stream, frameRequest, body)
}

// read hands replies to those who wait, and drops one too many.
func (g *globalAsker) read(s mux.Stream) {
	err := readGlobal(s, func(kind byte, body []byte) error {
		if kind == frameRequest {
			return fmt.Errorf("%w: request for an answer", errMalformed)
		}
		g.writing.Take()
		wanted := g.want > 0
		if wanted {
			g.want--
		}
		g.writing.Pass()
		if wanted {
			select {
			case g.replies <- reply{kind == frameSuccess, body}:
			case <-g.conn.ctx.Done():
			}
			g.conn.replySeen()
		}
		return nil
	})
	g.conn.blame(err)
	s.Close()
}

// answerGlobal gives the peer's global requests to the user.
func (c *conn) answerGlobal(s mux.Stream) {
	c.mu.Lock()
	second := c.answers
	c.answers = true
	c.mu.Unlock()
	if second {
		c.blame(fmt.Errorf("%w: second channel of global requests", errMalformed))
		return
	}
	// A request that waits for its user must not keep this end from closing.
	stop := context.AfterFunc(c.ctx, func() { s.Close() })
	defer stop()
	defer s.Close()
	writing := channel.NewBaton()
	answer := func(ok bool, payload []byte) error {
		if len(payload) > maxFrame {
			return fmt.Errorf("reply of %d bytes is too long", len(payload))
		}
		writing.Take()
		defer writing.Pass()
		c.mu.Lock()
		c.answered++
		c.mu.Unlock()
		return writeGlobal(s, replyFrame(ok), payload)
	}
	refusals := refusals{send: func() error { return answer(false, nil) }}
	defer refusals.wait()
	defer s.Close() // ends a write that it waits for
	c.blame(readGlobal(s, func(kind byte, body []byte) error {
		if kind != frameRequest {
			return fmt.Errorf("%w: answer to no request", errMalformed)
		}
		r, err := parseRequest(body)
		if err != nil {
			return err
		}
		// Once: openings count answers, and a second would never be seen.
		var once sync.Once
		r.reply = func(ok bool, payload []byte) (err error) {
			once.Do(func() { err = answer(ok, payload) })
			return err
		}
		r.refuse = refusals.add
		c.user.asked(r)
		return nil
	}))
}

func writeGlobal(s mux.Stream, kind byte, body []byte) error {
	b := make([]byte, headSize, headSize+len(body))
	putHead(b, kind, len(body))
	if _, err := s.Write(append(b, body...)); err != nil {
		return io.EOF
	}
	return nil
}

func readGlobal(s mux.Stream, handle func(kind byte, body []byte) error) error {
	r := newReader(s)
	for {
		h, err := readHead(r)
		if err != nil {
			return err
		}
		switch h.kind {
		case frameRequest, frameSuccess, frameFailure:
		default:
			return fmt.Errorf("%w: %q among global requests", errMalformed, h.kind)
		}
		body, err := readBytes(r, h.size, nil)
		if err != nil {
			return err
		}
		if err := handle(h.kind, body); err != nil {
			return err
		}
	}
}

// newReader reads heads and small frames together, and big ones past its buffer.
func newReader(s io.Reader) *bufio.Reader { return bufio.NewReaderSize(s, 512) }
