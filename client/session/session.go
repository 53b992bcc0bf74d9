// Package session runs one session over an ssh.Conn, whatever carries it: the
// requests that start it, the bytes both ways, escapes, window changes, and
// the exit status. Words, order and exit codes are those of ssh.
package session

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/ssh"

	"tssh/client/config"
	"tssh/client/tty"
	"tssh/client/voice"
	"tssh/proxy/cause"
	"tssh/proxy/visible"
)

// exitLost is ssh's exit code for every end but the command's own.
const exitLost = 255

// Terminal is what a session with a pty needs of the user's terminal;
// *tty.Terminal is one.
type Terminal interface {
	io.Reader
	io.Writer
	Raw() error
	Restore() error
	Guard()
	Suspend() error
	Size() tty.Size
	Modes() []byte
	Resized() (changed <-chan os.Signal, stop func())
}

// Options say what a session does besides what the Host says.
type Options struct {
	Command string // "": a login shell; the subsystem's name with SessionType subsystem
	TTY     bool   // ask for a pty: see TTY
	Guest   *Guest // whose session it is; nil: our own

	Stdin    io.Reader // nil, or with Host.StdinNull and no Guest: nothing to read
	Stdout   io.Writer
	Stderr   io.Writer
	Terminal Terminal // nil: neither stdin nor stdout is one
	// Screen says that Stdout is Terminal's screen, where a notice may be drawn.
	Screen bool

	Log     voice.Log
	Verbose func(step int) voice.Level // changes LogLevel for ~v and ~V; nil: none

	// Prepare is called when the channel is open, before anything is asked for:
	// the place of the agent's and X11's requests. nil: nothing.
	Prepare func(ssh.Channel)
	// Started is called when the shell or command runs. nil: nothing.
	Started func()

	// Attach is the terminal to come back to, of a session that runs; 0: a new one.
	Attach uint32
	// Name is what a session is called that outlives us; "": it ends with us.
	Name string
	// Word is why the server ends the connection, in its own words; nil: it says nothing.
	Word func() string

	Forwards Forwards        // what ~C and ~# work on; nil: none
	Leave    func() error    // for ~&: lets the shell go on; nil: it is made to
	Rekey    func() error    // for ~R; nil: keys renew themselves
	Chaff    func() error    // sends what looks like a key; nil: keys leave as they are typed
	Info     func() []string // the lines of ~I; nil: none
	Status   func() []string // the lines of ~s; nil: none
	Cut      func() string   // what ~! of the demo does; nil: sent as typed
	Contact  *Contact        // how the way to the server is; nil: unknown, no notices
}

// Guest is what the client of a master chose for its session, where the Host is
// the master's own. It says ssh's last words itself.
type Guest struct {
	Subsystem bool     // Options.Command is the name of one
	Term      string   // TERM
	Env       []string // NAME=VALUE, each of which is sent
	Escape    int      // the escape character; -1: none
}

// TTY tells whether a session asks for a pty, by ssh's rules; terminal says that
// stdin is one. It says so itself when a terminal was wanted and can't be.
func TTY(h *config.Host, command string, terminal bool, log voice.Log) bool {
	want := command == ""
	switch h.RequestTTY {
	case "no":
		want = false
	case "yes":
		want = true
	case "force":
		want = h.SessionType != "none"
		return want
	}
	if h.SessionType == "none" {
		return false
	}
	if want && (!terminal || h.StdinNull) {
		log.Infof("Pseudo-terminal will not be allocated because stdin is not a terminal.")
		return false
	}
	return want
}

// Forwards are the forwardings that a session can list, change and wait for.
type Forwards interface {
	// Command carries out a line of ~C and returns what to say of it.
	Command(line string) string
	// Lines describe the connections that are open.
	Lines() []string
	// StopListening takes no new connections; those that are open go on.
	StopListening()
	// Wait returns when no forwarded connection is open, or ctx ends.
	Wait(ctx context.Context)
}

