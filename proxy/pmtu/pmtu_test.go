package pmtu

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"tssh/proxy/wire"
)

const size = 1452

// sender is a transport and its path, in a time of its own.
type sender struct {
	Machine
	now    time.Time
	probes []uint64
}

func settled() *sender {
	s := &sender{now: time.Unix(1e9, 0)}
	s.write(size)
	s.write(size)
	return s
}

// write writes a datagram every 10 ms of what follows.
func (s *sender) write(size int) Verdict {
	s.now = s.now.Add(10 * time.Millisecond)
	v := s.Write(s.now, size, false)
	if v.Probe != 0 {
		s.probes = append(s.probes, v.Probe)
	}
	return v
}

// pour writes for a time, and has probes answered or not. It returns how many
// datagrams went in halves, and how many probes were sent.
func (s *sender) pour(d time.Duration, answers bool) (halves, probes int) {
	for end := s.now.Add(d); s.now.Before(end); {
		v := s.write(size)
		if v.Halve {
			halves++
		}
		if v.Probe != 0 {
			probes++
			if answers {
				s.Passed(s.now, v.Probe)
			}
		}
	}
	return halves, probes
}

func TestSmallDatagramsAreNoBusinessOfIts(t *testing.T) {
	s := settled()
	s.Moved()
	for range 1000 {
		if v := s.write(wire.Sure); v != (Verdict{}) {
			t.Fatalf("%+v", v)
		}
	}
}

func TestDiscoveryGoesAloneAndWhole(t *testing.T) {
	s := &sender{now: time.Unix(1e9, 0)}
	for _, n := range []int{1326, 1389, 1420, 1436} {
		if v := s.write(n); v != (Verdict{}) {
			t.Errorf("%d bytes: %+v", n, v)
		}
	}
	s.Moved() // nothing of it is in use: QUIC goes on looking
	if v := s.write(1444); v != (Verdict{}) {
		t.Errorf("after a move: %+v", v)
	}
}

func TestWhatArrivesGoesWhole(t *testing.T) {
	s := settled()
	if halves, probes := s.pour(time.Minute, true); halves > 0 || probes < 100 || probes > 125 {
		t.Errorf("%d in halves, %d probes in a minute", halves, probes)
	}
}

func TestHoleIsFound(t *testing.T) {
	s := settled()
	s.pour(5*time.Second, true)
	if halves, _ := s.pour(holeAfter, false); halves > 0 {
		t.Errorf("%d in halves at once", halves)
	}
	if s.pour(checkEvery, false); !s.write(size).Halve {
		t.Error("large datagrams go on to vanish")
	}
	if _, probes := s.pour(time.Minute, false); probes > 15 {
		t.Errorf("%d probes in a minute", probes)
	}
	if halves, _ := s.pour(lastAgain+time.Second, true); halves == 0 || s.write(size).Halve {
		t.Error("no way back to whole ones")
	}
}

// TestHoleIsFoundByFew: QUIC sends ever less into a hole, and twice as late each time.
func TestHoleIsFoundByFew(t *testing.T) {
	s := settled()
	s.pour(5*time.Second, true)
	start := s.now
	for pto := 100 * time.Millisecond; !s.write(size).Halve; pto *= 2 {
		s.now = s.now.Add(pto)
	}
	if took := s.now.Sub(start); took > 2*time.Second {
		t.Errorf("seen after %s", took)
	}
}

// TestLateAnswersAreNoHole: a path with seconds in its queue.
func TestLateAnswersAreNoHole(t *testing.T) {
	s := settled()
	type answer struct {
		number uint64
		at     time.Time
	}
	var air []answer
	halves := 0
	for range 60 * 100 {
		v := s.write(size)
		if v.Halve {
			halves++
		}
		if v.Probe != 0 {
			air = append(air, answer{v.Probe, s.now.Add(1800 * time.Millisecond)})
		}
		for len(air) > 0 && !s.now.Before(air[0].at) {
			s.Passed(s.now, air[0].number)
			air = air[1:]
		}
	}
	if halves > 6*100 {
		t.Errorf("%d of 6000 in halves", halves)
	}
}

// TestPauseIsNoHole leaves a lost probe behind, and comes back an hour later: one answer
// is enough.
func TestPauseIsNoHole(t *testing.T) {
	s := settled()
	if s.pour(checkEvery+100*time.Millisecond, false); len(s.probes) == 0 {
		t.Fatal("no probes")
	}
	s.now = s.now.Add(time.Hour)
	v := s.write(size)
	if v.Probe == 0 {
		t.Fatal("nothing is asked")
	}
	if s.Passed(s.now, v.Probe); s.write(size).Halve {
		t.Error("a lost probe and a pause made a hole")
	}
}

