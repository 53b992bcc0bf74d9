package roam

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"tssh/proxy/wire"
)

const rtt = 40 * time.Millisecond

var servers = []netip.AddrPort{netip.MustParseAddrPort("192.0.2.1:61001"), netip.MustParseAddrPort("[2001:db8::1]:61001")}

// world runs a Machine against a network that is a function.
type world struct {
	*testing.T
	m        *Machine
	now      time.Time
	sequence uint64
	ports    int
	// answers tells whether the server answers a knock on p now; opens, whether a
	// stream can be opened.
	answers func(p *Path) bool
	opens   func(d Dial) bool

	due   []answer // in the order of their times
	dials []Dial
	sent  []Packet // that are no knocks
	knew  int      // knocks sent
	came  []time.Duration
	ended bool
}

type answer struct {
	at       time.Time
	sequence uint64
	from     netip.AddrPort
}

func newWorld(t *testing.T, kinds ...wire.Kind) *world {
	w := &world{T: t, now: epoch, answers: func(*Path) bool { return true }, opens: func(Dial) bool { return false }}
	w.m = New(Config{
		Kinds: kinds, Servers: servers, Resend: true, Heartbeat: 3 * time.Second, Alive: 24 * time.Hour,
		Seal: func(k *wire.Knock) []byte {
			w.sequence++
			k.Sequence = w.sequence
			return []byte{1}
		},
	}, epoch)
	if w.m.Allows(wire.UDP) {
		w.bind()
	}
	return w
}

func (w *world) bind() {
	w.ports++
	w.obey(w.m.Bound(w.now, w.ports))
}

func (w *world) obey(e Effects) {
	w.Helper()
	first := w.sequence
	for _, p := range e.Send {
		if wire.IsTransport(p.Data) {
			w.sent = append(w.sent, p)
		} else {
			w.knew++
		}
	}
	// The knocks of e are the last ones that were sealed.
	knock := first - uint64(len(e.Send)) + uint64(count(e.Send, func(p Packet) bool { return wire.IsTransport(p.Data) }))
	for _, p := range e.Send {
		if wire.IsTransport(p.Data) {
			continue
		}
		knock++
		w.knocked(knock, p.On)
	}
	if e.Returned {
		w.came = append(w.came, e.After)
	}
	for _, d := range e.Dial {
		w.dials = append(w.dials, d)
		if !w.opens(d) {
			w.m.Failed(d.Kind)
			continue
		}
		w.ports++
		_, e := w.m.Opened(w.now, d.Kind, servers[0], w.ports)
		w.obey(e)
	}
	for _, port := range e.Close {
		for _, p := range slices.Clone(w.m.paths) {
			if p.Port == port {
				w.obey(w.m.Ended(w.now, p))
			}
		}
	}
	if e.Listen {
		w.bind()
	}
}

func count[T any](list []T, is func(T) bool) (n int) {
	for _, x := range list {
		if is(x) {
			n++
		}
	}
	return n
}

func (w *world) knocked(sequence uint64, on *Path) {
	if w.answers(on) {
		w.due = append(w.due, answer{w.now.Add(rtt), sequence, on.Remote})
	}
}

// run lets time pass.
func (w *world) run(d time.Duration) {
	w.Helper()
	end := w.now.Add(d)
	for steps := 0; ; steps++ {
		if steps > 1e6 {
			w.Fatal("the machine does not rest")
		}
		e, next := w.m.Step(w.now)
		if next.IsZero() {
			w.ended = true
			return
		}
		w.obey(e)
		if _, next = w.m.Step(w.now); len(w.due) > 0 && w.due[0].at.Before(next) {
			next = w.due[0].at
		}
		if next.After(end) {
			w.now = end
			return
		}
		w.now = later(next, w.now.Add(time.Microsecond))
		for len(w.due) > 0 && !w.due[0].at.After(w.now) {
			a := w.due[0]
			w.due = w.due[1:]
			w.obey(w.m.Answered(w.now, wire.Ack{Knock: a.sequence}, a.from))
		}
	}
}

