package sshconn

import (
	"context"
	"io"
	"net"
	"sync"
	"testing"

	"golang.org/x/crypto/ssh"

	"tssh/proxy/mux"
	"tssh/proxy/wire"
)

// BenchmarkBulk sends through a channel over the loopback interface.
func BenchmarkBulk(b *testing.B) {
	for _, transport := range []wire.Transport{wire.QUIC, wire.KCP} {
		b.Run(string(transport), func(b *testing.B) {
			listen := func() *net.UDPConn {
				c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
				if err != nil {
					b.Fatal(err)
				}
				b.Cleanup(func() { c.Close() })
				return c
			}
			near, far := listen(), listen()
			x, y := benchIdentity(b), benchIdentity(b)
			accepted := make(chan mux.Conn, 1)
			go func() {
				m, err := mux.Serve(b.Context(), transport, far, mux.Config{Identity: y, PeerPin: x.Pin()})
				if err != nil {
					b.Error(err)
				}
				accepted <- m
			}()
			m, err := mux.Dial(b.Context(), transport, near, far.LocalAddr(), mux.Config{Identity: x, PeerPin: y.Pin()})
			if err != nil {
				b.Fatal(err)
			}
			client := ssh.NewClient(Client(m, Meta{}))
			server := Serve(<-accepted)
			const piece = 64 << 10
			go func() {
				for n := range server.Channels() {
					c, err := n.Accept()
					if err != nil {
						b.Error(err)
						return
					}
					buf := make([]byte, piece)
					for {
						if _, err := c.Write(buf); err != nil {
							return
						}
					}
				}
			}()
			c, _, err := client.OpenChannel("test", nil)
			if err != nil {
				b.Fatal(err)
			}
			buf := make([]byte, piece)
			io.ReadFull(c, buf)
			b.SetBytes(piece)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := io.ReadFull(c, buf); err != nil {
					b.Fatal(err)
				}
			}
			client.Close()
			server.Close()
		})
	}
}

func benchIdentity(b *testing.B) *mux.Identity {
	i, err := mux.NewIdentity()
	if err != nil {
		b.Fatal(err)
	}
	return i
}

// BenchmarkChannel sends through a channel over streams in memory: what channels
// alone cost. A key is one that goes there and back.
func BenchmarkChannel(b *testing.B) {
	for _, c := range []struct {
		name  string
		piece int
		echo  bool
	}{{"bulk", 64 << 10, false}, {"lines", 80, false}, {"key", 1, true}} {
		b.Run(c.name, func(b *testing.B) {
			near, far := newMemory()
			client, server := ssh.NewClient(Client(near, Meta{})), Serve(far)
			go func() {
				n := <-server.Channels()
				ch, err := n.Accept()
				if err != nil {
					b.Error(err)
					return
				}
				if c.echo {
					io.Copy(ch, ch)
				}
				for buf, err := make([]byte, c.piece), error(nil); err == nil; {
					_, err = ch.Write(buf)
				}
			}()
			ch, _, err := client.OpenChannel("test", nil)
			if err != nil {
				b.Fatal(err)
			}
			buf := make([]byte, c.piece)
			b.SetBytes(int64(c.piece))
			b.ReportAllocs()
			for b.Loop() {
				if c.echo {
					ch.Write(buf)
				}
				if _, err := io.ReadFull(ch, buf); err != nil {
					b.Fatal(err)
				}
			}
			client.Close()
			server.Close()
		})
	}
}

// memory is a mux whose streams are pipes in memory.
type memory struct {
	other   *memory
	streams chan mux.Stream
	done    chan struct{}
	once    *sync.Once
}

func newMemory() (a, b *memory) {
	done, once := make(chan struct{}), new(sync.Once)
	a = &memory{streams: make(chan mux.Stream, 16), done: done, once: once}
	b = &memory{streams: make(chan mux.Stream, 16), done: done, once: once}
	a.other, b.other = b, a
	return a, b
}

func (m *memory) Open(context.Context) (mux.Stream, error) {
	there, back := newRing(), newRing()
	select {
	case m.other.streams <- memoryStream{there, back}:
		return memoryStream{back, there}, nil
	case <-m.done:
		return nil, net.ErrClosed
	}
}

func (m *memory) Bulk() (mux.Sender, uint64) { return nil, 0 }
func (m *memory) TakeBulk(context.Context, uint64) (mux.Receiver, error) {
	return nil, net.ErrClosed
}

func (m *memory) Accept(context.Context) (mux.Stream, error) {
	select {
	case s := <-m.streams:
		return s, nil
	case <-m.done:
		return nil, net.ErrClosed
	}
}

func (m *memory) Confirmed(context.Context) error { return nil }
func (m *memory) Shutdown(context.Context) error  { return m.Close() }
func (m *memory) Close() error                    { m.once.Do(func() { close(m.done) }); return nil }
func (m *memory) Leaving() <-chan struct{}        { return nil }
func (m *memory) Done() <-chan struct{}           { return m.done }
func (m *memory) Err() error                      { return net.ErrClosed }
func (m *memory) Returned()                       {}

type memoryStream struct{ in, out *ring }

func (s memoryStream) Read(p []byte) (int, error)  { return s.in.read(p) }
func (s memoryStream) Write(p []byte) (int, error) { return s.out.write(p) }
func (s memoryStream) CloseWrite() error           { s.out.close(); return nil }
func (s memoryStream) Close() error                { s.in.close(); s.out.close(); return nil }

// ring holds what one end has written and the other not yet read.
type ring struct {
	mu       sync.Mutex // guards what follows
	moved    sync.Cond
	b        [256 << 10]byte
	from, to int // counts of bytes
	closed   bool
}

func newRing() *ring {
	r := &ring{}
	r.moved.L = &r.mu
	return r
}

func (r *ring) read(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.from == r.to && !r.closed {
		r.moved.Wait()
	}
	if r.from == r.to {
		return 0, io.EOF
	}
	at := r.from % len(r.b)
	n := copy(p[:min(len(p), r.to-r.from)], r.b[at:])
	r.from += n
	r.moved.Broadcast()
	return n, nil
}

func (r *ring) write(p []byte) (n int, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for n < len(p) {
		for r.to-r.from == len(r.b) && !r.closed {
			r.moved.Wait()
		}
		if r.closed {
			return n, net.ErrClosed
		}
		at := r.to % len(r.b)
		m := copy(r.b[at:], p[n:n+min(len(p)-n, len(r.b)-(r.to-r.from))])
		n += m
		r.to += m
		r.moved.Broadcast()
	}
	return n, nil
}

func (r *ring) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	r.moved.Broadcast()
}