func TestMoveIsProved(t *testing.T) {
	s := settled()
	s.pour(time.Second, true)
	v := s.write(size)
	for !v.Halve {
		s.Moved()
		v = s.write(size)
	}
	late := s.probes[len(s.probes)-1]
	if v.Probe == 0 || v.Size != size {
		t.Fatalf("no probe with the first one: %+v", v)
	}
	s.Moved()
	s.Passed(s.now, late) // of the path before
	if v = s.write(size); !v.Halve || v.Probe == 0 {
		t.Errorf("an answer of an earlier path counts: %+v", v)
	}
	s.Passed(s.now, v.Probe+1) // which was not asked
	if !s.write(size).Halve {
		t.Error("an answer without a question counts")
	}
	s.Passed(s.now, v.Probe)
	if s.write(size).Halve {
		t.Error("the answer changes nothing")
	}
}

// TestAnswerSaidAgainHidesNoHole: who can copy packets can't keep a hole from being seen.
func TestAnswerSaidAgainHidesNoHole(t *testing.T) {
	s := settled()
	s.pour(5*time.Second, true)
	old := s.probes[len(s.probes)-1]
	for range 300 {
		s.Passed(s.now, old)
		s.write(size)
	}
	if !s.write(size).Halve {
		t.Error("the hole is not seen")
	}
}

func TestLargerOnesFindNothingOutByHalves(t *testing.T) {
	s := &sender{now: time.Unix(1e9, 0)}
	s.write(1326)
	s.write(1326)
	s.Moved()
	if v := s.write(1326); !v.Halve {
		t.Fatalf("%+v", v)
	}
	if v := s.write(1389); !v.Drop || v.Halve {
		t.Errorf("QUIC would take a datagram in halves for one that passes: %+v", v)
	}
	s.Restart()
	if v := s.write(1263); v != (Verdict{}) {
		t.Errorf("QUIC's new search is not let alone: %+v", v)
	}
}

// cut makes the halves of a datagram as they arrive.
func cut(pair uint64, d []byte) [2]wire.Half {
	n := (len(d) + 1) / 2
	odd := len(d)%2 == 1
	return [2]wire.Half{{Pair: pair, Overlap: odd, Data: d[:n]}, {Pair: pair, Second: true, Overlap: odd, Data: d[len(d)-n:]}}
}

// TestEachDatagramIsJoinedOnce loses, repeats and reorders halves.
func TestEachDatagramIsJoinedOnce(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	var j Joiner
	type flying struct {
		h  wire.Half
		at int
	}
	var air []flying
	want, got := map[string]bool{}, map[string]int{}
	for i := range 5000 {
		d := make([]byte, 1233+random.IntN(220))
		for k := range d {
			d[k] = byte(random.Uint32())
		}
		lost := false
		for _, h := range cut(uint64(i+1), d) {
			if random.IntN(20) == 0 {
				lost = true
				continue
			}
			for range 1 + random.IntN(2) {
				air = append(air, flying{h, 2*i + random.IntN(30)})
			}
		}
		want[string(d)] = !lost
	}
	slices.SortStableFunc(air, func(a, b flying) int { return a.at - b.at })
	for _, f := range air {
		if d := j.Take(f.h); d != nil {
			got[string(d)]++
		}
	}
	for d, n := range got {
		if n != 1 || !want[d] {
			t.Fatalf("a datagram of %d bytes came out %d times; it was sent whole: %v", len(d), n, want[d])
		}
	}
	if len(got) < 4000 {
		t.Errorf("%d of 5000 came out", len(got))
	}
	if len(j.slots) != waiting {
		t.Errorf("%d wait", len(j.slots))
	}
}

func TestOldHalvesMakeNothing(t *testing.T) {
	var j Joiner
	a, b := cut(1, make([]byte, 1300)), cut(1+waiting, make([]byte, 1400))
	j.Take(a[0])
	j.Take(b[0])
	if j.Take(a[1]) != nil {
		t.Error("halves of different datagrams were joined")
	}
	if len(j.Take(b[1])) != 1400 || j.Take(b[0]) != nil || j.Take(b[1]) != nil {
		t.Error("a datagram came out not once")
	}
	if j.Take(wire.Half{Pair: 0, Second: true, Data: []byte("x")}) != nil {
		t.Error("there is no pair 0")
	}
}
