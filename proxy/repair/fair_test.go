package repair

import (
	"container/heap"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"tssh/proxy/wire"
)

// world is a bottleneck that flows share, in a time of its own.
type world struct {
	now    time.Duration // since begin
	events events
	order  int
	random *rand.Rand

	rate  float64       // bytes a second
	queue time.Duration // that waits at most
	trip  time.Duration // of all the rest
	noise time.Duration // a deviation more, order kept
	loss  float64       // of what has passed the queue
	free  time.Duration // when the bottleneck is
	late  time.Duration // that an end is kept from running, in the mean, half of the time
	dark  time.Duration // that each way loses all, in the mean, a twentieth of the time
	until [2]time.Duration
	lost  [2]bool // until then

	last    time.Duration
	stood   []time.Duration // what waited, when something came
	dropped int
}

var begin = time.Unix(1e9, 0)

type event struct {
	at    time.Duration
	order int
	do    func()
}

type events []event

func (e events) Len() int      { return len(e) }
func (e events) Swap(i, j int) { e[i], e[j] = e[j], e[i] }
func (e *events) Push(x any)   { *e = append(*e, x.(event)) }
func (e *events) Pop() any {
	last := (*e)[len(*e)-1]
	*e = (*e)[:len(*e)-1]
	return last
}
func (e events) Less(i, j int) bool {
	return e[i].at < e[j].at || e[i].at == e[j].at && e[i].order < e[j].order
}

func (w *world) at(t time.Duration, do func()) {
	w.order++
	heap.Push(&w.events, event{max(t, w.now), w.order, do})
}

func (w *world) run(until time.Duration) {
	for len(w.events) > 0 && w.events[0].at <= until {
		e := heap.Pop(&w.events).(event)
		w.now = e.at
		e.do()
	}
	w.now = until
}

// passes reports whether a way loses nothing now, the one of data or that of reports.
func (w *world) passes(way int) bool {
	if w.dark == 0 {
		return true
	}
	for w.now >= w.until[way] {
		w.lost[way] = !w.lost[way]
		mean := float64(w.dark)
		if !w.lost[way] {
			mean *= 19
		}
		w.until[way] += time.Duration(w.random.ExpFloat64() * mean)
	}
	return !w.lost[way]
}

// send takes a packet of size bytes through the bottleneck, if it has room.
func (w *world) send(size int, arrived func()) {
	wait := max(0, w.free-w.now)
	w.stood = append(w.stood, wait)
	if wait+time.Duration(float64(size)/w.rate*1e9) > w.queue {
		w.dropped++
		return
	}
	w.free = w.now + wait + time.Duration(float64(size)/w.rate*1e9)
	if w.random.Float64() < w.loss || !w.passes(0) {
		return
	}
	t := w.free + w.trip/2
	if w.noise > 0 {
		t += time.Duration(min(math.Abs(w.random.NormFloat64()), 4) * float64(w.noise))
	}
	w.last = max(w.last, t)
	w.at(w.last, arrived)
}

// flow is something that always has more to send.
type flow interface{ got() int }

// linked is a pair of Machines.
type linked struct {
	w     *world
	ends  [2]*Machine // of the sender, of the receiver
	naps  [2]nap
	train []byte
	wake  [2]time.Duration
	bytes int
	data  [1200]byte
}

func (f *linked) got() int { return f.bytes }

// nap is a process that others on its machine keep from running at times.
type nap struct{ from, to time.Duration }

// when returns when the end can do what is due at t.
func (f *linked) when(i int, t time.Duration) time.Duration {
	if f.w.late == 0 {
		return t
	}
	n := &f.naps[i]
	for t > n.to {
		n.from = n.to + time.Duration(f.w.random.Float64()*float64(f.w.late))
		n.to = n.from + time.Duration(f.w.random.Float64()*float64(2*f.w.late))
	}
	if t > n.from {
		return n.to
	}
	return t
}

func newLinked(w *world) *linked {
	f := &linked{w: w, train: make([]byte, 0, TrainMax)}
	f.data[0] = wire.FixedBit
	f.ends[0] = New(wire.NewServerRepair(secret), begin, func([]byte) {})
	f.ends[1] = New(wire.NewClientRepair(secret), begin, func(b []byte) { f.bytes += len(b) })
	w.at(w.now, func() { f.step(0) })
	return f
}

// take lets an end have a packet, now or as soon as it runs.
func (f *linked) take(i int, b []byte) {
	f.w.at(f.when(i, f.w.now), func() {
		f.ends[i].Take(begin.Add(f.w.now), b)
		f.step(i)
	})
}

