package mux

import (
	"bytes"
	"context"
	"io"
	"net"
	"sync"
	"testing"
)

// said is a multiplexer whose peer says b on the control stream, and no more.
type said struct {
	b     []byte
	ended chan struct{}
	once  sync.Once
}

func (s *said) open(context.Context) (Stream, error)    { return nil, net.ErrClosed }
func (s *said) accept(context.Context) (Stream, error)  { return saidStream{bytes.NewReader(s.b)}, nil }
func (s *said) close()                                  { s.once.Do(func() { close(s.ended) }) }
func (s *said) done() <-chan struct{}                   { return s.ended }
func (s *said) err() error                              { return nil }
func (s *said) returned()                               {}
func (s *said) bulk() *bulk                             { return nil }
func (s *said) rekey(body []byte, _ func([]byte)) error { return nil }

type saidStream struct{ io.Reader }

func (saidStream) Write(p []byte) (int, error) { return len(p), nil }
func (saidStream) CloseWrite() error           { return nil }
func (saidStream) Close() error                { return nil }

// FuzzControl: whatever a peer says on the control stream, the connection ends
// with it and nothing else does.
func FuzzControl(f *testing.F) {
	f.Add([]byte("H\x00\x00B\x00\x08\x00\x00\x00\x00\x00\x00\x00\x00"))
	f.Add([]byte("B\x00\x08\xff\xff\xff\xff\xff\xff\xff\xffA\x00\x00A\x00\x00"))
	f.Add([]byte("K\x00\x20" + string(make([]byte, 32)) + "L\x00\x00?\xff\xff"))
	f.Fuzz(func(t *testing.T, b []byte) {
		c := newConn(&said{b: b, ended: make(chan struct{})}, false, Config{})
		<-c.Done()
		if err := c.Err(); err != net.ErrClosed {
			t.Errorf("%v", err)
		}
		c.Close()
	})
}
