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
// the channel is fed to it, and so is what is dropped. So the model, redrawn, and
// the queue behind it are the whole screen, for any terminal, at any time.
//
// While the channel's client is there, backpressure is that of a plain copy: no
// more is read from the program until the channel has taken what was read before.
// Of a client that is away, or of none, the queue takes what the program writes,
// up to a limit, from where on the oldest goes.
//
// Programs without a terminal lose nothing: see Spill.
package keep

import (
	"bytes"
	"fmt"
	"io"
	"sync"
	"time"

	"tssh/notify/screen"
	"tssh/notify/screen/escape"
)

// history bounds what is kept of lines that have scrolled off, in bytes, and
// lines is how many of them a channel gets that is joined later.
const (
	history = 256 << 10
	lines   = 1000
)

// Client is who takes what a channel is given.
type Client interface {
	// Heard returns when the client was heard last, and the round trip to it.
	Heard() (at time.Time, rtt time.Duration)
	// Ask asks it for a sign of life. It may wait for the network.
	Ask()
}

// Config says what is kept.
type Config struct {
	// Limit is how many bytes are kept for a client that is away. 0: the program
	// waits for it.
	Limit int
	// Lasting is for a terminal that may be left by its channel, and joined again.
	Lasting bool
}

// Terminal is the output of programs on a terminal.
type Terminal struct {
	source io.Reader
	limit  int

	mu    sync.Mutex // guards what follows
	moved sync.Cond  // with all of it
	model *screen.Screen
	queue queue
	joint *Joint // nil: nobody takes the output
	ended bool   // nothing more is read
	shut  bool   // nothing more is wanted
}

// NewTerminal returns the Terminal of what source gives, which begins with a
// blank screen of that size.
func NewTerminal(source io.Reader, cols, rows int, c Config) *Terminal {
	t := &Terminal{source: source, limit: c.Limit}
	t.moved.L = &t.mu
	if c.Lasting || c.Limit > 0 {
		cols, rows = sized(cols, rows)
		t.model = screen.New(cols, rows, screen.Config{History: history})
	}
	return t
}

// sized takes a terminal that does not know its size for one of the usual.
func sized(cols, rows int) (int, int) {
	if cols == 0 {
		cols = 80
	}
	if rows == 0 {
		rows = 24
	}
	return cols, rows
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
		t.trim()
		t.ended = err != nil
		t.moved.Broadcast()
		t.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// room waits until the program may write, and returns where to read.
func (t *Terminal) room() []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	for !t.shut && !t.goesOn() && (t.queue.size > 0 || t.joint == nil || t.joint.writing) {
		t.moved.Wait()
	}
	if t.shut {
		return nil
	}
	t.queue.lent = t.queue.lent || t.joint != nil && t.joint.writing
	return t.queue.room()
}

// goesOn tells whether the program goes on although nobody takes its output.
func (t *Terminal) goesOn() bool {
	return t.limit > 0 && (t.joint == nil || t.joint.watch.away)
}

// trim drops what is more than is kept.
func (t *Terminal) trim() {
	if t.goesOn() {
		t.drop(t.queue.size - t.limit)
	}
}

// drop lets go of the oldest n bytes or a little more: the model knows what they
// showed.
func (t *Terminal) drop(n int) {
	before, scrolled := t.queue.size, t.model.Scrolled()
	for before-t.queue.size < n {
		t.model.Feed(t.queue.take())
	}
	if j := t.joint; j != nil && t.queue.size < before {
		j.behind = true
		j.missed += before - t.queue.size
		j.scrolled += t.model.Scrolled() - scrolled
	}
}

// Wait waits until the output has ended and nobody waits for the rest of it.
func (t *Terminal) Wait() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for !t.shut && (!t.ended || t.joint != nil && !t.joint.over) {
		t.moved.Wait()
	}
}

// Close ends Run and Wait, and hands over no more. The source must end a Read by itself.
func (t *Terminal) Close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.shut = true
	if t.joint != nil {
		t.joint.finish()
	}
	t.moved.Broadcast()
}

