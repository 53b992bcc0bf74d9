package session

import (
	"strings"
	"time"

	"tssh/client/voice"
	"tssh/proxy/terms"
	"tssh/proxy/visible"
)

// How long the server may take to let us go when we leave a session to itself, and
// how long a request may take to be on its way.
const (
	parting = 2 * time.Second
	saying  = 300 * time.Millisecond
)

// detach leaves the session running (~d). A server that can be reached closes the
// channel; one that can't notices later that we are gone, with the same effect.
func (r *run) detach() {
	r.detached.Store(true)
	r.leave()
	if r.offline() {
		r.giveUp()
		return
	}
	time.AfterFunc(parting, r.giveUp)
}

// leave asks the server, after everything that was typed, to keep the program on our
// terminal running without us.
func (r *run) leave() {
	if r.Name == "" || !r.TTY {
		return
	}
	r.lives.Store(true)
	r.keys.end()
	r.say(func() {
		<-r.keys.done
		r.ch.SendRequest(terms.DetachRequest, false, nil)
	})
}

// leaveAll is leave for every terminal of the connection.
func (r *run) leaveAll() {
	if r.Name == "" {
		return
	}
	r.leave()
	r.say(func() { r.conn.SendRequest(terms.LeaveRequest, true, nil) })
}

// say gives a request a moment to leave: without contact it may wait for long.
func (r *run) say(words func()) {
	said := make(chan struct{})
	go func() { words(); close(said) }()
	t := time.NewTimer(saying)
	defer t.Stop()
	select {
	case <-said:
	case <-t.C:
	}
}

func (r *run) offline() bool {
	if r.Contact == nil {
		return false
	}
	st := r.Contact.State()
	return !st.Online && !st.Lost.IsZero()
}

// part clears the terminal of a program that continues without us, and prints, once,
// what becomes of it.
func (r *run) part() {
	words := r.parted()
	if words == "" || r.said.Swap(true) {
		return
	}
	end := ""
	if r.screen.midLine() {
		end = "\r\n"
	}
	r.screen.abandon()
	r.restore()
	if r.level() >= voice.Info {
		r.tell(end + words)
	}
}

// parted is what to print of a session that continues without us; "": it has ended.
func (r *run) parted() string {
	name := visible.Line(r.Name)
	if by := r.taken.Load(); by != nil {
		return "tssh: session " + name + " was taken over by " + visible.Line(*by) + "."
	}
	if r.Word != nil && r.Word() != "" {
		return "tssh: session " + name + " was " + visible.Line(r.Word()) + "."
	}
	if r.lives.Load() {
		return "tssh: session " + name + " goes on; to come back: tssh --attach=" + visible.Word(name) + " " + r.Way
	}
	return ""
}

// stays prints what may become of a session that the server could not be asked to end.
func (r *run) stays() {
	if r.Name == "" || !r.TTY || r.lives.Load() || !r.offline() || r.level() < voice.Info {
		return
	}
	name := visible.Line(r.Name)
	r.restore()
	r.tell("tssh: without contact session " + name + " may go on; tssh --end=" + visible.Word(name) + " " + r.Way + " ends it")
}

// exitKey is how the key that leaves is shown; "": there is none.
func (r *run) exitKey() string {
	key := r.host.UdpReconnectExitKey
	if key < 0 {
		return ""
	}
	return "^" + strings.ToLower(string(rune(key+0x40)))
}
