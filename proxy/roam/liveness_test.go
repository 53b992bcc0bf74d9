package roam

import (
	"testing"
	"time"
)

var epoch = time.Unix(1e9, 0)

func TestHeartMaxBeatsDown(t *testing.T) {
	for _, c := range []struct{ idle, want time.Duration }{
		{0, time.Second}, {2 * time.Second, time.Second}, {10 * time.Second, 5 * time.Second}, {time.Hour, MaxBeat},
	} {
		p := liveness{active: epoch, last: epoch.Add(c.idle)}
		if got := p.beat(); got != c.want {
			t.Errorf("after %s: the next after %s, want %s", c.idle, got, c.want)
		}
	}
}

// TestIdleWakesOnceAKnock counts how often an idle client looks at its clock: each
// time costs a phone as much as a knock.
func TestIdleWakesOnceAKnock(t *testing.T) {
	p := liveness{active: epoch, last: epoch}
	on := &Path{}
	now, knocks, looks := epoch, uint64(0), 0
	for now.Sub(epoch) < time.Minute {
		looks++
		act, next := p.due(now)
		if act != nothing {
			knocks++
			p.repeating(now, act)
			p.knocked(now, knocks, on, true)
			p.answered(now.Add(time.Millisecond), knocks, on)
			_, next = p.due(now.Add(time.Millisecond))
		}
		now = next
	}
	if knocks > 10 || looks > int(knocks)+1 {
		t.Errorf("%d knocks and %d looks in a minute", knocks, looks)
	}
}

// probes runs p without any answer for that long and returns when it knocked.
func probes(p *liveness, silence time.Duration) (times []time.Duration) {
	on := &Path{}
	p.knocked(epoch, 1, on, true)
	for now, n := epoch, uint64(2); ; n++ {
		act, next := p.due(now)
		if act != nothing {
			p.repeating(now, act)
			p.beforeKnock(now)
			p.knocked(now, n, on, true)
			times = append(times, now.Sub(epoch))
			_, next = p.due(now)
		}
		if !next.After(now) {
			panic("the next step is due before this one")
		}
		if now = next; now.Sub(epoch) > silence {
			return times
		}
	}
}

func TestProbesOfALongOutageGrowRare(t *testing.T) {
	p := liveness{srtt: 30 * time.Millisecond, rttvar: time.Millisecond}
	times := probes(&p, 10*time.Hour)
	if first := times[0]; first > 50*time.Millisecond {
		t.Errorf("the first repetition after %s", first)
	}
	count := func(from, to time.Duration) (n int) {
		for _, at := range times {
			if from <= at && at < to {
				n++
			}
		}
		return n
	}
	for _, c := range []struct {
		from, to time.Duration
		most     int
		least    int
	}{
		{0, time.Second, 12, 9}, {time.Second, time.Minute, 600, 580}, {10 * time.Minute, 11 * time.Minute, 61, 59},
		{2 * time.Hour, 3 * time.Hour, 721, 719},
	} {
		if n := count(c.from, c.to); n > c.most || n < c.least {
			t.Errorf("%d probes between %s and %s, want %d to %d", n, c.from, c.to, c.least, c.most)
		}
	}
	if p.generation != 1 {
		t.Errorf("generation %d after one outage", p.generation)
	}
}

func TestSilenceCountsFromTheOldestQuestion(t *testing.T) {
	on := &Path{}
	p := liveness{srtt: 30 * time.Millisecond, heard: epoch}
	now := epoch.Add(time.Hour) // of idleness
	if p.trouble(now) || p.silence(now) != 0 {
		t.Error("idleness is taken for silence")
	}
	p.knocked(now, 1, on, true)
	p.knocked(now.Add(10*time.Millisecond), 2, on, true)
	later := now.Add(35 * time.Millisecond)
	if _, ok := p.answered(later, 1, on); !ok || p.silence(later) != 25*time.Millisecond {
		t.Errorf("after the first answer: silent for %s", p.silence(later))
	}
	if _, ok := p.answered(later, 2, on); !ok || p.silence(later) != 0 {
		t.Errorf("after both answers: silent for %s", p.silence(later))
	}
	if _, ok := p.answered(later, 2, on); ok {
		t.Error("an answer was taken twice")
	}
}

func TestAnswersKeptByAnOutageAreNoRoundTrips(t *testing.T) {
	var p liveness
	on := &Path{}
	for n := range uint64(10) { // in a connection, which delivers all of them at last
		p.knocked(epoch.Add(time.Duration(n)*probeFirst), n, on, true)
	}
	now := epoch.Add(time.Minute)
	for n := range uint64(10) {
		p.answered(now, n, on)
	}
	p.knocked(now, 10, on, true)
	p.answered(now.Add(30*time.Millisecond), 10, on)
	if p.rto() > 100*time.Millisecond {
		t.Errorf("with a round trip of 30 ms the next answer is overdue after %s", p.rto())
	}
}

// In an outage every path is asked, again and again. Who answers after a second
// must not be taken for a stranger.
func TestLateAnswersAreKnown(t *testing.T) {
	paths := make([]Path, 7)
	var p liveness
	n := uint64(0)
	for at := time.Duration(0); at < time.Second; at += typedSpacing {
		for i := range paths {
			n++
			p.knocked(epoch.Add(at), n, &paths[i], i == 0)
		}
	}
	if _, ok := p.answered(epoch.Add(time.Second), 1, &paths[0]); !ok {
		t.Errorf("after %d knocks the first one is forgotten", n)
	}
}

func TestLossIsMeasured(t *testing.T) {
	on := &Path{}
	p := liveness{}
	now := epoch
	for n := uint64(1); n < 2000; n++ {
		p.knocked(now, n, on, true)
		now = now.Add(20 * time.Millisecond)
		if n%5 != 0 {
			p.answered(now, n, on)
		}
	}
	if p.loss < 0.1 || p.loss > 0.3 {
		t.Errorf("loss %.2f where one of five was lost", p.loss)
	}
}

func TestLossCountsOnAfterAMove(t *testing.T) {
	from, to := new(Path), new(Path)
	p := liveness{heard: epoch}
	for i := range 40 {
		p.sample(float64(i % 2))
	}
	p.knocked(epoch, 1, from, true)
	p.move(epoch.Add(time.Second), asked{sequence: 1, at: epoch, on: to})
	if p.loss < 0.4 {
		t.Errorf("loss %.2f after a move, 0.5 before", p.loss)
	}
	for range 2 * lossKept {
		p.sample(0)
	}
	if p.loss > 0.2 {
		t.Errorf("loss %.2f on a path that loses nothing", p.loss)
	}
}
