package session

import (
	"io"
	"sync"
)

// keyLimit bounds what is typed ahead of a far side that does not take it. It is
// a large paste; beyond it the terminal waits.
const keyLimit = 1 << 20

// keys are typed bytes on their way. They are apart from the terminal's reader
// so that ~. and the key that gives up work while the far side takes nothing.
type keys struct {
	mu     sync.Mutex
	cond   *sync.Cond
	buf    []byte
	ended  bool          // nothing more is typed
	closed bool          // nothing more is taken
	done   chan struct{} // closed when the far side was told of the end, or takes no more
}

func newKeys() *keys {
	k := &keys{done: make(chan struct{})}
	k.cond = sync.NewCond(&k.mu)
	return k
}

// put queues p; it waits while too much is queued.
func (k *keys) put(p []byte) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for len(k.buf) > keyLimit && !k.closed {
		k.cond.Wait()
	}
	k.buf = append(k.buf, p...)
	k.cond.Broadcast()
}

// end says that nothing more is typed.
func (k *keys) end() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.ended = true
	k.cond.Broadcast()
}

// copyTo writes what is put until end, and then returns nil.
func (k *keys) copyTo(w io.Writer, count func(int)) error {
	defer func() {
		k.mu.Lock()
		k.closed = true
		k.mu.Unlock()
		k.cond.Broadcast()
	}()
	for {
		k.mu.Lock()
		for len(k.buf) == 0 && !k.ended {
			k.cond.Wait()
		}
		p := k.buf
		k.buf = nil
		k.mu.Unlock()
		if len(p) == 0 {
			return nil
		}
		k.cond.Broadcast()
		if _, err := w.Write(p); err != nil {
			return err
		}
		count(len(p))
	}
}

// typed passes on what is typed, looking for escapes, until the end.
func (r *run) typed() {
	k := r.keys
	var w io.Writer = r.ch
	if r.Chaff != nil && r.host.ObscureInterval > 0 {
		c := &chaff{w: w, fake: r.Chaff, every: r.host.ObscureInterval}
		defer c.end()
		w = c
	}
	go func() {
		defer r.guard()
		defer close(k.done)
		if k.copyTo(w, r.sent.add) == nil {
			r.ch.CloseWrite()
		}
	}()
	defer k.end()
	e := escapes{char: r.escapeChar(), afterNewline: true, ownEscapes: r.ownEscapes()}
	buf := make([]byte, 4<<10)
	for {
		n, err := r.Stdin.Read(buf)
		p := r.screen.typed(buf[:n])
		if r.screen.givesUp(p) {
			r.leaveAll()
			r.giveUp()
			return
		}
		for len(p) > 0 {
			send, command, rest := e.next(p)
			if len(send) > 0 {
				k.put(send)
			}
			if command != 0 && !r.escape(command) {
				return
			}
			p = rest
		}
		if err != nil {
			return
		}
	}
}

// giveUp ends the session from the keyboard.
func (r *run) giveUp() {
	select {
	case r.quit <- struct{}{}:
	default:
	}
}
