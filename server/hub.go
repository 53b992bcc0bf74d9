package server

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"tssh/proxy/memory"
	"tssh/proxy/roster"
	"tssh/proxy/terms"
	"tssh/server/forward"
	"tssh/server/logins"
	"tssh/server/registry"
	"tssh/server/session"
)

// hub is one session over UDP: what outlives its clients. Each client has a
// seat of its own, with keys and a policy of its own.
//
//	            the client has come               the client has gone
//	offered ------------------------> taken ----------------------------> empty
//	   |                                ^ |                                 |
//	   | nobody came                    | | another client has come         | nobody came
//	   v                                | v                                 v
//	 ended                           taken by that                  ended after Alive
//
// It ends when no seat is left, offered or taken, and no program.
type hub struct {
	id       string // for TSSH_SESSION
	name     string
	since    time.Time
	dir      string         // for sockets; empty: none could be made
	door     *registry.Door // nil: nobody can ask us
	logf     func(string, ...any)
	programs session.Programs
	lent     forward.Lent
	first    *seat

	moved chan struct{} // token: what follows has changed

	taking sync.Mutex // held while a seat is taken; before mu

	mu      sync.Mutex // guards what follows
	ctx     context.Context
	end     context.CancelCauseFunc
	running sync.WaitGroup // seats
	seats   int            // offered, taken and given up
	coming  int            // of them those whose client has not come
	current *seat          // nil: empty
	heard   time.Time      // of the last client, while empty
	alive   time.Duration  // since then
	trouble error          // why the first client has not come
}

// newHub makes the session that an offer asks for, with a seat for the client
// that wrote it.
func newHub(o terms.Offer, logf func(string, ...any)) (*hub, error) {
	h := &hub{id: rand.Text(), since: time.Now(), logf: logf, moved: make(chan struct{}, 1)}
	c := coming(o)
	others := registry.Glance()
	h.name = registry.Free(o.Name, others)
	var trouble error
	if h.dir, trouble = registry.Dir(); trouble == nil {
		h.door, trouble = registry.Open(h.dir, h.answer, logf)
	}
	if trouble != nil {
		c.Warnings = append(c.Warnings, fmt.Sprintf("this session can't be listed nor attached: %v", trouble))
	}
	var err error
	if h.first, err = h.newSeat(c); err != nil {
		c.leave()
		h.close()
		return nil, err
	}
	if o.Tell {
		for _, s := range roster.Waiting(registry.Sessions(others)) {
			h.first.greeting.Waiting = append(h.first.greeting.Waiting, s.Name)
		}
	}
	return h, nil
}

// run serves clients and keeps their programs until the end of both. The end of ctx
// is a polite end.
func (h *hub) run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	h.mu.Lock()
	h.ctx, h.end = ctx, cancel
	h.sitLocked(h.first)
	h.mu.Unlock()
	defer h.running.Wait() // which may take a while, for a client to close its login
	defer cancel(nil)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		changed := h.programs.Changed()
		h.mu.Lock()
		over := h.seats == 0 && len(h.programs.List()) == 0
		empty, left := h.current == nil && !h.heard.IsZero(), time.Until(h.heard.Add(h.alive))
		trouble := h.trouble
		h.mu.Unlock()
		switch {
		case over:
			return trouble
		case empty && left <= 0:
			h.logf("nobody came back for %v: the programs are hung up", h.alive)
			cancel(errors.New("nobody came back"))
		case empty:
			timer.Reset(left)
		default:
			timer.Stop()
		}
		select {
		case <-ctx.Done():
			h.logf("ending: %v", context.Cause(ctx))
			h.programs.End()
			return nil
		case <-timer.C:
		case <-changed:
		case <-h.moved:
		}
	}
}

// sitLocked offers a seat to its client.
func (h *hub) sitLocked(s *seat) {
	h.seats++
	h.coming++
	ctx := h.ctx
	h.running.Go(func() {
		err := s.run(ctx, func(c *connection) { h.take(s, c) })
		h.leave(s, err)
		s.close()
	})
}

// take gives the session to the client of s, which has come: only now, so that a
// client that can't come takes nothing from the one that is there. That one is told
// and ends; what its keys open is this seat's, which ends with it.
func (h *hub) take(s *seat, c *connection) {
	h.taking.Lock()
	defer h.taking.Unlock()
	h.mu.Lock()
	old := h.current
	h.current, h.heard = s, time.Time{}
	s.connected = c // with it: whoever finds the seat taken may speak to its client
	h.coming--
	h.mu.Unlock()
	if old != nil {
		h.logf("%s takes the session over", s.who)
		old.replaced(h.programs.Take(s.who))
	}
	h.lent.Lead(c.forwards)
	if s.word != "" {
		s.tell(s.word)
	}
	time.AfterFunc(memory.Settled, memory.Trim)
	if s != h.first {
		// What it took to come this far is more than an idle session needs, which
		// would keep it for ever.
		h.running.Go(debug.FreeOSMemory)
	}
}

// leave is the end of a seat.
func (h *hub) leave(s *seat, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.seats--
	if s.connected == nil {
		h.coming--
	}
	if s == h.first {
		h.trouble = err
	}
	if s == h.current {
		h.current = nil
		h.heard, h.alive = time.Now(), s.newcomer.Alive
		if heard := s.proxy.State().Heard; s.silent() && !heard.IsZero() {
			h.heard = heard // and its time may be over
		}
	}
	h.stir()
}