// Joined tells whether any channel has the terminal, and whether its client is away
// as far as that is known: of one that is not written to nothing is.
func (t *Terminal) Joined() (joined, away bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.joint != nil, t.joint != nil && t.joint.watch.away
}

// Resize follows the terminal to another size.
func (t *Terminal) Resize(cols, rows int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.model != nil {
		cols, rows = sized(cols, rows)
		t.model.Resize(cols, rows, false)
	}
}

// Interrupt says that the client wants the program to stop: what is still to be
// shown of its absence is left out, as a terminal flushes its output then.
func (t *Terminal) Interrupt() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if j := t.joint; j != nil && t.model != nil && j.late > piece {
		t.drop(t.queue.size)
		j.late, j.hushed = 0, 0
	}
}

// Join gives the output to w, which leads to client (nil: one that is never away),
// and takes it from whoever had it: also from one that waits in a write, which may
// be the channel of a client that is gone, and wait for ever. The first one gets
// what was written since the beginning. A later one gets what brings any terminal
// to this one's state first.
func (t *Terminal) Join(w io.Writer, client Client, first bool) *Joint {
	j := &Joint{terminal: t, to: w, behind: !first, later: !first, done: make(chan struct{})}
	j.vigil = vigil{mu: &t.mu, client: client, changed: j.turned}
	t.mu.Lock()
	t.takeLocked(j)
	if !first {
		j.late = t.queue.size
	}
	t.mu.Unlock()
	go j.run()
	return j
}

// Take takes the output from who has it, for who is about to join.
func (t *Terminal) Take() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.takeLocked(nil)
}

func (t *Terminal) takeLocked(j *Joint) {
	old := t.joint
	t.joint = j
	if old != nil && !old.over {
		old.parted, old.taken = true, true
		old.finish()
	}
	t.moved.Broadcast()
}

// catchUp brings the terminal of j, which has not seen all that the model has, to
// its state. What that terminal shows is scrolled off first, as it is the user's,
// unless all that is missing showed on the screen only.
func (t *Terminal) catchUp(j *Joint) []byte {
	if t.model == nil {
		return nil
	}
	var b []byte
	_, rows := t.model.Size()
	before := 0
	switch {
	case j.later:
		b, before = scrollOff(b, rows, ""), lines
	case j.scrolled > 0:
		b = scrollOff(b, rows, mark(j.missed, j.scrolled))
	}
	begun := t.model.Unfinished()
	b = append(b, t.model.Redraw(before)...)
	// What was asked of a terminal meanwhile is left out of what follows: its
	// answer would be read as typed, by a program that waits for something else.
	j.quiet, j.hushed = escape.Quiet{}, t.queue.size
	b = j.quiet.Append(b[:len(b)-len(begun)], begun)
	j.behind, j.later, j.missed, j.scrolled = false, false, 0, 0
	return b
}

// scrollOff moves what a terminal of that many rows shows out of sight, so that it
// can be scrolled back to, with a line behind it.
func scrollOff(b []byte, rows int, line string) []byte {
	b = append(b, "\x1b\\\x1b[?1047l\x1b[?69l\x1b[?6l\x1b[r\x1b[0m\x1b[9999;1H"...)
	if line != "" {
		b = append(append(b, "\r\n"...), line...)
	}
	return append(append(b, '\r'), bytes.Repeat([]byte{'\n'}, rows)...)
}

// mark is the line that stands where output is left out.
func mark(missed, scrolled int) string {
	amount := fmt.Sprintf("%d bytes", missed)
	switch {
	case missed >= 10<<20:
		amount = fmt.Sprintf("%d MB", missed>>20)
	case missed >= 10<<10:
		amount = fmt.Sprintf("%d KB", missed>>10)
	}
	rows := "1 line"
	if scrolled > 1 {
		rows = fmt.Sprintf("%d lines", scrolled)
	}
	return "\x1b[7mtssh: left out here: " + rows + " (" + amount + ") written while you were away\x1b[0m"
}
