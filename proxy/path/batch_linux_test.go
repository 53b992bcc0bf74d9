package path

import (
	"net/netip"
	"testing"
	"time"
)

// TestWhatIsThereIsReadTogether, in order and nothing twice; who reads knows whether
// the next read waits.
func TestWhatIsThereIsReadTogether(t *testing.T) {
	server, client := listen(t), listen(t)
	to := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), server.Local().Port())
	const all = 2*batchSize + 3
	for i := range all {
		if err := client.WriteDatagrams([]byte{byte(i), 1, 2}[:1+i%3], Envelope{Peer: to}); err != nil {
			t.Fatal(err)
		}
	}
	b, calls := make([]byte, 64<<10), 0
	for i := range all {
		n, e, err := server.ReadDatagrams(b)
		if err != nil || n != 1+i%3 || b[0] != byte(i) || e.Peer.Port() != client.Local().Port() || e.Segment != 0 {
			t.Fatalf("datagram %d: % x of %+v, %v", i, b[:n], e, err)
		}
		if !e.More {
			calls++
		}
	}
	if calls != 3 {
		t.Errorf("%d calls for %d datagrams", calls, all)
	}
}

// TestAFlowIsReadInLargerNumbers, where it is gathered.
func TestAFlowIsReadInLargerNumbers(t *testing.T) {
	server, client := listen(t), listen(t)
	to := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), server.Local().Port())
	for i := range flowSize {
		if err := client.WriteDatagrams([]byte{byte(i)}, Envelope{Peer: to}); err != nil {
			t.Fatal(err)
		}
	}
	server.(Gatherer).Gather(time.Millisecond)
	server.(*socket).busy = true
	b := make([]byte, 99)
	for i := range flowSize {
		if n, e, err := server.ReadDatagrams(b); err != nil || n != 1 || b[0] != byte(i) || e.More != (i < flowSize-1) {
			t.Fatalf("datagram %d: % x of %+v, %v", i, b[:n], e, err)
		}
	}
}

// TestCloseEndsAReadOfSeveral, and what was read before it is not lost.
func TestCloseEndsAReadOfSeveral(t *testing.T) {
	server, client := listen(t), listen(t)
	to := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), server.Local().Port())
	for range 2 {
		client.WriteDatagrams([]byte{1}, Envelope{Peer: to})
	}
	b := make([]byte, 99)
	if _, e, err := server.ReadDatagrams(b); err != nil || !e.More {
		t.Fatalf("%+v, %v", e, err)
	}
	server.Close()
	if n, _, err := server.ReadDatagrams(b); n != 1 || err != nil {
		t.Errorf("%d bytes, %v", n, err)
	}
	if _, _, err := server.ReadDatagrams(b); err == nil {
		t.Error("a closed socket is read from")
	}
}

// TestOnlyFlowsAreGathered: keys and their echoes are read as they come, and so is
// what is too fast to be held.
func TestOnlyFlowsAreGathered(t *testing.T) {
	for _, c := range []struct {
		each time.Duration // between reads
		n    int           // datagrams in one
		want bool
	}{
		{50 * time.Millisecond, 1, false},       // keys
		{time.Millisecond, 2, false},            // a slow flow
		{100 * time.Microsecond, 1, true},       // 100 Mbit/s, each as it comes
		{1100 * time.Microsecond, 11, true},     // and gathered
		{100 * time.Microsecond, 8, false},      // 800 Mbit/s
		{time.Hour, batchSize, false},           // one burst a while
		{10 * time.Microsecond, 1, false},       // above all that is gathered
		{3 * time.Millisecond, 3 * 2, false},    // few
		{300 * time.Microsecond, 1, true},       // just enough
		{2 * time.Millisecond, batchSize, true}, // several a read
	} {
		var q batch
		now := time.Unix(1, 0)
		for range 1000 {
			now = now.Add(c.each)
			q.note(now, c.n)
		}
		if q.busy != c.want {
			t.Errorf("%d datagrams each %v: gathered %v", c.n, c.each, q.busy)
		}
	}
	var q batch
	now := time.Unix(1, 0)
	for range 100 {
		now = now.Add(100 * time.Microsecond)
		q.note(now, 1)
	}
	if q.note(now.Add(time.Second), 1); q.busy {
		t.Error("a key after a flow is gathered")
	}
}
