package session

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"tssh/proxy/terms"
	"tssh/server/keep"
	"tssh/server/pty"
)

// mostKept bounds what is kept in memory of a terminal, whatever is asked for, in
// bytes.
const mostKept = 1 << 30

// Programs are those of one process that may outlive their channels: what runs
// on a terminal. The zero value has none.
type Programs struct {
	mu      sync.Mutex // guards what follows
	list    []*Program // the oldest first
	last    uint32     // ID given
	changed chan struct{}
}

// List returns the programs, the oldest first.
func (ps *Programs) List() []*Program {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	return slices.Clone(ps.list)
}

// Changed is closed when a program begins or ends.
func (ps *Programs) Changed() <-chan struct{} {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	if ps.changed == nil {
		ps.changed = make(chan struct{})
	}
	return ps.changed
}

// End hangs up all programs.
func (ps *Programs) End() {
	for _, p := range ps.List() {
		p.End()
	}
}

// Take takes the terminals from the channels that have them: another client, by, is
// about to join. What it returns are closed as these channels have been told.
func (ps *Programs) Take(by string) (told []<-chan struct{}) {
	for _, p := range ps.List() {
		p.mu.Lock()
		p.client = by
		p.output.Take()
		if p.shown != nil {
			told = append(told, p.shown)
		}
		p.mu.Unlock()
	}
	return told
}

// Meant returns the program that who names none comes back to: one that runs, and at
// which nobody is, if there is such a one; nil: there is none at all.
func (ps *Programs) Meant() (best *Program) {
	var first int
	for _, p := range ps.List() {
		d, rank := p.Describe(), 0
		switch {
		case !d.Ended.IsZero():
			rank = 2
		case d.Joined:
			rank = 1
		}
		if best == nil || rank < first {
			best, first = p, rank
		}
	}
	return best
}

// find returns the program of that ID, or the oldest one.
func (ps *Programs) find(id uint32) *Program {
	if ps == nil {
		return nil
	}
	ps.mu.Lock()
	defer ps.mu.Unlock()
	i := slices.IndexFunc(ps.list, func(p *Program) bool { return id == 0 || p.id == id })
	if i < 0 {
		return nil
	}
	return ps.list[i]
}

func (ps *Programs) edit(f func()) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	f()
	if ps.changed != nil {
		close(ps.changed)
		ps.changed = nil
	}
}

// Program is what a channel has started, on a terminal or on pipes. It belongs to
// no channel: one on a terminal is joined to one, which may be left, and to
// another one later.
type Program struct {
	among   *Programs // nil: it ends with its channel
	id      uint32
	kind    string // shell, exec or subsystem
	command string
	forced  bool // by ForceCommand
	since   time.Time
	agent   string   // SSH_AUTH_SOCK
	display *Display // nil: none

	pty    *pty.Terminal // nil: it has pipes
	output *keep.Terminal
	pipes  *pipes

	hungUp chan struct{} // closed by End
	exited chan struct{} // closed when it has ended, and how and when is known
	how    ending
	ended  time.Time

	pidMu sync.Mutex // guards pid
	pid   int        // of the program while it runs

	mu     sync.Mutex // guards what follows
	over   bool
	size   pty.Size
	client string          // that has it
	shown  <-chan struct{} // closed when that was told the last of it
}

// newProgram makes the Program of the channel that asks for one.
func (s *session) newProgram(kind, command string) *Program {
	p := &Program{
		kind: kind, command: command, forced: s.forced, since: time.Now(), agent: s.agent, display: s.display,
		pty: s.pty, pipes: s.pipes, size: s.size, hungUp: make(chan struct{}), exited: make(chan struct{}),
	}
	if p.pty == nil {
		return p
	}
	p.among = s.cfg.Programs
	p.output = keep.NewTerminal(p.pty, int(p.size.Cols), int(p.size.Rows), keep.Config{Limit: int(min(s.cfg.Keep, mostKept)), Lasting: p.among != nil})
	if p.among != nil {
		p.among.edit(func() {
			p.among.last++
			p.id = p.among.last
			p.among.list = append(p.among.list, p)
		})
	}
	go p.mind()
	return p
}