// stir makes run look again.
func (h *hub) stir() {
	select {
	case h.moved <- struct{}{}:
	default:
	}
}

// close lets go of all. The door is there for longer than the seats' relays: one
// without it would be taken for a session of a release that had none.
func (h *hub) close() {
	if h.first != nil && h.ctx == nil { // it never ran
		h.first.close()
	}
	h.lent.Close()
	if h.door != nil {
		h.door.Close()
	}
	if h.dir != "" {
		os.RemoveAll(h.dir)
	}
}

// answer answers who asks at our door, which is the user.
func (h *hub) answer(ctx context.Context, conn *net.UnixConn, q registry.Request) registry.Answer {
	h.mu.Lock()
	over, current := h.ctx != nil && h.ctx.Err() != nil, h.current
	h.mu.Unlock()
	if over {
		return registry.Answer{Error: errBeginning.Error()}
	}
	answers := current == nil || current.answers(ctx, q.Within)
	a := registry.Answer{Session: h.describe()}
	a.Session.Here = a.Session.Here && answers
	var err error
	switch q.Ask {
	case "list":
	case "end":
		err = h.endBy(q.By)
	case "attach":
		a.Greeting, err = h.attach(conn, q)
	default:
		err = fmt.Errorf("tsshd %s can't %s", terms.Release, q.Ask)
	}
	if err != nil {
		a.Error = err.Error()
	}
	return a
}

// Why a session can't be attached.
var (
	errNotPermitted = errors.New("sshd permits this login no terminal, so it can't attach a session")
	errNoTerminal   = errors.New("it has no terminal")
)

var errBeginning = errors.New("it is just beginning, or ending")

// endBy ends the session because somebody said so.
func (h *hub) endBy(who string) error {
	h.mu.Lock()
	end, current := h.end, h.current
	h.mu.Unlock()
	if end == nil {
		return errBeginning
	}
	if current != nil {
		current.tell("ended by " + who)
	}
	end(fmt.Errorf("ended by %s", who))
	return nil
}

// attach offers a seat to a login that has worked out, in its own context, what its
// sshd permits. Both processes are the user's and of one release, so what it says
// is taken as our own.
func (h *hub) attach(conn *net.UnixConn, q registry.Request) (greeting string, err error) {
	if q.Release != terms.Release {
		return "", fmt.Errorf("it is of release %s, and this is %s: only the same can take it over", terms.Release, q.Release)
	}
	var c newcomer
	if err := json.Unmarshal(q.Attach, &c); err != nil || c.Policy == nil {
		return "", errors.New("what was asked is malformed")
	}
	if _, err := terms.ParseOffer(c.Offer.String()); err != nil {
		return "", err
	}
	if !c.Policy.TTY || c.Policy.Forced() != "" { // who asked should have known
		return "", errNotPermitted
	}
	if c.Offer.Inside == h.id {
		return "", errors.New("you are inside of it: what it shows would come out of itself")
	}
	programs := h.programs.List()
	if c.Terminal > len(programs) {
		return "", fmt.Errorf("it has %d terminals only", len(programs))
	}
	p := h.programs.Meant()
	if p == nil {
		return "", errNoTerminal
	}
	if c.Terminal > 0 {
		p = programs[c.Terminal-1]
	}
	c.login = logins.Of(conn, c.Offer.String())
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.ctx == nil || h.ctx.Err() != nil:
		return "", errBeginning
	case h.coming >= maxComing || h.seats >= maxSeats:
		return "", errors.New("too many clients are on their way to it")
	}
	s, err := h.newSeat(c)
	if err != nil {
		return "", err
	}
	s.greeting.Terminal = p.ID()
	if d := p.Describe(); !d.Ended.IsZero() {
		t := d.Told()
		s.word = fmt.Sprintf("joined %v after its program had ended, %s", time.Since(t.Ended).Round(time.Second), t.Outcome())
	}
	h.sitLocked(s)
	h.logf("a seat is offered to %s", s.who)
	return s.greeting.Line(), nil
}

// describe tells of the session.
func (h *hub) describe() terms.Session {
	s := terms.Session{Name: h.name, PID: os.Getpid(), Release: terms.Release, Since: h.since}
	h.mu.Lock()
	current := h.current
	s.Heard = h.heard
	h.mu.Unlock()
	if current != nil {
		state := current.proxy.State()
		s.Here, s.Heard = state.Online, state.Heard
		if state.Remote.IsValid() {
			s.Client = state.Remote.String()
		}
	}
	for _, p := range h.programs.List() {
		d := p.Describe()
		s.Terminals = append(s.Terminals, d.Told())
		s.Here = s.Here && !d.Away
	}
	return s
}

// cameAs says who a login is, to the client whose place it takes.
func cameAs(user string, env []string) string {
	var from string
	for _, v := range env {
		if place, ok := strings.CutPrefix(v, "SSH_CONNECTION="); ok {
			from, _, _ = strings.Cut(place, " ")
		}
	}
	return user + " from " + cmp.Or(from, "this machine")
}
