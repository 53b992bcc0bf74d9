package keep

import (
	"sync"
	"time"
)

// vigil looks after the writes to a client. Its fields are guarded by mu, but
// for the first three, which do not change.
type vigil struct {
	mu      *sync.Mutex
	client  Client // nil: it is never away
	changed func() // with mu held: it went away, or came back
	watch   watch  // of the write
	writing bool
	armed   bool // look will be called
	over    bool // there are no more writes
}

// begin notes that a write begins.
func (v *vigil) begin() {
	v.writing = true
	if v.client == nil {
		return
	}
	v.watch.begin(time.Now())
	if !v.armed {
		v.armed = true
		time.AfterFunc(askAfter, v.look)
	}
}

// end notes that it has ended. A client that was away is back if it was heard:
// a transport that tries again may take a little more by itself.
func (v *vigil) end() {
	v.writing = false
	if !v.watch.away {
		return
	}
	if heard, _ := v.client.Heard(); heard.After(v.watch.asked) {
		v.watch.away = false
		v.changed()
	}
}

// look judges whether the client is away.
func (v *vigil) look() {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.over || !v.writing && !v.watch.away {
		v.armed = false
		return
	}
	heard, rtt := v.client.Heard()
	was := v.watch.away
	ask, again := v.watch.look(time.Now(), heard, rtt)
	if ask {
		go v.client.Ask()
	}
	if !v.writing { // nothing else tells when it is back
		again = min(again, lookOften)
	}
	time.AfterFunc(again, v.look)
	if was != v.watch.away {
		v.changed()
	}
}