// mind looks after a program on a terminal. When it has ended it lets go of what it
// had, but of its last words and of how it ended only when End says that its user
// knows, or never will: whoever comes back later is shown both.
func (p *Program) mind() {
	p.output.Run()
	<-p.exited
	p.output.Wait()
	p.letGo()
	<-p.hungUp
	p.output.Wait()
	p.output.Close()
}

// join gives the output of the terminal to the channel of s.
func (p *Program) join(s *session) *keep.Joint {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.client, p.shown = s.cfg.Client, s.shown
	if s.kind != terms.AttachRequest {
		return p.output.Join(s.ch, s.client(), true)
	}
	if s.size.Cols > 0 && s.size.Rows > 0 { // else its terminal is none: -tt
		p.resizeLocked(s.size)
	}
	return p.output.Join(s.ch, s.client(), false)
}

// ID tells the program among those of its process. It is not 0.
func (p *Program) ID() uint32 { return p.id }

// Agent is the path of the socket by which the program finds the client's agent;
// empty: it has none.
func (p *Program) Agent() string { return p.agent }

// Display is the display that the program has; nil: none.
func (p *Program) Display() *Display { return p.display }

// Description is what is told about a program.
type Description struct {
	ID         uint32
	Command    string    // that was started; empty: a shell
	Foreground string    // the name of the program in the foreground, as far as it is known
	Dir        string    // and where it works
	Cols, Rows int       // of its terminal
	Since      time.Time // when it began
	TTY        string    // its terminal
	Joined     bool      // a channel has the terminal
	Client     string    // and this is its client
	Away       bool      // of which something is awaited, and nothing is heard
	Ended      time.Time // zero: it runs
	Status     uint32    // with which it ended, or
	Signal     string    // by which
}

// Told is d as others are told of it.
func (d Description) Told() terms.Terminal {
	t := terms.Terminal{
		ID: d.ID, Program: cmp.Or(d.Foreground, d.Command), Directory: d.Dir,
		Cols: uint32(d.Cols), Rows: uint32(d.Rows), Here: d.Joined, Ended: d.Ended,
	}
	if !d.Ended.IsZero() {
		t.Status, t.Signal = &d.Status, d.Signal
	}
	return t
}

// Describe returns what is known about p now.
func (p *Program) Describe() Description {
	d := Description{ID: p.id, Command: p.command, Since: p.since}
	if p.pty != nil {
		d.TTY = p.pty.Name()
		d.Foreground, d.Dir = p.pty.Foreground()
		d.Joined, d.Away = p.output.Joined()
	}
	select {
	case <-p.exited:
		d.Ended = p.ended
		d.Status, d.Signal = p.how.known()
	default:
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	d.Cols, d.Rows = int(p.size.Cols), int(p.size.Rows)
	if d.Joined {
		d.Client = p.client
	}
	return d
}

// Resize changes the size of the terminal.
func (p *Program) Resize(size pty.Size) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.resizeLocked(size)
}

func (p *Program) resizeLocked(size pty.Size) error {
	err := p.pty.Resize(size)
	p.size = size
	p.output.Resize(int(size.Cols), int(size.Rows)) // also of a program that has ended
	return err
}

// End hangs up: it takes the terminal or the pipes away. A client that has the
// terminal gets what the program wrote before, and is told how it ended.
func (p *Program) End() {
	p.letGo()
	p.mu.Lock()
	again := p.over
	p.over = true
	p.mu.Unlock()
	if again {
		return
	}
	close(p.hungUp)
	if p.among != nil {
		p.among.edit(func() {
			p.among.list = slices.DeleteFunc(p.among.list, func(q *Program) bool { return p == q })
		})
	}
}

// letGo takes from the program what it has of ours.
func (p *Program) letGo() {
	p.hangup()
	if p.display != nil {
		p.display.Close()
	}
}

func (p *Program) hangup() {
	if p.pty != nil {
		p.pty.Close()
	}
	if p.pipes != nil {
		p.pipes.close()
	}
	p.pidMu.Lock()
	defer p.pidMu.Unlock()
	if p.pid != 0 {
		hangup(p.pid)
	}
}

func (p *Program) setPID(pid int) {
	p.pidMu.Lock()
	defer p.pidMu.Unlock()
	p.pid = pid
}
