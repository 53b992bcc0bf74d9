package keep

import (
	"io"
	"time"

	"tssh/notify/screen"
)

// Joint is a channel that takes a terminal's output.
type Joint struct {
	terminal *Terminal
	to       io.Writer
	client   Client // nil: it is never away
	done     chan struct{}

	// guarded by the terminal's mu
	writing  bool
	watch    watch // of the write
	armed    bool  // look will be called
	behind   bool  // it has not seen all that the model has
	later    bool  // it has seen nothing
	missed   int   // bytes, of which it has seen nothing
	scrolled int   // lines that scrolled off with them
	late     int   // bytes at the front of the queue from when the client was away
	hushed   int   // and of those, what goes through quiet
	quiet    screen.Quiet

	isOver    bool
	delivered bool
	parted    bool
}

// Done is closed when the channel gets no more.
func (j *Joint) Done() <-chan struct{} { return j.done }

// Delivered tells whether the output has ended and the channel has all of it.
func (j *Joint) Delivered() bool {
	j.terminal.mu.Lock()
	defer j.terminal.mu.Unlock()
	return j.delivered
}

// Parted tells whether the channel was left, or another one has taken its place.
func (j *Joint) Parted() bool {
	j.terminal.mu.Lock()
	defer j.terminal.mu.Unlock()
	return j.parted
}

// Joined tells whether the channel still has the terminal.
func (j *Joint) Joined() bool {
	j.terminal.mu.Lock()
	defer j.terminal.mu.Unlock()
	return j.terminal.joint == j
}

// Leave takes the output from the channel. Nobody has it then, unless another
// channel has taken it already.
func (j *Joint) Leave() { j.leave(true) }

// leave parts them, or notes that the channel takes no more.
func (j *Joint) leave(parted bool) {
	t := j.terminal
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.joint == j {
		t.joint = nil
	}
	j.parted = j.parted || parted && !j.isOver
	j.over()
	t.trim()
	t.moved.Broadcast()
}

// over is called with the terminal's mu.
func (j *Joint) over() {
	if !j.isOver {
		j.isOver = true
		j.terminal.queue.lent = j.terminal.queue.lent || j.writing
		close(j.done)
	}
}

// run hands over. It may wait in a write for longer than the channel is joined.
func (j *Joint) run() {
	for {
		b := j.next()
		if b == nil {
			return
		}
		if _, err := j.to.Write(b); err != nil {
			j.leave(false)
			return
		}
	}
}

// next waits for what is to be handed over; nil: nothing is any more.
func (j *Joint) next() []byte {
	t := j.terminal
	t.mu.Lock()
	defer t.mu.Unlock()
	j.writing = false
	if j.watch.away {
		j.back()
	}
	t.moved.Broadcast()
	for {
		switch {
		case j.isOver:
			return nil
		case j.behind:
			if b := t.catchUp(j); len(b) > 0 {
				return j.begin(b)
			}
		case t.queue.size > 0:
			if b := j.take(); len(b) > 0 {
				return j.begin(b)
			}
		case t.ended:
			j.delivered = true
			j.over()
			t.moved.Broadcast()
			return nil
		default:
			t.moved.Wait()
		}
	}
}

// take takes from the queue.
func (j *Joint) take() []byte {
	t := j.terminal
	b := t.queue.take()
	if t.model != nil {
		t.model.Feed(b)
	}
	j.late = max(j.late-len(b), 0)
	if j.hushed == 0 {
		return b
	}
	n := min(j.hushed, len(b))
	out := j.quiet.Append(nil, b[:n])
	if j.hushed -= n; j.hushed == 0 {
		out = append(out, j.quiet.Rest()...)
	}
	return append(out, b[n:]...)
}

// begin notes that b is going to be written.
func (j *Joint) begin(b []byte) []byte {
	j.writing = true
	if j.client == nil || j.terminal.limit == 0 {
		return b
	}
	j.watch.begin(time.Now())
	if !j.armed {
		j.armed = true
		time.AfterFunc(askAfter, j.look)
	}
	return b
}

// look judges whether the client is away.
func (j *Joint) look() {
	t := j.terminal
	t.mu.Lock()
	defer t.mu.Unlock()
	if j.isOver || !j.writing {
		j.armed = false
		return
	}
	heard, rtt := j.client.Heard()
	was := j.watch.away
	ask, again := j.watch.look(time.Now(), heard, rtt)
	if ask {
		go j.client.Ask()
	}
	if was && !j.watch.away {
		j.back()
	}
	time.AfterFunc(again, j.look)
	if was != j.watch.away {
		t.moved.Broadcast()
	}
}

// back says that the client is no longer away.
func (j *Joint) back() {
	j.watch.away = false
	j.late = j.terminal.queue.size
}
