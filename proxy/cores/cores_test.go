package cores

import (
	"runtime"
	"testing"
	"time"

	"tssh/proxy/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

const flow = 4 * flowFrom

func TestOneCoreWhileItIsEnough(t *testing.T) {
	m := newMachine()
	for i := range 100 {
		if over := m.step(every, every/2, flow); over || !m.one {
			t.Fatalf("look %d at a flow that takes half a core: one %v, over %v", i, m.one, over)
		}
	}
}

// TestAllCoresWhereOneIsFull: and one is tried more and more seldom.
func TestAllCoresWhereOneIsFull(t *testing.T) {
	m := newMachine()
	tried := time.Duration(0)
	for range int(10 * time.Minute / every) {
		m.step(every, every, flow)
		if m.one {
			tried += every
		}
	}
	if tried == 0 || tried > time.Second {
		t.Errorf("in ten minutes a flow that needs more than a core was held to one for %s", tried)
	}
	// As soon as it is enough it is found out, and forgiven.
	for range int(mostRest/every) + 1 {
		m.step(every, every/2, flow)
	}
	if !m.one {
		t.Fatal("one core is not tried again")
	}
	for range int(settled / every) {
		m.step(every, every/2, flow)
	}
	m.step(every, every, flow)
	for range int(firstRest/every) + 1 {
		m.step(every, every/2, flow)
	}
	if !m.one {
		t.Error("what was long ago is held against it")
	}
}

// TestFlowEnds: not by a pause, and not by the late look of a loaded machine.
func TestFlowEnds(t *testing.T) {
	m := newMachine()
	for _, c := range []struct {
		passed time.Duration
		bytes  int64
		over   bool
	}{
		{every, flow, false},
		{every, 0, false}, {every, 0, false}, {every, 0, false},
		{10 * every, 10 * flow, false},
		{every, flowFrom - 1, false}, {2 * every, flowFrom, false}, {every, 99, false}, {every, 0, true},
	} {
		if over := m.step(c.passed, 0, c.bytes); over != c.over {
			t.Fatalf("%+v: over %v", c, over)
		}
	}
}

// TestProcessIsHeldToOneCore, and gets all back.
func TestProcessIsHeldToOneCore(t *testing.T) {
	all := runtime.GOMAXPROCS(0)
	if _, known := spent(); !known || all == 1 {
		t.Skip("SKIPPED: nothing is measured here, or there is one core")
	}
	Carried(flowFrom)
	if watched.Load() {
		t.Error("a process is watched that nobody minds")
	}
	Mind()
	defer minded.Store(false)
	await := func(cores int, each func()) {
		t.Helper()
		for end := time.Now().Add(time.Minute); runtime.GOMAXPROCS(0) != cores; time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("%d cores are used, want %d", runtime.GOMAXPROCS(0), cores)
			}
			each()
		}
	}
	await(1, func() { Carried(flowFrom) })
	await(all, func() {})
}
