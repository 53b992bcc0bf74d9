package udp

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tssh/proxy/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

func framed(text string) []byte {
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(text))), text...)
}

// joined is a channel joined with a socket. A pipe keeps datagrams apart as long as
// each is read whole.
func joined(idle time.Duration) (channel, far net.Conn, done chan struct{}, ended chan error) {
	channel, ch := net.Pipe()
	far, conn := net.Pipe()
	done, ended = make(chan struct{}), make(chan error, 1)
	go func() { ended <- Join(ch, closing{conn}, idle, done) }()
	return channel, far, done, ended
}

// closing is a pipe whose reads end as a socket's do.
type closing struct{ net.Conn }

func (c closing) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if err != nil {
		err = net.ErrClosed
	}
	return n, err
}

func expect(t *testing.T, r io.Reader, want string) {
	t.Helper()
	b := make([]byte, len(want))
	if _, err := io.ReadFull(r, b); err != nil || string(b) != want {
		t.Errorf("read %q, %v, want %q", b, err, want)
	}
}

func TestDatagramsKeepTheirEdges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		channel, far, done, ended := joined(0)
		go channel.Write(append(framed("one"), framed("three")...))
		expect(t, far, "one")
		expect(t, far, "three")
		far.Write([]byte("back"))
		expect(t, channel, "\x00\x04back")
		time.Sleep(1000 * time.Hour) // it may be silent for ever
		far.Write([]byte("late"))
		expect(t, channel, "\x00\x04late")
		close(done)
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func TestSilentFlowEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		channel, far, _, ended := joined(time.Minute)
		start := time.Now()
		for range 3 { // either direction keeps it
			time.Sleep(50 * time.Second)
			far.Write([]byte("x"))
			expect(t, channel, "\x00\x01x")
			time.Sleep(50 * time.Second)
			go channel.Write(framed("y"))
			expect(t, far, "y")
		}
		if err := <-ended; err != nil || time.Since(start) != 360*time.Second {
			t.Errorf("ended after %v, %v", time.Since(start), err)
		}
		if _, err := channel.Read(make([]byte, 1)); err == nil {
			t.Error("the channel is open")
		}
	})
}

// TestChannelThatTakesNothingLosesTheRest: what a sender sends meanwhile is bounded.
func TestChannelThatTakesNothingLosesTheRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		channel, far, _, ended := joined(0)
		for i := range 3 * maxQueue {
			far.Write([]byte{byte(i)})
		}
		synctest.Wait()
		got := 0
		go func() {
			time.Sleep(time.Second)
			channel.Close()
		}()
		for {
			if _, err := io.ReadFull(channel, make([]byte, 3)); err != nil {
				break
			}
			got++
		}
		if <-ended; got < maxQueue || got > maxQueue+2 {
			t.Errorf("%d datagrams waited", got)
		}
	})
}

// sea is a socket whose datagrams the test makes.
type sea struct {
	net.PacketConn
	in   chan string // sender's last byte, then the datagram
	mu   sync.Mutex
	sent []string
}

func (s *sea) ReadFrom(b []byte) (int, net.Addr, error) {
	d, ok := <-s.in
	if !ok {
		return 0, nil, net.ErrClosed
	}
	return copy(b, d[1:]), &net.UDPAddr{IP: net.IPv4(192, 0, 2, d[0]), Port: 1}, nil
}

func (s *sea) WriteTo(b []byte, to net.Addr) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sent = append(s.sent, to.String()+" "+string(b))
	return len(b), nil
}

func TestEachSenderHasAChannel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pc := &sea{in: make(chan string)}
		channels := make(chan net.Conn, 2)
		var work sync.WaitGroup
		s := &Sorter{Socket: pc, Idle: time.Minute, Done: make(chan struct{}),
			Spawn: func(f func()) bool { work.Go(f); return true },
			Serve: func(_ *net.UDPAddr, carry func(io.ReadWriteCloser) error) {
				near, far := net.Pipe()
				channels <- near
				carry(far)
			}}
		work.Go(s.Run)
		pc.in <- "\x01a"
		first := <-channels
		expect(t, first, "\x00\x01a")
		pc.in <- "\x02b"
		second := <-channels
		expect(t, second, "\x00\x01b")
		pc.in <- "\x01c"
		expect(t, first, "\x00\x01c")
		second.Write(framed("reply"))
		synctest.Wait()
		if len(pc.sent) != 1 || pc.sent[0] != "192.0.2.2:1 reply" {
			t.Errorf("sent %q", pc.sent)
		}
		time.Sleep(2 * time.Minute) // both are forgotten
		pc.in <- "\x01d"
		expect(t, <-channels, "\x00\x01d")
		close(pc.in)
		work.Wait()
	})
}

// TestManySendersOfMuch: the client takes nothing, as it is away, and anybody sends.
func TestManySendersOfMuch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pc := &sea{in: make(chan string)}
		back := make(chan struct{})
		var work sync.WaitGroup
		s := &Sorter{Socket: pc, Idle: time.Minute, Done: make(chan struct{}),
			Spawn: func(f func()) bool { work.Go(f); return true },
			Serve: func(from *net.UDPAddr, carry func(io.ReadWriteCloser) error) {
				<-back
				if from.IP.To4()[3] == 1 {
					return // its channel is refused
				}
				near, far := net.Pipe()
				work.Go(func() { io.Copy(io.Discard, near) })
				carry(far)
			}}
		work.Go(s.Run)
		large := strings.Repeat("x", 60000)
		for range maxQueue + 1 {
			for sender := byte(1); sender <= 8; sender++ {
				pc.in <- string([]byte{sender}) + large
			}
		}
		synctest.Wait()
		if n := s.waiting.Load(); n > maxWaiting || n < maxWaiting-maxDatagram {
			t.Errorf("%d bytes wait", n)
		}
		close(back)
		time.Sleep(2 * time.Minute) // all are forgotten
		if n := s.waiting.Load(); n != 0 {
			t.Errorf("%d bytes are thought to wait when none do", n)
		}
		close(pc.in)
		work.Wait()
	})
}

func FuzzDatagrams(f *testing.F) {
	f.Add([]byte{0, 3, 'a', 'b', 'c', 0, 0, 0, 9, 'x'})
	f.Fuzz(func(t *testing.T, b []byte) {
		r, buf := bytes.NewReader(b), make([]byte, maxDatagram)
		var again []byte
		for {
			d, err := read(r, buf)
			if err != nil {
				break
			}
			again = append(again, framed(string(d))...)
		}
		if !bytes.HasPrefix(b, again) {
			t.Errorf("%x became %x", b, again)
		}
	})
}
