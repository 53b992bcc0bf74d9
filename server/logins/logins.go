// Package logins ends the sshd processes that a session has left behind.
//
// Whoever moves from network to network logs in again and again, and closes the
// logins before; but the connection of one whose network is gone is never heard
// to close, and its sshd waits for hours. tsshd knows which logins were made for its
// session: the one that started it, and those from which a relay came. It ends those
// before the newest, once nothing comes through them, and the newest after the
// end of the session.
//
// A wrong one must never be ended, so everything must hold:
//
//   - It is the process above ours, or above a relay that the kernel saw connect to
//     our socket, of which the path is known to our client alone; all between are
//     the user's, and run no sshd (find).
//   - It is what serves one login of our own user, by its title: never sshd's
//     privileged half nor the one that listens. As its title says it never had a
//     terminal, so nobody works there (serves).
//   - Nothing runs in that login: it has no child. Whoever shares its connection,
//     as a master's clients do, has one.
//   - It is still that process, by pid and time of start, and the signal goes to a
//     descriptor that was opened before this was looked at: a number that is given
//     to another process meanwhile does no harm (end).
//   - A newer login has brought a knock that only the client can make, so the client
//     has logged in again and, as it does then, dropped the one before; or it has
//     used the session, after which it never falls back to its login, and the session
//     has ended. The client must see its own close first: there is time for that.
//
// The signal is SIGTERM, which sshd takes as the end of the connection. A user who
// could forge any of this could as well send it.
package logins

import (
	"context"
	"slices"
	"sync"
	"time"
)

// Login is the sshd process of one login. The zero Login is one that is not known.
type Login struct {
	pid   int
	start uint64 // clock ticks since the machine started
}

const (
	every   = 250 * time.Millisecond // between looks at a login that is to end
	retries = 40                     // of them: a relay takes a moment to end
)

// Logins are those of one session.
type Logins struct {
	end  func(Login) (over bool) // ends one where nothing runs
	wake chan struct{}           // token

	mu      sync.Mutex // guards what follows
	known   []Login    // in the order in which they came
	streams map[Login]int
	newest  Login // the last that brought a knock of the client's
	all     bool  // the session has ended
}

// New begins with the login that started us.
func New(first Login) *Logins { return newLogins(first, end) }

func newLogins(first Login, end func(Login) bool) *Logins {
	l := &Logins{end: end, wake: make(chan struct{}, 1), streams: map[Login]int{}, newest: first}
	if first != (Login{}) {
		l.known = []Login{first}
	}
	return l
}

// Came notes a stream from a login. The client is known to be behind it once
// proven is called; gone ends the stream. Both may be called more than once.
func (l *Logins) Came(x Login) (proven, gone func()) {
	if x == (Login{}) {
		return func() {}, func() {}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if !slices.Contains(l.known, x) {
		l.known = append(l.known, x)
	}
	l.streams[x]++
	return sync.OnceFunc(func() { l.prove(x) }), sync.OnceFunc(func() { l.left(x) })
}

// prove makes x the newest, unless a later one is already.
func (l *Logins) prove(x Login) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if slices.Index(l.known, x) > slices.Index(l.known, l.newest) {
		l.newest = x
	}
	l.look()
}

func (l *Logins) left(x Login) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.streams[x]--; l.streams[x] == 0 {
		delete(l.streams, x)
	}
	l.look()
}

func (l *Logins) look() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// Unused are the logins to be ended now.
func (l *Logins) unused() (list []Login) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.all {
		return slices.Clone(l.known)
	}
	for _, x := range l.known[:max(0, slices.Index(l.known, l.newest))] {
		if l.streams[x] == 0 {
			list = append(list, x)
		}
	}
	return list
}

func (l *Logins) forget(x Login) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.known = slices.DeleteFunc(l.known, func(y Login) bool { return x == y })
}

// sweep ends what is unused. It reports whether something is left of that.
func (l *Logins) sweep() (left bool) {
	for _, x := range l.unused() {
		if l.end(x) {
			l.forget(x)
		} else {
			left = true
		}
	}
	return left
}

// Run ends logins as they fall out of use, until ctx ends.
func (l *Logins) Run(ctx context.Context) {
	for {
		select {
		case <-l.wake:
			l.settle(ctx)
		case <-ctx.Done():
			return
		}
	}
}

// settle looks for as long as a relay may take to end. What runs longer in a login
// is not ours, and the login is looked at again when another falls out of use.
func (l *Logins) settle(ctx context.Context) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for range retries {
		select {
		case <-tick.C: // also before the first look: the client's own close comes first
		case <-ctx.Done():
			return
		}
		if !l.sweep() {
			return
		}
	}
}

// Close ends all logins that are left when the client has had its time to do so.
// Run must have returned.
func (l *Logins) Close(ctx context.Context, patience time.Duration) {
	l.mu.Lock()
	l.all = true
	known := slices.Clone(l.known)
	l.mu.Unlock()
	if len(known) == 0 {
		return
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for wait := patience; wait > 0; wait -= every {
		if !slices.ContainsFunc(known, alive) {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
	l.settle(ctx)
}
