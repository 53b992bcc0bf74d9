package memconn

import (
	"bytes"
	"errors"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/ipv4"

	"tssh/proxy/wire"
)

// mirror returns a Conn to which everything it sends comes back.
func mirror(transport wire.Transport) *Conn {
	var feed Feed
	c, feed := New(transport, 0, func(b []byte, segment int, ecn byte, bulk bool) { feed.Deliver(b, segment, ecn, bulk) })
	return c
}

func TestTrainArrivesAsDatagrams(t *testing.T) {
	f := mirror("quic")
	train := make([]byte, 0, 2500)
	for _, n := range []int{1000, 1000, 500} {
		train = append(train, make([]byte, n)...)
		train[len(train)-n] = wire.FixedBit
	}
	if err := f.write(train, 1000, 1, false); err != nil {
		t.Fatal(err)
	}
	ms := make([]ipv4.Message, 8)
	for i := range ms {
		ms[i] = ipv4.Message{Buffers: [][]byte{make([]byte, 1500)}, OOB: make([]byte, 128)}
	}
	n, err := f.ReadBatch(ms, 0)
	if n != 3 || err != nil || ms[0].N != 1000 || ms[2].N != 500 || ms[0].Addr != f.Peer() {
		t.Fatalf("%d datagrams of %d, %d, %d bytes, %v", n, ms[0].N, ms[1].N, ms[2].N, err)
	}
	if _, ecn := parseOOB(ms[0].OOB[:ms[0].NN]); ms[0].NN > 0 && ecn != 1 {
		t.Errorf("ECN %d, sent 1", ecn)
	}
}

func TestForeignTransportIsMarked(t *testing.T) {
	var feed Feed
	f, feed := New(wire.KCP, 0, func(b []byte, _ int, _ byte, _ bool) {
		if !wire.IsTransport(b) || len(b) != 4 {
			t.Errorf("sent %x", b)
		}
		feed.Deliver(b, 0, 0, false)
	})
	f.WriteTo([]byte{0, 1, 2}, nil) // looks like a knock
	b := make([]byte, 9)
	if n, from, err := f.ReadFrom(b); n != 3 || b[2] != 2 || err != nil || from.String() != f.Peer().String() {
		t.Errorf("read %x from %v, %v", b[:n], from, err)
	}
}

// coalesced is KCP's datagrams of three sizes, as they leave, and as the kernel
// of a receiver with GRO hands them over: of one size, but for the last.
func coalesced() (datagrams [][]byte, train []byte, segment int) {
	for i, n := range []int{300, 300, 300, 20} {
		d := bytes.Repeat([]byte{byte(i)}, n)
		datagrams = append(datagrams, d)
		train = append(append(train, wire.FixedBit), d...)
	}
	return datagrams, train, 301
}

func TestEachDatagramOfAJoinedTrainLosesItsMark(t *testing.T) {
	f := mirror("kcp")
	datagrams, train, segment := coalesced()
	Feed{f}.Deliver(train, segment, 0, false)
	Feed{f}.Deliver([]byte{wire.FixedBit, wire.FixedBit, wire.FixedBit, 7}, 1, 0, false) // three of nothing, and not a byte too many
	b := make([]byte, 1500)
	for i, want := range append(datagrams, nil, nil, nil) {
		if n, _, err := f.ReadFrom(b); err != nil || !bytes.Equal(b[:n], want) {
			t.Errorf("datagram %d: %d bytes, %v, want %d", i, n, err, len(want))
		}
	}
}

func TestEmptyDatagramsAreBoundedToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := mirror("kcp")
		taken := 0
		go func() {
			for range inboxSize {
				Feed{f}.Deliver([]byte{wire.FixedBit}, 0, 0, false)
				taken++
			}
		}()
		synctest.Wait()
		if taken > inboxSize/markSize+1 {
			t.Errorf("%d empty datagrams are kept", taken)
		}
		f.in.close()
	})
}

func TestReadDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := mirror("quic")
		start := time.Now()
		f.SetReadDeadline(start.Add(time.Second))
		if _, _, err := f.ReadFrom(make([]byte, 9)); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) != time.Second {
			t.Errorf("after %s: %v", time.Since(start), err)
		}
		f.SetReadDeadline(time.Time{})
		go func() {
			time.Sleep(time.Minute)
			f.SetReadDeadline(time.Now()) // ends a read that waits
		}()
		if _, _, err := f.ReadFrom(make([]byte, 9)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("read: %v", err)
		}
		f.in.close()
		f.in.close()
		if _, _, err := f.ReadFrom(make([]byte, 9)); !errors.Is(err, net.ErrClosed) && !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("read after close: %v", err)
		}
	})
}

// TestQueuedIsToldTogether: a reader is woken once by what came in one batch, and
// when the queue is full before that.
func TestQueuedIsToldTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := mirror("quic")
		read := 0
		go func() {
			for b := make([]byte, 1500); ; read++ {
				if _, _, err := f.ReadFrom(b); err != nil {
					return
				}
			}
		}()
		synctest.Wait()
		for range 10 {
			Feed{f}.Queue(make([]byte, 1000), 0, 0, false)
		}
		synctest.Wait()
		if read != 0 {
			t.Errorf("%d were read before they were told", read)
		}
		Feed{f}.Wake()
		synctest.Wait()
		if read != 10 {
			t.Errorf("%d of 10 were read", read)
		}
		for range 1000 {
			Feed{f}.Queue(make([]byte, 1000), 0, 0, false) // more than fits
		}
		Feed{f}.Wake()
		synctest.Wait()
		if read != 1010 {
			t.Errorf("%d of 1010 were read", read)
		}
		f.in.close()
	})
}

func TestInboxMakesWritersWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := mirror("quic")
		written := 0
		go func() {
			for range 1000 {
				Feed{f}.Deliver(make([]byte, 1000), 0, 0, false)
				written++
			}
		}()
		synctest.Wait()
		if written*1000 > inboxSize+2000 {
			t.Errorf("%d bytes were taken without a reader", written*1000)
		}
		for range 1000 {
			if n, _, err := f.ReadFrom(make([]byte, 1500)); n != 1000 || err != nil {
				t.Fatal(n, err)
			}
		}
	})
}

func TestOddDatagramsAreNoTrouble(t *testing.T) {
	f := mirror("kcp")
	for _, b := range [][]byte{nil, {}, make([]byte, wire.MaxDatagram+1)} {
		if _, err := f.WriteTo(b, nil); err != nil {
			t.Errorf("%d bytes: %v", len(b), err)
		}
	}
	Feed{f}.Deliver([]byte{wire.FixedBit}, 0, 0, false)
}