func (f *linked) step(i int) {
	now := begin.Add(f.w.now)
	for {
		for i == 0 && !f.ends[0].Full() {
			f.ends[0].Write(now, f.data[:], 0)
		}
		e := f.ends[i].Step(now, f.train[:0])
		for b := slices.Clone(e.Train); len(b) > 0; b = b[min(len(b), e.Segment):] {
			d := b[:min(len(b), e.Segment)]
			f.w.send(len(d)+overhead, func() { f.take(1, d) })
		}
		if e.Report != nil && f.w.passes(1) {
			f.w.at(f.w.now+f.w.trip/2, func() { f.take(0, e.Report) })
		}
		if len(e.Train) > 0 {
			continue
		}
		if e.Next.IsZero() {
			return
		}
		next := max(e.Next.Sub(begin), f.w.now+50*time.Microsecond)
		if f.wake[i] > f.w.now && f.wake[i] <= next {
			return
		}
		f.wake[i] = next
		f.w.at(f.when(i, next), func() {
			if f.wake[i] == next {
				f.step(i)
			}
		})
		return
	}
}

// reno is a flow of TCP's kind: it takes each loss for a full queue.
type reno struct {
	w       *world
	cubic   bool
	bytes   int
	window  float64 // packets
	slow    float64 // the end of slow start
	most    float64 // the window at the last loss
	lostAt  time.Duration
	next    int
	acked   map[int]bool
	base    int // all before were acked, or given up
	high    int // above the highest acked
	recover int // until this is acked, a loss is of the same event
	heardAt time.Duration
}

const renoSize = 1500

func (f *reno) got() int { return f.bytes }

func newReno(w *world, cubic bool) *reno {
	f := &reno{w: w, cubic: cubic, window: 10, slow: math.Inf(1), acked: make(map[int]bool)}
	w.at(w.now, f.pump)
	w.at(w.now, f.watch)
	return f
}

func (f *reno) flying() int { return f.next - f.base - len(f.acked) }

func (f *reno) pump() {
	for float64(f.flying()) < f.window {
		n := f.next
		f.next++
		f.w.send(renoSize, func() {
			f.bytes += renoSize
			f.w.at(f.w.now+f.w.trip/2, func() { f.ack(n) })
		})
	}
}

// watch is the timeout.
func (f *reno) watch() {
	if f.w.now-f.heardAt > time.Second {
		f.slow, f.window = max(2, f.window/2), 2
		clear(f.acked)
		f.base, f.recover, f.heardAt = f.next, f.next, f.w.now
		f.pump()
	}
	f.w.at(f.w.now+200*time.Millisecond, f.watch)
}

func (f *reno) ack(n int) {
	f.heardAt = f.w.now
	if n < f.base {
		return
	}
	f.acked[n] = true
	f.high = max(f.high, n+1)
	for f.base < f.high {
		if f.acked[f.base] {
			delete(f.acked, f.base)
		} else if f.base+3 < f.high { // lost
			if f.base >= f.recover {
				f.recover, f.lostAt, f.most = f.next, f.w.now, f.window
				f.window *= 0.5
				if f.cubic {
					f.window *= 1.4
				}
				f.window = max(f.window, 2)
				f.slow = f.window
			}
		} else {
			break
		}
		f.base++
	}
	switch {
	case f.window < f.slow:
		f.window++
	case f.cubic:
		t := (f.w.now - f.lostAt + f.w.trip).Seconds()
		k := math.Cbrt(f.most * 0.3 / 0.4)
		target := 0.4*math.Pow(t-k, 3) + f.most
		friendly := f.most*0.7 + 3*0.3/1.7*(f.w.now-f.lostAt).Seconds()/f.w.trip.Seconds()
		f.window += max(0, min(max(target, friendly)-f.window, f.window/2)) / f.window
	default:
		f.window += 1 / f.window
	}
	f.pump()
}

func newWorld(mbit float64, trip time.Duration, bdps float64) *world {
	return &world{random: rand.New(rand.NewPCG(1, 1)), rate: mbit * 1e6 / 8, trip: trip, queue: time.Duration(bdps * float64(trip))}
}

func shares(w *world, length time.Duration, flows ...flow) (mbit []float64) {
	var before []int
	for _, f := range flows {
		before = append(before, f.got())
	}
	w.stood = w.stood[:0]
	w.run(w.now + length)
	for i, f := range flows {
		mbit = append(mbit, float64(f.got()-before[i])*8/1e6/length.Seconds())
	}
	return mbit
}

func (w *world) standing() (mean time.Duration) {
	for _, d := range w.stood {
		mean += d
	}
	return mean / time.Duration(max(1, len(w.stood)))
}

// TestOthersKeepTheirShare: flows that take each loss for a full queue get a third of
// their fair share at least, and leave as much.
func TestOthersKeepTheirShare(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED with -short: minutes under the race detector")
	}
	for _, bdps := range []float64{0.5, 1, 2.5} {
		for _, cubic := range []bool{false, true} {
			t.Run(fmt.Sprintf("%g BDP cubic %v", bdps, cubic), func(t *testing.T) {
				t.Parallel()
				w := newWorld(30, 40*time.Millisecond, bdps)
				link := newLinked(w)
				w.run(3 * time.Second)
				x := shares(w, 40*time.Second, link, newReno(w, cubic))
				t.Logf("the link %.1f, the other %.1f Mbit/s", x[0], x[1])
				if min(x[0], x[1]) < 30./6 || x[0]+x[1] < 25 {
					t.Errorf("the link takes %.1f of 30 Mbit/s, the other %.1f", x[0], x[1])
				}
			})
		}
	}
}