// run is one session under way.
type run struct {
	Options
	host *config.Host
	conn ssh.Conn
	ch   ssh.Channel

	keys           *keys
	quit           chan struct{}          // one value: the user gave up (~.)
	deaf           atomic.Bool            // the far side takes no more input
	lives          atomic.Bool            // the session goes on without us
	detached       atomic.Bool            // because of ~d
	said           atomic.Bool            // what becomes of it
	taken          atomic.Pointer[string] // who has it now; nil: we
	denied         bool                   // the far side would not run the command; told before begin ends
	lost           <-chan error           // why the connection ended
	screen         *overlay               // nil without a terminal to draw on
	sent, received counter
	start          time.Time
}

// Run runs a session to its end and returns the exit status that ssh would
// return. Whatever ssh would say is said by then; an error is what it would not,
// and nobody said it. Everything the far side wrote has been written out before
// Run returns, and the terminal is in order. What waits for conn's end goes with
// conn, and a read of Stdin that is under way ends with the next byte.
func Run(ctx context.Context, conn ssh.Conn, h *config.Host, o Options) (exit int, err error) {
	r := &run{Options: o, host: h, conn: conn, keys: newKeys(), quit: make(chan struct{}, 1), start: time.Now()}
	signals, stop := catchSignals()
	defer stop()
	lost := make(chan error, 1)
	go func() { lost <- conn.Wait() }()
	r.lost = lost
	r.Log.Debugf("Entering interactive session.")
	if h.SessionType == "none" && o.Guest == nil {
		return r.idle(ctx, signals), nil
	}
	ch, reqs, err := conn.OpenChannel("session", nil)
	if err != nil {
		return r.refused(err)
	}
	r.ch = ch
	defer func() { go ch.Close() }() // which waits for keys that an outage keeps here
	if r.TTY && r.Terminal != nil {
		defer r.Terminal.Restore()
		// -tt without a terminal to set is what -tt is for.
		if err := r.Terminal.Raw(); err != nil && h.RequestTTY != "force" {
			r.Log.Errorf("%v", err)
		}
	}
	return r.session(ctx, reqs, signals), nil
}

// refused tells why the session's channel could not be opened.
func (r *run) refused(err error) (int, error) {
	var open *ssh.OpenChannelError
	if errors.As(err, &open) {
		r.Log.Infof("channel 0: open failed: %s: %s", voice.Refusal(open.Reason), open.Message)
		return exitLost, nil
	}
	select {
	case why := <-r.lost:
		r.tell(r.lostWords(why))
		return exitLost, nil
	case <-time.After(time.Second):
	}
	return exitLost, fmt.Errorf("open session: %w", err)
}

// idle is a connection without a session (-N): it lasts until it is ended.
func (r *run) idle(ctx context.Context, signals <-chan os.Signal) int {
	select {
	case <-ctx.Done():
		return exitLost
	case why := <-r.lost:
		r.tell(r.lostWords(why))
		return exitLost
	case s := <-signals:
		if isTerminate(s) {
			return 0 // ended on purpose
		}
		return r.killed(s)
	}
}

// killed tells of the signal that ends the session.
func (r *run) killed(s os.Signal) int {
	r.Log.Verbosef("Killed by signal %d.", signalNumber(s))
	return exitLost
}

// lostWords is what ssh says when the connection ends under it.
func (r *run) lostWords(why error) string {
	var own interface{ Unsaid() string }
	if errors.As(why, &own) {
		return own.Unsaid()
	}
	if why == nil || errors.Is(why, io.EOF) {
		return fmt.Sprintf("Connection to %s closed by remote host.", r.host.HostName)
	}
	return fmt.Sprintf("Read from remote host %s: %s", r.host.HostName, cause.Of(why))
}

// tell writes one line of ssh's own to stderr. It ends as it must where the
// terminal is raw.
func (r *run) tell(line string) {
	if line == "" {
		return // it has been said
	}
	fmt.Fprintf(r.Stderr, "%s\r\n", visible.Text(line))
}
