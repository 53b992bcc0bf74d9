package keep

import (
	"io"

	"tssh/notify/screen/escape"
)

// Joint is a channel that takes a terminal's output.
type Joint struct {
	terminal *Terminal
	to       io.Writer
	done     chan struct{}

	// guarded by the terminal's mu
	vigil
	behind   bool // it has not seen all that the model has
	later    bool // it has seen nothing
	missed   int  // bytes, of which it has seen nothing
	scrolled int  // lines that scrolled off with them
	late     int  // bytes at the front of the queue from when the client was away
	hushed   int  // and of those, what goes through quiet
	quiet    escape.Quiet

	delivered bool
	parted    bool
	taken     bool // by another channel, there or about to come
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

// Taken tells whether another channel has taken its place, or is about to.
func (j *Joint) Taken() bool {
	j.terminal.mu.Lock()
	defer j.terminal.mu.Unlock()
	return j.taken
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
	j.parted = j.parted || parted && !j.over
	j.finish()
	t.trim()
	t.moved.Broadcast()
}

// finish is called with the terminal's mu.
func (j *Joint) finish() {
	if !j.over {
		j.over = true
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
	j.end()
	t.moved.Broadcast()
	for {
		switch {
		case j.over:
			return nil
		case j.watch.away:
			t.moved.Wait()
		case j.behind:
			if b := t.catchUp(j); len(b) > 0 {
				j.begin()
				return b
			}
		case t.queue.size > 0:
			if b := j.take(); len(b) > 0 {
				j.begin()
				return b
			}
		case t.ended:
			j.delivered = true
			j.finish()
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

// turned is told that the client went away, or came back.
func (j *Joint) turned() {
	if !j.watch.away {
		j.late = j.terminal.queue.size
	}
	j.terminal.moved.Broadcast()
}
