package repair

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"tssh/proxy/wire"
)

var secret = [32]byte{1, 2, 3}

// wires are two machines and what is between them, in a time of their own.
type wires struct {
	t      testing.TB
	now    time.Time
	ends   [2]*Machine // client, server
	codecs [2]*wire.Repair
	got    [2][][]byte
	flying []flight
	delay  time.Duration
	lose   func(from int, b []byte) bool
	sent   int
	random *rand.Rand
}

type flight struct {
	at   time.Time
	to   int
	data []byte
}

func newWires(t testing.TB, loss float64) *wires {
	w := &wires{t: t, now: time.Unix(1e9, 0), delay: 20 * time.Millisecond, random: rand.New(rand.NewPCG(1, 1))}
	w.lose = func(int, []byte) bool { return w.random.Float64() < loss }
	w.codecs = [2]*wire.Repair{wire.NewClientRepair(secret), wire.NewServerRepair(secret)}
	for i := range w.ends {
		w.ends[i] = New(w.codecs[i], w.now, func(b []byte) { w.got[i] = append(w.got[i], slices.Clone(b)) })
	}
	return w
}

// step lets both machines do what is due, and returns when something happens next.
func (w *wires) step() (next time.Time) {
	for i, m := range w.ends {
		for {
			e := m.Step(w.now, nil)
			for b := e.Train; len(b) > 0; b = b[min(len(b), e.Segment):] {
				w.send(i, b[:min(len(b), e.Segment)])
			}
			if e.Report != nil {
				w.send(i, e.Report)
			}
			if len(e.Train) > 0 {
				continue
			}
			if !e.Next.IsZero() && (next.IsZero() || e.Next.Before(next)) {
				next = e.Next
			}
			break
		}
	}
	return next
}

func (w *wires) send(from int, b []byte) {
	w.sent++
	if !w.lose(from, b) {
		w.flying = append(w.flying, flight{w.now.Add(w.delay), 1 - from, slices.Clone(b)})
	}
}

// run lets time pass.
func (w *wires) run(d time.Duration) {
	for end := w.now.Add(d); ; {
		next := w.step()
		for _, f := range w.flying {
			if next.IsZero() || f.at.Before(next) {
				next = f.at
			}
		}
		if next.IsZero() || next.After(end) {
			w.now = end
			return
		}
		if next.After(w.now) {
			w.now = next
		} else {
			w.now = w.now.Add(50 * time.Microsecond) // as a timer is late
		}
		var later []flight
		for _, f := range w.flying {
			if f.at.After(w.now) {
				later = append(later, f)
				continue
			}
			w.ends[f.to].Take(w.now, f.data)
		}
		w.flying = later
	}
}

// write writes count datagrams of size bytes, each of which begins with its number.
func (w *wires) write(from, count, size int) {
	w.t.Helper()
	for n := range count {
		for wait := 0; w.ends[from].Full(); wait++ {
			if w.run(time.Millisecond); wait > 60e3 {
				w.t.Fatal("no room for a minute")
			}
		}
		if !w.ends[from].Carries(w.now) {
			w.t.Fatalf("datagram %d is not carried", n)
		}
		d := make([]byte, size)
		d[0] = wire.FixedBit
		binary.BigEndian.PutUint32(d[1:], uint32(n))
		w.ends[from].Write(w.now, d, 0)
	}
}

// inOrder checks that the datagrams of write came at an end, each once, in order.
func (w *wires) inOrder(at, count int) {
	w.t.Helper()
	if len(w.got[at]) != count {
		w.t.Fatalf("%d datagrams came, %d were sent", len(w.got[at]), count)
	}
	for n, d := range w.got[at] {
		if got := binary.BigEndian.Uint32(d[1:]); got != uint32(n) {
			w.t.Fatalf("datagram %d came in the place of %d", got, n)
		}
	}
}

func TestDatagramsComeOnceInOrder(t *testing.T) {
	for _, loss := range []float64{0, 0.02, 0.2, 0.4} {
		t.Run(fmt.Sprint(loss), func(t *testing.T) {
			count := 3000
			if testing.Short() {
				count = 500
			}
			w := newWires(t, loss)
			w.write(1, count, 1200)
			w.run(5 * time.Second)
			w.inOrder(0, count)
		})
	}
}