// write is a datagram of the transport's.
func (w *world) write(text string) Outgoing {
	o := w.m.Written(w.now, append([]byte{wire.FixedBit}, text...), 0)
	if o.Knock != nil {
		w.knocked(w.sequence, o.On)
	}
	return o
}

func (w *world) using() string {
	if p := w.m.Current(); p != nil {
		return p.String()
	}
	return "none"
}

func TestFirstAddressThatAnswersIsUsed(t *testing.T) {
	w := newWorld(t, wire.UDP)
	w.answers = func(p *Path) bool { return p.Remote == servers[1] }
	w.write("hello")
	w.run(time.Second)
	if got := w.using(); got != "UDP [2001:db8::1]:61001" {
		t.Errorf("the path in use is %s", got)
	}
}

func TestWhatWasTypedInAnOutageGoesOutAgain(t *testing.T) {
	w := newWorld(t, wire.UDP)
	w.write("hello")
	w.run(10 * time.Second)
	w.answers = func(*Path) bool { return false }
	w.write("lost")
	w.run(time.Minute)
	w.sent = nil
	w.answers = func(*Path) bool { return true }
	w.run(time.Second)
	if count(w.sent, func(p Packet) bool { return string(p.Data[1:]) == "lost" && p.On == w.m.Current() }) == 0 {
		t.Error("what was written in the outage was not sent again")
	}
	if len(w.came) != 1 || w.came[0] < 59*time.Second || w.came[0] > 62*time.Second {
		t.Errorf("contact came back after %v", w.came)
	}
}

func TestAnswerTwiceOrToNothingChangesNothing(t *testing.T) {
	w := newWorld(t, wire.UDP)
	w.write("hello")
	w.run(10 * time.Second)
	before := w.m.State(w.now)
	stranger := netip.MustParseAddrPort("203.0.113.9:1")
	for n := range w.sequence + 10 {
		if slices.ContainsFunc(w.m.liveness.flight, func(k asked) bool { return k.sequence == n }) {
			continue
		}
		e := w.m.Answered(w.now, wire.Ack{Knock: n, Challenge: 7}, stranger)
		if len(e.Send) > 0 || e.Path != nil || e.Returned || e.Wake {
			t.Fatalf("the answer to %d did %+v", n, e)
		}
	}
	if got := w.m.State(w.now); got != before || w.m.Trusts(stranger) {
		t.Errorf("%+v became %+v, stranger trusted: %v", before, got, w.m.Trusts(stranger))
	}
}

func TestBetterPathMustAnswerTwice(t *testing.T) {
	w := newWorld(t, wire.UDP, wire.TCP)
	w.opens = func(Dial) bool { return true }
	w.answers = func(p *Path) bool { return p.Kind == wire.TCP }
	w.write("hello")
	w.run(10 * time.Second)
	if got := w.using(); got != "TCP 192.0.2.1:61001" {
		t.Fatalf("the path in use is %s", got)
	}
	once := true
	w.answers = func(p *Path) bool {
		if p.Kind == wire.TCP {
			return true
		}
		defer func() { once = false }()
		return once
	}
	w.run(30 * time.Second)
	if got := w.using(); got != "TCP 192.0.2.1:61001" {
		t.Errorf("after one answer the path in use is %s", got)
	}
	w.answers = func(*Path) bool { return true }
	w.run(30 * time.Second)
	if got := w.using(); got != "UDP 192.0.2.1:61001" {
		t.Errorf("with UDP back the path in use is %s", got)
	}
	w.run(time.Minute)
	if n := count(w.m.paths, func(p *Path) bool { return p.Kind != wire.UDP }); n > 0 {
		t.Errorf("%d streams are left open", n)
	}
}

func TestStreamThatEndsIsReplacedAtOnce(t *testing.T) {
	w := newWorld(t, wire.SSH)
	w.opens = func(Dial) bool { return true }
	w.run(10 * time.Second)
	w.dials = nil
	w.obey(w.m.Ended(w.now, w.m.Current()))
	w.run(time.Millisecond)
	if len(w.dials) != 1 || w.using() != "SSH" {
		t.Errorf("%d paths were opened, in use: %s", len(w.dials), w.using())
	}
}

