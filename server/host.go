package server

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"tssh/proxy/roster"
	"tssh/proxy/wire"
	"tssh/server/registry"
)

// host is one session over UDP: what outlives its clients. Each client has a
// seat, one after the other.
type host struct {
	name  string
	since time.Time
	dir   string         // for sockets; empty: none could be made
	door  *registry.Door // nil: nobody can ask us
	logf  func(string, ...any)
	first *seat

	mu      sync.Mutex // guards what follows
	end     context.CancelCauseFunc
	current *seat     // nil: no client
	heard   time.Time // of the last client, while there is none
}

// newHost makes the session that an offer asks for, with a seat for the client
// that wrote it.
func newHost(o wire.Offer, logf func(string, ...any)) (*host, error) {
	h := &host{since: time.Now(), logf: logf}
	c, err := coming(o)
	if err != nil {
		return nil, err
	}
	others := registry.List()
	h.name = registry.Free(o.Name, others)
	var trouble error
	if h.dir, trouble = registry.Dir(); trouble == nil {
		h.door, trouble = registry.Open(h.dir, h.answer, logf)
	}
	if trouble != nil {
		c.Warnings = append(c.Warnings, fmt.Sprintf("this session can't be listed nor attached: %v", trouble))
	}
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

// run serves the client. The end of ctx is a polite end.
func (h *host) run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	h.mu.Lock()
	h.end = cancel
	h.mu.Unlock()
	return h.first.run(ctx, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.current = h.first
	})
}

func (h *host) close() {
	if h.door != nil {
		h.door.Close()
	}
	if h.first != nil {
		h.first.close()
	}
	if h.dir != "" {
		os.RemoveAll(h.dir)
	}
}

// answer answers who asks at our door, which is the user.
func (h *host) answer(_ context.Context, _ *net.UnixConn, q registry.Request) registry.Answer {
	a := registry.Answer{Session: h.describe()}
	switch q.Ask {
	case "list":
	case "end":
		h.mu.Lock()
		end := h.end
		h.mu.Unlock()
		if end == nil {
			a.Error = "it is beginning"
			break
		}
		end(fmt.Errorf("ended by %s", q.By))
	default:
		a.Error = fmt.Sprintf("tsshd %s can't %s", wire.Release, q.Ask)
	}
	return a
}

// describe tells of the session.
func (h *host) describe() roster.Session {
	s := roster.Session{Name: h.name, PID: os.Getpid(), Release: wire.Release, Since: h.since}
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