func TestOutageIsOutlived(t *testing.T) {
	w := newWires(t, 0.02)
	w.write(1, 200, 1200)
	lossy := w.lose
	w.lose = func(int, []byte) bool { return true }
	w.run(time.Second)
	w.lose = lossy
	w.run(3 * time.Second)
	w.inOrder(0, 200)
}

// TestAllIsKeptWithoutContact: QUIC never learns of an outage, however long. It is not
// held up by one either, or it could not be closed, and is not believed without end.
func TestAllIsKeptWithoutContact(t *testing.T) {
	w := newWires(t, 0.02)
	w.write(1, 200, 1200)
	lossy := w.lose
	w.lose = func(int, []byte) bool { return true }
	w.run(10 * time.Second)
	sent := w.sent
	w.write(1, 300, 1200)
	w.run(24 * time.Hour)
	if w.sent != sent {
		t.Errorf("%d packets in a day without contact", w.sent-sent)
	}
	w.lose = lossy
	for _, m := range w.ends {
		m.Resume(w.now)
	}
	w.run(3 * time.Second)
	if got := len(w.got[0]); got != 500 {
		t.Errorf("%d datagrams came, 500 were sent", got)
	}
	w.lose = func(int, []byte) bool { return true }
	w.write(1, 10, 1200)
	w.run(10 * time.Second)
	w.write(1, 2*sleepMost/1200, 1200)
	if queued := w.ends[1].out.queued; queued > sleepMost+1200 {
		t.Errorf("%d bytes wait", queued)
	}
}

func TestMoveSendsAgainWhatWasUnderWay(t *testing.T) {
	w := newWires(t, 0)
	w.write(1, 200, 1200)
	w.flying = nil // the address is gone
	for _, m := range w.ends {
		m.Moved(w.now, true)
	}
	w.run(time.Second)
	w.inOrder(0, 200)
}

// TestNewestIsNotGivenUp: after an outage the path may be one of TCP's, where nothing is
// repaired. What was written last tells QUIC of all before.
func TestNewestIsNotGivenUp(t *testing.T) {
	w := newWires(t, 0)
	m := w.ends[0]
	w.write(0, 20, 1200)
	w.run(3 * time.Millisecond)
	w.lose = func(int, []byte) bool { return true }
	w.write(0, 5, 1200)
	w.write(0, 10, 30) // acknowledgements, which nobody answers
	w.run(10 * time.Second)
	m.Moved(w.now, false)
	bare := m.Step(w.now, nil).Bare
	var sizes []int
	for _, d := range bare {
		sizes = append(sizes, len(d))
	}
	if want := []int{1200, 1200, 30, 30, 30, 30, 30, 30}; !slices.Equal(sizes, want) {
		t.Errorf("datagrams of %v bytes leave without numbers, %v should", sizes, want)
	}
	if again := m.Step(w.now, nil).Bare; again != nil {
		t.Errorf("%d of them leave twice", len(again))
	}
	m.Moved(w.now, true)
	w.lose = func(int, []byte) bool { return false }
	w.write(0, 5, 1200)
	w.run(time.Second)
	m.Moved(w.now, false)
	if came := m.Step(w.now, nil).Bare; came != nil {
		t.Errorf("%d that came leave again", len(came))
	}
}

// TestAFewAtATimeAreNotSlow: a question and its answer, again and again, tell nothing of
// how much the path takes.
func TestAFewAtATimeAreNotSlow(t *testing.T) {
	w := newWires(t, 0.02)
	w.write(0, 2000, 1200)
	w.run(time.Second)
	for i := range 200 {
		w.sent = 0
		w.write(0, 6, 1200)
		if w.run(5 * time.Millisecond); w.sent < 6 {
			t.Fatalf("time %d: %d of 6 datagrams left within 5 ms", i, w.sent)
		}
		w.run(100 * time.Millisecond)
	}
}