func TestLoginOfAnotherNetworkIsNotWaitedFor(t *testing.T) {
	w := newWorld(t, wire.SSH)
	w.opens = func(Dial) bool { return true }
	w.run(10 * time.Second)
	w.answers = func(p *Path) bool { return p.Port == w.ports } // the newest
	w.ports++
	w.dials = nil
	w.m.Changed(w.now)
	w.run(time.Second)
	if len(w.dials) == 0 || !w.dials[0].Fresh {
		t.Errorf("after a change of the network: %+v", w.dials)
	}
}

// A portal of a hotel takes every connection and answers nothing, all night.
func TestConnectionsThatNeverAnswerDoNotPileUp(t *testing.T) {
	w := newWorld(t, wire.UDP, wire.TCP, wire.SSH)
	w.opens = func(Dial) bool { return true }
	w.write("hello")
	w.run(10 * time.Second)
	w.answers = func(*Path) bool { return false }
	most := 0
	for range 10 * 60 {
		w.write("key")
		w.run(time.Minute)
		most = max(most, len(w.m.paths))
	}
	if limit := 2*len(servers) + 2*(maxSpare+1); most > limit {
		t.Errorf("%d paths at once, want at most %d", most, limit)
	}
	w.answers = func(*Path) bool { return true }
	w.run(10 * time.Second)
	if !w.m.State(w.now).Online {
		t.Error("not online again")
	}
}

// TestDaysAsleepAreDaysOffline: the time of events stands still meanwhile.
func TestDaysAsleepAreDaysOffline(t *testing.T) {
	w := newWorld(t, wire.UDP)
	w.write("hello")
	w.run(10 * time.Second)
	w.m.Slept(48 * time.Hour) // and an answer came when it was over
	w.write("hello")
	w.run(time.Minute)
	w.m.Slept(48 * time.Hour)
	w.answers = func(*Path) bool { return false }
	w.run(time.Minute)
	w.m.Slept(71 * time.Hour)
	w.run(time.Minute)
	if w.ended {
		t.Fatal("ended before its time")
	}
	w.m.Slept(73 * time.Hour)
	w.run(time.Minute)
	if !w.ended {
		t.Error("goes on after a silence longer than Alive")
	}
}

func TestSilenceOfAliveIsTheEnd(t *testing.T) {
	w := newWorld(t, wire.UDP)
	w.write("hello")
	w.run(10 * time.Second)
	w.answers = func(*Path) bool { return false }
	w.run(23 * time.Hour)
	if w.ended {
		t.Fatal("ended before its time")
	}
	w.run(2 * time.Hour)
	if !w.ended {
		t.Error("goes on after a silence longer than Alive")
	}
}

func TestTransportThatTakesOldDatagramsForSlowGetsNone(t *testing.T) {
	w := newWorld(t, wire.UDP)
	w.m.config.Resend = false
	w.write("hello")
	w.answers = func(*Path) bool { return false }
	w.run(time.Minute)
	w.answers = func(*Path) bool { return true }
	w.run(time.Minute)
	if len(w.sent) > 0 {
		t.Errorf("%d datagrams were sent again", len(w.sent))
	}
}

// FuzzMachine does anything in any order: the machine never asks for a step that is
// due before it, and what it keeps stays bounded.
func FuzzMachine(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9})
	f.Add([]byte("the quick brown fox jumps over the lazy dog"))
	f.Fuzz(func(t *testing.T, script []byte) {
		w := newWorld(t, wire.UDP, wire.TCP, wire.SSH)
		for i, b := range script {
			arg := int(b >> 4)
			switch b & 15 {
			case 0, 1:
				w.run(time.Duration(1+arg*arg) * 20 * time.Millisecond)
			case 2:
				w.write("key")
			case 3:
				w.m.Changed(w.now)
			case 4:
				w.m.Refused(w.now, w.m.Current())
			case 5:
				w.answers = func(p *Path) bool { return arg&(1<<p.Kind) != 0 }
			case 6:
				w.opens = func(d Dial) bool { return arg&(1<<d.Kind) != 0 }
			case 7:
				if len(w.m.paths) > 0 {
					if p := w.m.paths[arg%len(w.m.paths)]; p.Kind != wire.UDP {
						w.obey(w.m.Ended(w.now, p))
					}
				}
			case 8:
				w.obey(w.m.Answered(w.now, wire.Ack{Knock: w.sequence - uint64(arg), Challenge: uint64(i), Fresh: arg&1 != 0}, servers[0]))
			case 9:
				w.run(time.Duration(arg) * time.Hour)
			case 10:
				w.m.Received(w.now)
			}
			if w.ended {
				return
			}
		}
		if n := len(w.m.paths); n > 2*len(servers)+2*(maxSpare+maxDials) || len(w.m.liveness.flight) > maxFlight {
			t.Errorf("%d paths, %d knocks remembered", n, len(w.m.liveness.flight))
		}
	})
}

