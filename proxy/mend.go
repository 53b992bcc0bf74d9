package proxy

import (
	"sync"
	"time"

	"tssh/proxy/repair"
	"tssh/proxy/wire"
)

// leastNap is how long a pump sleeps at least: timers are no better than this.
const leastNap = 100 * time.Microsecond

// mender is the lock, the timer and the goroutine of a repair.Machine. All methods
// of a nil one do nothing: there is no repair.
type mender struct {
	send   func(b []byte, segment int) // to where the other end is
	kick   chan struct{}               // token: step the machine again
	room   chan struct{}               // token: a write need not wait any more
	closed chan struct{}
	once   sync.Once

	mu      sync.Mutex // guards what follows; taken after no lock, and none is taken after it but the inbox's
	machine *repair.Machine
	udp     bool // the path is
}

// newMender returns a mender. The caller runs its run.
func newMender(codec *wire.Repair, deliver func([]byte), send func(b []byte, segment int)) *mender {
	return &mender{
		send: send, kick: make(chan struct{}, 1), room: make(chan struct{}, 1), closed: make(chan struct{}),
		machine: repair.New(codec, time.Now(), deliver), udp: true,
	}
}

// write takes datagrams of segment bytes, to go over a path of UDP or another kind.
// It waits while enough are queued, which is all the transport feels of the path's
// rate, until m is closed or gives up. It reports whether it took them; else they
// are to be sent as they are.
func (m *mender) write(b []byte, segment int, udp bool) bool {
	if m == nil {
		return false
	}
	for first := true; ; first = false { // later udp may be old: moved tells
		now := time.Now()
		m.mu.Lock()
		if first && udp != m.udp {
			m.udp = udp
			m.machine.Moved(now, udp)
			token(m.kick)
		}
		if !m.machine.Carries(now) {
			m.mu.Unlock()
			token(m.room) // who waits with us looks too
			return false
		}
		if !m.machine.Full() {
			due := m.machine.Write(now, b, segment)
			full := m.machine.Full()
			m.mu.Unlock()
			if !full {
				token(m.room)
			}
			if due {
				token(m.kick)
			}
			return true
		}
		m.mu.Unlock()
		select {
		case <-m.room:
		case <-m.closed:
			return true // nobody could carry it
		}
	}
}

// take takes a packet from a place that the other end may be at. It reports whether
// that end reported what it had not before. The caller calls wake after the last of
// some packets.
func (m *mender) take(b []byte) (reported bool) {
	if m == nil {
		return false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.machine.Take(time.Now(), b)
}

// wake makes m see what take changed.
func (m *mender) wake() {
	if m != nil {
		token(m.kick)
	}
}

// busy reports whether bulk goes either way.
func (m *mender) busy() bool {
	if m == nil {
		return false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.machine.Busy(time.Now())
}

// mends reports whether it has business on the path in use.
func (m *mender) mends() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.udp && m.machine.Carries(time.Now())
}

// moved is told that the path is another one.
func (m *mender) moved(udp bool) {
	if m == nil {
		return
	}
	m.mu.Lock()
	m.udp = udp
	m.machine.Moved(time.Now(), udp)
	m.mu.Unlock()
	token(m.kick)
}

// heard is told that a knock on the path of UDP was answered.
func (m *mender) heard() {
	if m == nil {
		return
	}
	m.mu.Lock()
	m.machine.Alive(time.Now())
	m.mu.Unlock()
	token(m.kick)
}

// resume is told that contact is back after an outage.
func (m *mender) resume() {
	if m == nil {
		return
	}
	m.mu.Lock()
	m.machine.Resume(time.Now())
	m.mu.Unlock()
	token(m.kick)
}

// close ends run, and the writes that wait, and sends what the transport wrote last.
// The inbox is closed before, and the path after it.
func (m *mender) close() {
	if m == nil {
		return
	}
	m.once.Do(func() {
		close(m.closed)
		m.mu.Lock()
		last := m.machine.Last()
		m.mu.Unlock()
		if last != nil {
			m.send(wire.AppendBulk(nil, last, 0))
		}
	})
}

// run sends what is due until m is closed.
func (m *mender) run() {
	var buffer []byte // for a train, while there is something to send
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		m.mu.Lock()
		e := m.machine.Step(time.Now(), buffer[:0])
		full := m.machine.Full()
		m.mu.Unlock()
		if !full {
			token(m.room)
		}
		if e.Report != nil {
			m.send(e.Report, 0)
		}
		for _, d := range e.Bare {
			m.send(wire.AppendBulk(nil, d, 0))
		}
		if len(e.Train) > 0 {
			segment := e.Segment
			if segment >= len(e.Train) {
				segment = 0
			}
			m.send(e.Train, segment)
			if buffer == nil {
				buffer = make([]byte, 0, repair.TrainMax)
			}
			select {
			case <-m.closed:
				return
			default:
				continue
			}
		}
		timer.Stop()
		if e.Next.IsZero() {
			buffer = nil // idle
		} else {
			timer.Reset(max(leastNap, time.Until(e.Next)))
		}
		select {
		case <-timer.C:
		case <-m.kick:
		case <-m.closed:
			return
		}
	}
}