// TestSpareIsUsedWhereMuchIsLost: what is under way leaves a second time when nothing else
// is to be sent, and only then.
func TestSpareIsUsedWhereMuchIsLost(t *testing.T) {
	for _, c := range []struct {
		loss, least, most float64 // packets for a datagram
	}{{0, 1, 1.1}, {0.02, 1, 1.1}, {0.2, 2.3, 3.2}} {
		w := newWires(t, c.loss)
		w.write(0, 500, 1200)
		w.run(5 * time.Second)
		w.sent = 0
		var took time.Duration
		for range 200 {
			w.got[1] = nil
			w.write(0, 1, 1200)
			start := w.now
			for len(w.got[1]) == 0 {
				w.run(time.Millisecond)
			}
			took += w.now.Sub(start)
			w.run(200 * time.Millisecond)
		}
		if n := float64(w.sent)/200 - 1; n < c.least || n > c.most { // and a report
			t.Errorf("of a path that loses %g: %.2f packets for a datagram alone", c.loss, n)
		}
		t.Logf("%g is lost: %.2f packets for one alone, which took %s", c.loss, float64(w.sent)/200-1, took/200)
	}
}

// TestHandshakeIsNoBulk: a connection that begins beside a flow leaves that one as it is.
func TestHandshakeIsNoBulk(t *testing.T) {
	for _, c := range []struct {
		first byte
		bulk  bool
	}{{0xc0, false}, {wire.FixedBit, true}} {
		w := newWires(t, 0)
		d := make([]byte, 1200)
		d[0] = c.first
		w.ends[0].Write(w.now, d, 0)
		w.run(100 * time.Millisecond)
		for i, m := range w.ends {
			if m.Busy(w.now) != c.bulk {
				t.Errorf("first byte %#x: end %d is busy: %v", c.first, i, !c.bulk)
			}
		}
	}
}

func TestIdleIsSilent(t *testing.T) {
	w := newWires(t, 0.1)
	w.write(1, 500, 1200)
	w.run(10 * time.Second)
	w.inOrder(0, 500)
	sent := w.sent
	if next := w.step(); !next.IsZero() {
		t.Errorf("asks to be woken at %s though nothing is under way", next)
	}
	w.run(24 * time.Hour)
	if w.sent != sent {
		t.Errorf("%d packets in a day in which nothing was written", w.sent-sent)
	}
}

// TestPathTooNarrowIsGivenUp: datagrams pass, and with their numbers they do not.
func TestPathTooNarrowIsGivenUp(t *testing.T) {
	w := newWires(t, 0)
	w.lose = func(_ int, b []byte) bool { return len(b) > 1213 }
	w.write(0, 2, 1200)
	w.write(1, 2, 1200)
	for range 40 { // a busy flow's knocks are answered
		w.run(100 * time.Millisecond)
		for _, m := range w.ends {
			m.Alive(w.now)
		}
	}
	for i, m := range w.ends {
		if m.Carries(w.now) {
			t.Errorf("end %d still adds numbers", i)
		}
	}
	w.lose = func(int, []byte) bool { return false }
	for _, m := range w.ends {
		m.Moved(w.now, true)
	}
	w.write(1, 100, 1200)
	w.run(time.Second)
	w.inOrder(0, 100)
}

// TestAcknowledgementsLeaveTogether: one for every second datagram of bulk would be
// thousands of calls a second at both ends. What may hold a key does not wait.
func TestAcknowledgementsLeaveTogether(t *testing.T) {
	w := newWires(t, 0)
	w.write(1, 20, 1200)
	w.run(100 * time.Millisecond)
	m, room := w.ends[0], make([]byte, 0, TrainMax)
	datagram := func(size int) []byte { return append([]byte{wire.FixedBit}, make([]byte, size-1)...) }
	for i := range 3 {
		if due := m.Write(w.now, datagram(30), 0); due != (i == 0) {
			t.Errorf("acknowledgement %d is due: %v", i, due)
		}
		if e := m.Step(w.now, room); len(e.Train) > 0 || e.Next != w.now.Add(rest) {
			t.Fatalf("%d bytes leave, the rest at %s", len(e.Train), e.Next)
		}
	}
	if e := m.Step(w.now.Add(rest), room); len(e.Train) != 3*e.Segment {
		t.Errorf("%d bytes leave, in packets of %d", len(e.Train), e.Segment)
	}
	m.Write(w.now, datagram(30), 0)
	if due := m.Write(w.now, datagram(100), 0); !due {
		t.Error("a key waits")
	}
	if e := m.Step(w.now.Add(rest), room); len(e.Train) == 0 {
		t.Error("a key waits for more")
	}
}

