package arq

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/xtaci/kcp-go/v5"

	"tssh/proxy/simnet"
)

func ends(t *testing.T) (client, server *keys) {
	t.Helper()
	client, server = &keys{}, &keys{}
	if err := client.start([32]byte{1}, true); err != nil {
		t.Fatal(err)
	}
	if err := server.start([32]byte{1}, false); err != nil {
		t.Fatal(err)
	}
	return client, server
}

func seal(t *testing.T, k *keys, body string) []byte {
	t.Helper()
	p, err := k.seal(nil, []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func opens(k *keys, packet []byte, body string) bool {
	got, err := k.open(bytes.Clone(packet))
	return err == nil && string(got) == body
}

func exchange(t *testing.T, client, server *keys) {
	t.Helper()
	half, err := client.ask()
	if err != nil {
		t.Fatal(err)
	}
	answer, err := server.meet(half)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.meet(answer); err != nil {
		t.Fatal(err)
	}
}

func TestPacketOpensOnceAndAtTheOtherEndOnly(t *testing.T) {
	client, server := ends(t)
	p := seal(t, client, "body")
	if opens(client, p, "body") {
		t.Error("a client takes its own packet for the server's")
	}
	if !opens(server, p, "body") {
		t.Error("the server does not open it")
	}
	if opens(server, p, "body") {
		t.Error("the server takes it twice")
	}
	for i := range p {
		p := seal(t, client, "body")
		p[i] ^= 1
		if opens(server, p, "body") {
			t.Errorf("it opens with byte %d changed", i)
		}
	}
	stranger := &keys{}
	stranger.start([32]byte{2}, true)
	if opens(server, seal(t, stranger, "body"), "body") {
		t.Error("another secret seals")
	}
}

func TestRenewalChangesKeysWithoutLosingPackets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := ends(t)
		late, recorded := seal(t, client, "late"), seal(t, client, "recorded")
		exchange(t, client, server)
		// The server goes on with the old keys until the client's new ones are seen.
		if p := seal(t, server, "old"); p[1] != 0 || !opens(client, p, "old") {
			t.Error("the server does not go on in the old epoch")
		}
		if p := seal(t, client, "new"); p[1] != 1 || !opens(server, p, "new") {
			t.Error("the client does not begin the new epoch")
		}
		if p := seal(t, server, "new"); p[1] != 1 || !opens(client, p, "new") {
			t.Error("the server does not follow")
		}
		if !opens(server, late, "late") {
			t.Error("a packet that was on its way is lost")
		}
		time.Sleep(oldFor + time.Second)
		if opens(server, recorded, "recorded") {
			t.Error("keys of the last epoch are still there")
		}
		// Who knows the secret alone can follow no more.
		thief := &keys{}
		thief.start([32]byte{1}, false)
		thief.meet(make([]byte, 32))
		if opens(thief, seal(t, client, "x"), "x") {
			t.Error("the first secret opens later epochs")
		}
	})
}

func TestRenewalRefusesNonsense(t *testing.T) {
	client, server := ends(t)
	if _, err := client.meet(make([]byte, 32)); err == nil {
		t.Error("an answer to no question is taken")
	}
	for _, half := range [][]byte{nil, make([]byte, 31), make([]byte, 32)} {
		if _, err := server.meet(half); err == nil {
			t.Errorf("%d zero bytes are taken for a key", len(half))
		}
	}
	exchange(t, client, server)
	half, _ := client.ask()
	if _, err := server.meet(half); err == nil {
		t.Error("a renewal begins before the last is over")
	}
}

func TestKeysAreRenewedByTimeAndVolume(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server, _ := pair(t, simnet.Link{Delay: 10 * time.Millisecond, Loss: 0.05})
		renew(client, server)
		go echo(server)
		epoch := func() uint16 {
			for _, c := range []*Conn{server, client} {
				c.mu.Lock()
				defer c.mu.Unlock()
			}
			if client.keys.out.epoch != server.keys.out.epoch {
				t.Errorf("epochs %d and %d", client.keys.out.epoch, server.keys.out.epoch)
			}
			return client.keys.out.epoch
		}
		talk := func() {
			for range 5 {
				say(t, client, "talk")
				time.Sleep(time.Second)
			}
		}
		talk()
		if e := epoch(); e != 1 {
			t.Errorf("epoch %d after the first words", e)
		}
		time.Sleep(renewAfter)
		talk()
		if e := epoch(); e != 2 {
			t.Errorf("epoch %d after %v", e, renewAfter)
		}
		client.mu.Lock()
		client.keys.volume = renewVolume // as if
		client.mu.Unlock()
		talk()
		talk()
		if e := epoch(); e != 3 {
			t.Errorf("epoch %d after %d bytes", e, renewVolume)
		}
	})
}

func TestWindowKnowsWhatItSaw(t *testing.T) {
	var w window
	seen := map[uint64]bool{}
	var highest uint64
	r := rand.New(rand.NewPCG(1, 2))
	for range 200_000 {
		seq := uint64(max(1, int64(highest)+int64(r.IntN(2200))-1500))
		if r.IntN(1000) == 0 {
			seq += uint64(r.IntN(5000))
		}
		want := !seen[seq] && (seq > highest || highest-seq < windowSize)
		if got := w.fresh(seq); got != want {
			t.Fatalf("fresh(%d) = %v, highest %d", seq, got, highest)
		}
		if want {
			w.mark(seq)
			seen[seq] = true
			highest = max(highest, seq)
		}
	}
	if w.fresh(0) {
		t.Error("sequence 0 is never used")
	}
}

