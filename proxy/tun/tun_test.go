package tun

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
)

// fake is a device of which a test is the network.
type fake struct {
	out, in chan []byte // packets of the network, and to it
	done    chan struct{}
	once    sync.Once
}

func newFake() *fake {
	return &fake{out: make(chan []byte), in: make(chan []byte), done: make(chan struct{})}
}

func (f *fake) Read(p []byte) (int, error) {
	select {
	case b := <-f.out:
		return copy(p, b), nil
	case <-f.done:
		return 0, io.EOF
	}
}

func (f *fake) Write(p []byte) (int, error) {
	select {
	case f.in <- bytes.Clone(p):
		return len(p), nil
	case <-f.done:
		return 0, errors.New("closed")
	}
}

func (f *fake) Close() error {
	f.once.Do(func() { close(f.done) })
	return nil
}

// slow hands on one byte a Read, as a stream may.
type slow struct{ io.ReadWriteCloser }

func (s slow) Read(p []byte) (int, error) { return s.ReadWriteCloser.Read(p[:min(1, len(p))]) }

// packet is one of IP, or what looks like one, of n bytes.
func packet(version byte, n int) []byte {
	p := bytes.Repeat([]byte{0xa5}, n)
	p[0] = version << 4
	return p
}

// TestPackets: packets come out as they went in, one by one, however the
// channel cuts its bytes; what is no packet is lost and harms no other.
func TestPackets(t *testing.T) {
	for _, mode := range []Mode{PointToPoint, Ethernet} {
		near, far := newFake(), newFake()
		a, b := net.Pipe()
		ends := make(chan error)
		go func() { ends <- (&Device{mode: mode, queue: near}).Join(a) }()
		go func() { ends <- (&Device{mode: mode, queue: far}).Join(slow{b}) }()
		room := MaxFrame + lengthSize - mode.head()
		for _, p := range [][]byte{packet(4, 20), packet(6, 1500), packet(4, 1), packet(6, room)} {
			near.out <- packet(4, room+1)
			if mode == PointToPoint {
				near.out <- packet(5, 40)
			}
			near.out <- nil
			near.out <- p
			if got := <-far.in; !bytes.Equal(got, p) {
				t.Fatalf("mode %d: sent %d bytes, got %d", mode, len(p), len(got))
			}
			far.out <- p
			if got := <-near.in; !bytes.Equal(got, p) {
				t.Fatalf("mode %d, back: sent %d bytes, got %d", mode, len(p), len(got))
			}
		}
		near.Close()
		for range 2 {
			if err := <-ends; err != nil && !errors.Is(err, io.ErrClosedPipe) {
				t.Errorf("mode %d ended with %v", mode, err)
			}
		}
	}
}

// TestFamily: the address family is OpenBSD's.
func TestFamily(t *testing.T) {
	for version, want := range map[byte]uint32{4: 2, 6: 24} {
		b := append(make([]byte, 8), packet(version, 40)...)
		if !PointToPoint.putHead(b) || binary.BigEndian.Uint32(b) != 44 || binary.BigEndian.Uint32(b[4:]) != want {
			t.Errorf("IPv%d goes as % x", version, b[:9])
		}
	}
}

// FuzzReadPacket reads whatever a peer sends: it ends, and stays within bounds.
func FuzzReadPacket(f *testing.F) {
	f.Add([]byte{0, 0, 0, 5, 0, 0, 0, 2, 0x45, 0, 0, 0, 0, 0, 0, 0, 1, 9})
	f.Add([]byte{0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, mode := range []Mode{PointToPoint, Ethernet} {
			r, buf := bytes.NewReader(b), make([]byte, MaxFrame)
			for {
				before := r.Len()
				p, err := mode.readPacket(r, buf)
				if err != nil {
					break
				}
				if used := before - r.Len(); len(p) > max(0, used-mode.head()) {
					t.Errorf("%d bytes of a frame of %d", len(p), used)
				}
			}
		}
	})
}