func TestLinksShare(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED with -short: minutes under the race detector")
	}
	for _, bdps := range []float64{0.5, 1, 2.5} {
		t.Run(fmt.Sprintf("%g BDP", bdps), func(t *testing.T) {
			t.Parallel()
			w := newWorld(30, 40*time.Millisecond, bdps)
			first := newLinked(w)
			w.run(3 * time.Second)
			x := shares(w, 40*time.Second, first, newLinked(w))
			t.Logf("%.1f, %.1f Mbit/s", x[0], x[1])
			if min(x[0], x[1]) < 10 {
				t.Errorf("the first takes %.1f of 30 Mbit/s, the second %.1f", x[0], x[1])
			}
		})
	}
}

// TestLossIsNoQueue: a path that loses is filled, without a queue that others would
// wait in, and one that does not is not overrun.
func TestLossIsNoQueue(t *testing.T) {
	for _, p := range []struct {
		name  string
		mbit  float64
		trip  time.Duration
		noise time.Duration
		loss  float64
		queue time.Duration
		want  float64
	}{
		{"lossy", 30, 40 * time.Millisecond, 5 * time.Millisecond, 0.02, 100 * time.Millisecond, 26},
		{"lossy and short", 30, 40 * time.Millisecond, 0, 0.02, 20 * time.Millisecond, 24},
		{"very lossy", 5, 300 * time.Millisecond, 0, 0.2, 300 * time.Millisecond, 3},
		{"clean", 30, 40 * time.Millisecond, 0, 0, 100 * time.Millisecond, 27},
		{"short", 30, 40 * time.Millisecond, 0, 0, 10 * time.Millisecond, 25},
		{"long", 20, 200 * time.Millisecond, 0, 0, 200 * time.Millisecond, 18},
	} {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(p.mbit, p.trip, 1)
			w.loss, w.queue, w.noise = p.loss, p.queue, p.noise
			link := newLinked(w)
			w.run(8 * time.Second)
			w.dropped = 0
			x := shares(w, 15*time.Second, link)
			stands := w.standing()
			t.Logf("%.1f Mbit/s, a queue of %s, %d of %d dropped", x[0], stands, w.dropped, len(w.stood))
			if x[0] < p.want {
				t.Errorf("%.1f Mbit/s, want %g", x[0], p.want)
			}
			if most := 10*time.Millisecond + p.trip/8 + p.noise; stands > most && p.loss < 0.1 {
				t.Errorf("a queue of %s stands, want %s at most", stands, most)
			}
			if w.dropped*100 > len(w.stood) {
				t.Errorf("%d of %d packets met a full queue", w.dropped, len(w.stood))
			}
		})
	}
}

// TestOutagesAreNoQueue: short outages of either way cost a path what they last, and what
// is under way during one is not bounded for it.
func TestOutagesAreNoQueue(t *testing.T) {
	const worlds = 12
	sum, bounded := 0.0, 0
	for seed := range uint64(worlds) {
		w := newWorld(20, 120*time.Millisecond, 2.5)
		w.random = rand.New(rand.NewPCG(seed, seed))
		w.noise, w.dark = 15*time.Millisecond, 100*time.Millisecond
		link := newLinked(w)
		w.run(8 * time.Second)
		sum += shares(w, 15*time.Second, link)[0]
		if !math.IsInf(link.ends[0].out.model.limit.most, 1) {
			bounded++
		}
	}
	t.Logf("%.1f Mbit/s in the mean, %d of %d bounded", sum/worlds, bounded, worlds)
	if sum/worlds < 17 || bounded > worlds/3 {
		t.Errorf("%.1f of 20 Mbit/s in the mean, where 18.5 pass; %d of %d are bounded", sum/worlds, bounded, worlds)
	}
}

// TestLateMachineKeepsItsRate: what was not sent because others kept the process from
// running is sent then. Else it would count for less of a path, which is sent less, and
// so on.
func TestLateMachineKeepsItsRate(t *testing.T) {
	for _, late := range []time.Duration{2 * time.Millisecond, 5 * time.Millisecond} {
		t.Run(late.String(), func(t *testing.T) {
			t.Parallel()
			w := newWorld(50, 30*time.Millisecond, 2)
			w.late = late
			link := newLinked(w)
			w.run(3 * time.Second)
			if x := shares(w, 8*time.Second, link); x[0] < 40 {
				t.Errorf("%.1f of 50 Mbit/s between ends that run half of the time", x[0])
			} else {
				t.Logf("%.1f Mbit/s, a queue of %s", x[0], w.standing())
			}
		})
	}
}