func FuzzPacket(f *testing.F) {
	k := &keys{}
	k.start([32]byte{1}, true)
	for range 3 {
		p, _ := k.seal(nil, make([]byte, 40))
		f.Add(p)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		server := &keys{}
		if err := server.start([32]byte{1}, false); err != nil {
			t.Fatal(err)
		}
		server.open(bytes.Clone(b))
		server.meet(b)
		var p sendWindow
		p.init(1000)
		p.heard(b, time.Now(), time.Now())
		p.left(b, time.Now())
		p.heard(b, time.Now(), time.Now())
		if w := p.open(); w < leastSegments || w > mostSegments {
			t.Errorf("window of %d", w)
		}
	})
}

// TestOutageInARenewal: wherever an outage cuts a renewal, each end opens what
// the other can seal, or the connection would stand for ever.
func TestOutageInARenewal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := ends(t)
		early := seal(t, client, "early")
		half, err := client.ask()
		if err != nil {
			t.Fatal(err)
		}
		answer, err := server.meet(half)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour) // the answer is lost, and waits behind what is to be acknowledged
		if !opens(server, seal(t, client, "acknowledged"), "acknowledged") {
			t.Fatal("the server does not open what the client seals before it has the answer")
		}
		if _, err := client.meet(answer); err != nil {
			t.Fatal(err)
		}
		first := seal(t, client, "first")
		time.Sleep(time.Hour) // the client's first packet with the new keys is lost
		if !opens(client, seal(t, server, "again"), "again") {
			t.Fatal("the client does not open what the server seals before it has seen the new keys")
		}
		if !opens(server, first, "first") || !opens(client, seal(t, server, "new"), "new") {
			t.Fatal("the new keys do not work")
		}
		time.Sleep(oldFor)
		if opens(server, early, "early") {
			t.Error("old keys open for longer than packets travel")
		}
	})
}

// nowhere is a net.PacketConn from which nothing comes.
type nowhere struct{ closed chan struct{} }

func (n nowhere) ReadFrom([]byte) (int, net.Addr, error) {
	<-n.closed
	return 0, nil, net.ErrClosed
}
func (n nowhere) WriteTo(b []byte, _ net.Addr) (int, error) { return len(b), nil }
func (n nowhere) Close() error                              { return nil }
func (n nowhere) LocalAddr() net.Addr                       { return &net.UDPAddr{} }
func (n nowhere) SetDeadline(time.Time) error               { return nil }
func (n nowhere) SetReadDeadline(t time.Time) error {
	if !t.IsZero() {
		close(n.closed)
	}
	return nil
}
func (n nowhere) SetWriteDeadline(time.Time) error { return nil }

// FuzzSegments is a peer that has the keys and seals whatever it likes: numbers
// far ahead, fragments without an end, acknowledgements of what was never sent.
func FuzzSegments(f *testing.F) {
	segment := func(cmd, frg byte, sn, una uint32, data string) []byte {
		b := binary.LittleEndian.AppendUint32(nil, 1) // conversation
		b = append(b, cmd, frg, 0xff, 0xff)           // window
		b = binary.LittleEndian.AppendUint32(b, 1<<31)
		b = binary.LittleEndian.AppendUint32(b, sn)
		b = binary.LittleEndian.AppendUint32(b, una)
		b = binary.LittleEndian.AppendUint32(b, uint32(len(data)))
		return append(b, data...)
	}
	f.Add(segment(kcp.IKCP_CMD_PUSH, 0, 0, 0, "dhello"))
	f.Add(segment(kcp.IKCP_CMD_PUSH, 255, 0, 0, "dhello"))
	f.Add(segment(kcp.IKCP_CMD_PUSH, 0, 1<<31, 1<<31, "d"))
	f.Add(segment(kcp.IKCP_CMD_ACK, 0, 1<<32-1, 1<<32-1, ""))
	f.Add(append(segment(kcp.IKCP_CMD_ACK, 0, 0, 1, ""), segment(kcp.IKCP_CMD_PUSH, 0, 8191, 0, "")...))
	f.Add([]byte("C"))
	f.Fuzz(func(t *testing.T, body []byte) {
		peer := &keys{}
		if err := peer.start([32]byte{1}, true); err != nil {
			t.Fatal(err)
		}
		c, err := New(nowhere{make(chan struct{})}, &net.UDPAddr{}, Config{Secret: [32]byte{1}})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		c.Write([]byte("on its way"))
		for _, b := range [][]byte{body, body[:len(body)/2], body} {
			packet, err := peer.seal(nil, b)
			if err != nil {
				t.Fatal(err)
			}
			c.receive(packet, &net.UDPAddr{})
		}
		c.Returned()
		c.mu.Lock()
		defer c.mu.Unlock()
		c.takeLocked(make([]byte, 100))
		if w := c.window.open(); w < leastSegments || w > mostSegments {
			t.Errorf("window of %d", w)
		}
	})
}

// A peer that gave all the window there is and fell silent does not make this
// end keep all that its programs write.
func TestSilenceBoundsWhatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, err := New(nowhere{make(chan struct{})}, &net.UDPAddr{}, Config{})
		if err != nil {
			t.Fatal(err)
		}
		written := 0
		go func() {
			for b := make([]byte, 1<<20); ; written++ {
				if _, err := c.Write(b); err != nil {
					return
				}
			}
		}()
		time.Sleep(time.Minute)
		c.mu.Lock()
		n := c.kcp.WaitSnd()
		c.mu.Unlock()
		if n > mostWaiting || n < mostWaiting/2 {
			t.Errorf("%d segments wait, %d MiB", n, written)
		}
		c.Close()
	})
}