func TestStreamsAreLeftAlone(t *testing.T) {
	w := newWires(t, 0)
	w.write(1, 100, 1200)
	w.ends[1].Moved(w.now, false)
	sent := w.sent
	if w.run(time.Minute); w.ends[1].Carries(w.now) || w.sent > sent+3 {
		t.Errorf("%d packets over a path that loses nothing", w.sent-sent)
	}
}

// TestLateReceiverIsNotFlooded: a process that was not let run finds hundreds of
// datagrams in its socket, and QUIC keeps 256.
func TestLateReceiverIsNotFlooded(t *testing.T) {
	w := newWires(t, 0)
	d := make([]byte, 1200)
	d[0] = wire.FixedBit
	for n := range uint64(600) {
		binary.BigEndian.PutUint32(d[1:], uint32(n))
		w.ends[0].Take(w.now, w.codecs[1].AppendNumbered(nil, n+1, leap+n, d))
	}
	for had := 0; len(w.got[0]) < 600; had = len(w.got[0]) {
		if n := len(w.got[0]) - had; n > gulp {
			t.Fatalf("%d datagrams were handed on at once", n)
		}
		next := w.ends[0].Step(w.now, nil).Next
		if next.IsZero() && len(w.got[0]) < 600 || next.Sub(w.now) > 2*gulpTime {
			t.Fatalf("%d of 600 were handed on, and the rest waits until %s", len(w.got[0]), next)
		}
		w.now = next
	}
	w.inOrder(0, 600)
}

// TestStrangersChangeNothing: whoever has no key can send what he likes, and what he
// saw, as often as he likes.
func TestStrangersChangeNothing(t *testing.T) {
	w := newWires(t, 0.05)
	var seen [2][][]byte // by receiver
	lossy := w.lose
	w.lose = func(from int, b []byte) bool {
		seen[1-from] = append(seen[1-from], slices.Clone(b))
		return lossy(from, b)
	}
	w.write(1, 12, 420)
	w.write(0, 4, 60)
	w.run(5 * time.Second)
	w.flying = nil
	state := func(i int) string {
		m := *w.ends[i]
		m.heard = wire.Report{}
		return fmt.Sprintf("%+v", m)
	}
	for i, m := range w.ends {
		before, got := state(i), len(w.got[i])
		try := func(what string, b []byte) {
			t.Helper()
			if m.Take(w.now, b) || state(i) != before || len(w.got[i]) != got {
				t.Fatalf("end %d: %s changed something", i, what)
			}
		}
		for _, b := range seen[i] {
			if b[0] == 0x11 {
				try("a replayed report", b)
			}
			if b[0] == 0x10 && slices.ContainsFunc(w.got[i], func(d []byte) bool { return slices.Equal(d, b[13:len(b)-12]) }) {
				if tx := binary.BigEndian.Uint64(append([]byte{0, 0}, b[1:7]...)); slices.ContainsFunc(m.in.spans, func(s wire.Span) bool { return s.First <= tx && tx <= s.Last }) {
					try("a replayed datagram", b)
				}
			}
			for bit := 0; bit < 8*len(b); bit += 5 {
				forged := slices.Clone(b)
				forged[bit/8] ^= 1 << (bit % 8)
				try("a changed bit", forged)
			}
			try("a cut packet", b[:len(b)-1])
			try("a longer packet", append(slices.Clone(b), 0))
		}
		for _, b := range seen[1-i] {
			try("a reflected packet", b)
		}
		for n := range 40 {
			try("zeros", make([]byte, n))
			try("a bare head", append([]byte{0x10}, make([]byte, n)...))
			try("a bare report", append([]byte{0x11}, make([]byte, n)...))
		}
	}
}

