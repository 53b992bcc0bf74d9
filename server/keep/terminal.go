// Package keep stands between a program's output and whoever takes it, so that
// the program outlives its client and does not wait for one that is away.
//
// A terminal's output goes to the channel that is joined. There may be none, and
// a later one takes the place of an earlier one:
//
//	program --pty--> queue --> joint --> channel
//	                   |
//	                   '--> model of the screen
//
// The model (package screen) stands where the queue begins: what is handed to
// the channel is fed to it. So the model, redrawn, and the queue behind it are
// the whole screen, for any terminal, at any time.
//
// Backpressure is that of a plain copy while a channel is joined: no more is read
// from the program until the channel has taken what was read before.
package keep

import (
	"io"
	"sync"

	"tssh/notify/screen"
)

// history bounds what is kept of lines that have scrolled off, in bytes, and
// lines is how many of them a channel gets that is joined later.
const (
	history = 256 << 10
	lines   = 1000
)

// Terminal is the output of programs on a terminal.
type Terminal struct {
	source io.Reader

	mu    sync.Mutex // guards what follows
	moved sync.Cond  // with all of it
	model *screen.Screen
	queue queue
	joint *Joint // nil: nobody takes the output
	ended bool   // nothing more is read
	shut  bool   // nothing more is wanted
}

// NewTerminal returns the Terminal of what source gives, which begins with a
// blank screen of that size. One that is not lasting serves one channel, and
// stands still without it.
func NewTerminal(source io.Reader, cols, rows int, lasting bool) *Terminal {
	t := &Terminal{source: source}
	t.moved.L = &t.mu
	if lasting {
		t.model = screen.New(cols, rows, screen.Config{History: history})
	}
	return t
}

// Run reads the output until it ends.
func (t *Terminal) Run() {
	for {
		b := t.room()
		if b == nil {
			return
		}
		n, err := t.source.Read(b)
		t.mu.Lock()
		t.queue.add(n)
		t.drop()
		t.ended = err != nil
		t.moved.Broadcast()
		t.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// Wait waits until the output has ended and nobody waits for the rest of it.
func (t *Terminal) Wait() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for !t.shut && (!t.ended || t.joint != nil && !t.joint.isOver) {
		t.moved.Wait()
	}
}

// Close ends Run and Wait, and hands over no more. The source must end a Read by itself.
func (t *Terminal) Close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.shut = true
	if t.joint != nil {
		t.joint.over()
	}
	t.moved.Broadcast()
}

// Joined tells whether any channel has the terminal.
func (t *Terminal) Joined() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.joint != nil
}

// room waits until the program may write, and returns where to read.
func (t *Terminal) room() []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	for !t.shut && (t.queue.size > 0 || t.joint != nil && t.joint.writing || t.joint == nil && t.model == nil) {
		t.moved.Wait()
	}
	if t.shut {
		return nil
	}
	t.queue.lent = t.queue.lent || t.joint != nil && t.joint.writing
	return t.queue.room()
}

// drop lets go of what nobody takes: the model knows what it showed.
func (t *Terminal) drop() {
	for t.joint == nil && t.model != nil && t.queue.size > 0 {
		t.model.Feed(t.queue.take())
	}
}

// Resize follows the terminal to another size.
func (t *Terminal) Resize(cols, rows int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.model != nil {
		t.model.Resize(cols, rows, false)
	}
}

// Join gives the output to w from now on, and takes it from whoever had it: also
// from one that waits in a write, which may be the channel of a client that is
// gone, and wait for ever. The first one gets what was written since the
// beginning. A later one gets what brings any terminal to this one's state first.
func (t *Terminal) Join(w io.Writer, first bool) *Joint {
	j := &Joint{terminal: t, to: w, behind: !first, done: make(chan struct{})}
	t.mu.Lock()
	old := t.joint
	t.joint = j
	if old != nil && !old.isOver {
		old.parted = true
		old.over()
	}
	t.moved.Broadcast()
	t.mu.Unlock()
	go j.run()
	return j
}

// Joint is a channel that takes the output.
type Joint struct {
	terminal *Terminal
	to       io.Writer
	done     chan struct{}

	// guarded by the terminal's mu
	behind    bool // it has not seen what the model has
	writing   bool
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
	t.drop()
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
	t.moved.Broadcast()
	for !j.isOver && t.queue.size == 0 && !t.ended && !j.behind {
		t.moved.Wait()
	}
	var b []byte
	switch {
	case j.isOver:
	case j.behind:
		j.behind = false
		b = t.catchUp()
	case t.queue.size > 0:
		b = t.queue.take()
		if t.model != nil {
			t.model.Feed(b)
		}
	default:
		j.delivered = true
		j.over()
		t.moved.Broadcast()
	}
	j.writing = b != nil
	return b
}

// catchUp is what a terminal that knows nothing of this one gets. What it shows
// is scrolled off first, as it is the user's.
func (t *Terminal) catchUp() []byte {
	if t.model == nil {
		return nil
	}
	_, rows := t.model.Size()
	b := scrollOff(rows)
	return append(b, t.model.Redraw(lines)...)
}

// scrollOff moves what a terminal of that many rows shows out of sight, so that
// it can be scrolled back to.
func scrollOff(rows int) []byte {
	b := append(make([]byte, 0, 64+rows), "\x1b\\\x1b[?1047l\x1b[?69l\x1b[?6l\x1b[r\x1b[0m\x1b[9999;1H"...)
	for range rows {
		b = append(b, '\n')
	}
	return b
}
