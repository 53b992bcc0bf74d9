package admit

import (
	"net/netip"
	"testing"
	"time"

	"tssh/proxy/wire"
)

func at(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }

var (
	homeAddr = at("10.0.0.1:1")
	newAddr  = at("10.0.0.2:2")
	thief    = at("203.0.113.66:666")
)

// gate is a machine with a clock, and challenges that count.
type gate struct {
	Machine[netip.AddrPort]
	now  time.Time
	next uint64
}

func newGate() *gate {
	g := &gate{now: time.Unix(1e9, 0)}
	g.random = func() uint64 { g.next++; return g.next }
	return g
}

func (g *gate) knocks(from netip.AddrPort, sequence, answer uint64) Verdict {
	return g.Knock(g.now, from, wire.Knock{Sequence: sequence, Path: wire.UDP, Claim: true, Answer: answer})
}

// settled returns a gate whose client is at homeAddr, after knocks 1 and 2.
func settled(t *testing.T) *gate {
	t.Helper()
	g := newGate()
	g.knocks(homeAddr, 2, g.knocks(homeAddr, 1, 0).Challenge)
	if g.home != homeAddr {
		t.Fatalf("the client is at %v", g.home)
	}
	return g
}

func TestAddressIsProvenByItsChallenge(t *testing.T) {
	g := settled(t)
	v := g.knocks(newAddr, 3, 0)
	if !v.Accepted || v.Challenge == 0 || !v.Arrived || g.home != homeAddr {
		t.Fatalf("a claim from elsewhere: %+v, home %v", v, g.home)
	}
	if got := g.Routes(nil, g.now, 100); len(got) != 2 {
		t.Errorf("on trial: sent to %v, want both", got)
	}
	if v = g.knocks(newAddr, 4, v.Challenge); v.Challenge != 0 || g.home != newAddr {
		t.Errorf("after the answer: %+v, home %v", v, g.home)
	}
	if got := g.Routes(nil, g.now, 100); len(got) != 1 || got[0] != newAddr {
		t.Errorf("after the answer: sent to %v", got)
	}
}

func TestAnswerProvesWhereItsChallengeWent(t *testing.T) {
	g := settled(t)
	first := g.knocks(thief, 3, 0).Challenge // his copy of the client's knock came first,
	second := g.knocks(newAddr, 3, 0).Challenge
	if first == 0 || second == 0 || first == second {
		t.Fatalf("challenges %d and %d", first, second)
	}
	// and his copy of the answer does, too.
	g.knocks(thief, 4, second)
	if g.home != newAddr {
		t.Errorf("the client is at %v, want %v", g.home, newAddr)
	}
}

func TestCopyOfKnockFromHomeIsIgnored(t *testing.T) {
	g := settled(t)
	g.knocks(homeAddr, 3, 0)
	if v := g.knocks(thief, 3, 0); v.Accepted {
		t.Errorf("a copy after the original: %+v", v)
	}
	g.knocks(thief, 4, 0) // this time the copy is first
	if v := g.knocks(homeAddr, 4, 0); !v.Accepted || v.Challenge != 0 || len(g.trials) != 0 {
		t.Errorf("the original after a copy: %+v, on trial %v", v, g.trials)
	}
}

func TestManyCopiesGetFewAnswers(t *testing.T) {
	g := settled(t)
	answers := 0
	for i := range 100 {
		if g.knocks(netip.AddrPortFrom(thief.Addr(), uint16(i+1)), 3, 0).Accepted {
			answers++
		}
	}
	if answers > maxCopies {
		t.Errorf("one knock was answered %d times", answers)
	}
}

func TestTrialsShareOneBudget(t *testing.T) {
	g := settled(t)
	sent := 0
	for i := range uint64(100) {
		g.knocks(netip.AddrPortFrom(thief.Addr(), uint16(i+1)), 3+i, 0)
		for range 10 {
			sent += 1200 * (len(g.Routes(nil, g.now, 1200)) - 1)
		}
	}
	if sent > TrialBytes {
		t.Errorf("%d bytes went to places on trial", sent)
	}
}

func TestKnocksAreTakenOnce(t *testing.T) {
	var w window
	for _, c := range []struct {
		n    uint64
		want bool
	}{{1, true}, {1, false}, {5, true}, {3, true}, {3, false}, {5, false}, {4, true}, {100, true}, {36, false}, {37, true}, {37, false}, {1 << 40, true}, {100, false}, {0, false}} {
		if got := w.add(c.n); got != c.want {
			t.Errorf("add(%d) = %v", c.n, got)
		}
	}
}

func TestOvertakenKnockMovesNothing(t *testing.T) {
	g := settled(t)
	g.knocks(homeAddr, 10, 0)
	if v := g.knocks(newAddr, 9, 0); !v.Accepted || v.Arrived || len(g.Routes(nil, g.now, 1)) != 1 {
		t.Errorf("a knock that was overtaken: %+v", v)
	}
}

func TestGenerationIsToldOnce(t *testing.T) {
	g := settled(t)
	k := wire.Knock{Sequence: 3, Path: wire.UDP, Claim: true, Generation: 1}
	if v := g.Knock(g.now, homeAddr, k); !v.Returned || !v.Fresh {
		t.Errorf("the first of its generation: %+v", v)
	}
	g.now = g.now.Add(time.Minute)
	k.Sequence = 4
	if v := g.Knock(g.now, homeAddr, k); v.Returned || v.Fresh {
		t.Errorf("a minute later: %+v", v)
	}
}

func TestForgottenTrialLeavesHomeAlone(t *testing.T) {
	g := settled(t)
	g.knocks(newAddr, 3, 0)
	g.now = g.now.Add(trialTime + time.Second)
	if got := g.Routes(nil, g.now, 1); len(got) != 1 || got[0] != homeAddr {
		t.Errorf("sent to %v", got)
	}
	if g.Accepts(g.now, newAddr) {
		t.Error("what comes from a forgotten trial is taken")
	}
}