// TestPeerCannotFillMemory: the other end has the keys, and may be anybody's program.
func TestPeerCannotFillMemory(t *testing.T) {
	w := newWires(t, 0)
	d := make([]byte, 1400)
	d[0] = wire.FixedBit
	for n := uint64(1); n < 60e3; n++ {
		w.ends[0].Take(w.now, w.codecs[1].AppendNumbered(nil, 3*n, leap+2*n, d)) // gaps everywhere
		if in := &w.ends[0].in; in.size > maxHeld+2000 || len(in.spans) > maxSpans {
			t.Fatalf("%d bytes are held, and %d spans", in.size, len(in.spans))
		}
	}
	if late := len(w.ends[0].late); late > thinMost {
		t.Errorf("%d datagrams wait", late)
	}
}

// TestPeerCannotLeaveLargeGaps: each that is passed over costs time.
func TestPeerCannotLeaveLargeGaps(t *testing.T) {
	w := newWires(t, 0)
	for n := range uint64(50) {
		w.ends[0].Take(w.now, w.codecs[1].AppendNumbered(nil, n+1, leap+n*(leap/2-1), []byte{wire.FixedBit}))
		if in := &w.ends[0].in; len(in.held) > 2 {
			t.Fatalf("%d datagrams wait, of orders up to %d beyond the first missing", len(in.held), in.end-in.front)
		}
	}
}

// FuzzPeer seals whatever it likes.
func FuzzPeer(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10})
	f.Fuzz(func(t *testing.T, script []byte) {
		w := newWires(t, 0)
		w.write(0, 20, 1200)
		w.step()
		next := func() uint64 {
			if len(script) == 0 {
				return 0
			}
			v := uint64(script[0])
			script = script[1:]
			if v >= 250 {
				v = 1<<(8*(v-249)) - 1
			}
			return v
		}
		for len(script) > 0 {
			switch next() % 3 {
			case 0:
				w.ends[0].Take(w.now, w.codecs[1].AppendNumbered(nil, next(), next(), []byte{wire.FixedBit, 1, 2, 3, 4, 5, 6, 7, 8}))
			case 1:
				r := wire.Report{Number: next(), Down: next()%2 == 1, Bytes: next(), Last: next(), Stamp: time.Duration(next()), Delay: time.Duration(next())}
				for range next() % 8 {
					r.Spans = append(r.Spans, wire.Span{First: next(), Last: next()})
				}
				w.ends[0].Take(w.now, w.codecs[1].SealReport(&r))
			default:
				w.run(time.Duration(next()) * time.Millisecond)
			}
		}
		w.run(time.Minute)
	})
}

// TestFastLossyPathGoesOn: what was lost is remembered for more than a second, in which
// a gigabit has more transmissions than are remembered.
func TestFastLossyPathGoesOn(t *testing.T) {
	codec := wire.NewClientRepair(secret)
	s := &sender{}
	s.init()
	b := make([]byte, 0, TrainMax)
	var r wire.Report
	for now, left := time.Hour, 3*maxFlight; left > 0 || len(s.queue) > 0; now += 20 * time.Microsecond {
		if now > time.Hour+time.Minute {
			t.Fatalf("stuck: %d wait, %d fly, %d are remembered", len(s.queue), s.flew, s.next-s.base)
		}
		for ; left > 0 && s.room() > 0; left-- {
			s.put(make([]byte, 1000))
		}
		first := s.next
		s.poll(now, b, TrainMax, codec)
		if s.next-first > 1 { // one of each train is lost
			r.Number++
			r.Bytes, r.Stamp, r.Last = r.Bytes+1100*(s.next-first-1), now, s.next-1
			r.Spans = []wire.Span{{First: first + 1, Last: s.next - 1}}
			s.heard(now+10*time.Microsecond, &r)
		}
	}
}