// climbs is how often of n times a client on TCP goes to UDP within d, where so many
// of its knocks there are answered, and how long that takes.
func climbs(t *testing.T, n int, answered float64, d time.Duration) (times []time.Duration) {
	for seed := range uint64(n) {
		chance := rand.New(rand.NewPCG(seed, 1))
		w := newWorld(t, wire.UDP, wire.TCP)
		w.opens = func(Dial) bool { return true }
		w.answers = func(p *Path) bool { return p.Kind == wire.TCP }
		w.write("hello")
		w.run(time.Duration(3+chance.Float64()*5) * time.Second)
		w.answers = func(p *Path) bool {
			return p.Kind == wire.TCP || p.Remote == servers[0] && chance.Float64() < answered
		}
		began := w.now
		for w.m.Current().Kind == wire.TCP && w.now.Sub(began) < d {
			w.write("x")
			w.run(50 * time.Millisecond)
		}
		if w.m.Current().Kind == wire.UDP {
			times = append(times, w.now.Sub(began))
		}
	}
	slices.Sort(times)
	return times
}

// TestLossyPathIsComeBackTo: UDP that loses 29% each way is far better than TCP there.
func TestLossyPathIsComeBackTo(t *testing.T) {
	const n = 1000
	times := climbs(t, n, 0.71*0.71, time.Minute)
	if len(times) < n {
		t.Fatalf("%d of %d came back", len(times), n)
	}
	sum := time.Duration(0)
	for _, took := range times {
		sum += took
	}
	t.Logf("mean %v, 99th of 100 %v, worst %v", sum/n, times[n*99/100], times[n-1])
	if sum/n > 2*time.Second || times[n-1] > 10*time.Second {
		t.Errorf("mean %v, worst %v", sum/n, times[n-1])
	}
}

// TestPathThatLosesNearlyAllIsLeftAlone: the session would come and go.
func TestPathThatLosesNearlyAllIsLeftAlone(t *testing.T) {
	for _, c := range []struct {
		answered float64
		most     int // of a hundred clients, in two minutes
	}{{0, 0}, {0.01, 2}, {0.1, 40}} {
		if got := len(climbs(t, 100, c.answered, 2*time.Minute)); got > c.most {
			t.Errorf("%d of 100 went to UDP where %v of the knocks are answered", got, c.answered)
		} else {
			t.Logf("%d of 100 went to UDP where %v of the knocks are answered", got, c.answered)
		}
	}
}

// TestIdleLooksAreSingleKnocks: nobody waits for the better path meanwhile.
func TestIdleLooksAreSingleKnocks(t *testing.T) {
	w := newWorld(t, wire.UDP, wire.TCP)
	w.opens = func(Dial) bool { return true }
	w.answers = func(p *Path) bool { return p.Kind == wire.TCP }
	w.write("hello")
	w.run(time.Minute)
	if w.m.Current().Kind != wire.TCP {
		t.Fatalf("the path is %s", w.using())
	}
	before := w.knew
	w.run(time.Hour)
	looks := len(servers) * int(time.Hour/lookEvery)
	if n := w.knew - before; n > looks+60*12 {
		t.Errorf("%d knocks in an idle hour, %d are for %d servers and 720 for the path in use", n, looks, len(servers))
	}
}
