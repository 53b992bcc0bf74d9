// Package cores keeps the process on one core while it carries a flow for which one is
// enough. A datagram goes through half a dozen goroutines, each of which has next to
// nothing to do; Go's scheduler wakes another thread for each of them, which on most
// machines costs more than what they do.
package cores

import (
	"runtime"
	"sync/atomic"
	"time"
)

const (
	every    = 50 * time.Millisecond // a look at the flow
	flowFrom = 64 << 10              // bytes in that time that are one: 10 Mbit/s
)

var (
	minded  atomic.Bool  // Mind was called
	carried atomic.Int64 // bytes since the last look
	watched atomic.Bool  // by a goroutine, while there is a flow
)

// Mind makes the process one that is kept on one core. It is for programs, at their
// begin: who calls Carried may be part of a test of something else.
func Mind() {
	if _, known := spent(); known {
		minded.Store(true)
	}
}

// Carried is told of bytes that went through the process.
func Carried(n int) {
	if minded.Load() && carried.Add(int64(n)) >= flowFrom && !watched.Load() && watched.CompareAndSwap(false, true) {
		go watch()
	}
}

// watch obeys a machine while there is a flow.
func watch() {
	all := runtime.GOMAXPROCS(0)
	defer watched.Store(false)
	tick := time.NewTicker(every)
	defer tick.Stop()
	m := newMachine()
	at := time.Now()
	used, _ := spent()
	carried.Store(0)
	for {
		<-tick.C
		now := time.Now()
		u, _ := spent()
		over := m.step(now.Sub(at), u-used, carried.Swap(0))
		at, used = now, u
		cores := all
		if m.one && !over {
			cores = 1
		}
		if cores != runtime.GOMAXPROCS(0) {
			runtime.GOMAXPROCS(cores)
		}
		if over {
			return
		}
	}
}
