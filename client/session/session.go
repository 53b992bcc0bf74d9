// Package session runs one session over any ssh.Conn: the requests that start it,
// the bytes both ways, escapes, window changes, the exit status. Its messages, their
// order and the exit codes are those of ssh.
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
	Guest   *Guest // for a session of a master's client; nil: it is our own

	Stdin    io.Reader // nil, or with Host.StdinNull and no Guest: nothing to read
	Stdout   io.Writer
	Stderr   io.Writer
	Terminal Terminal // nil: neither stdin nor stdout is one
	// Screen says that Stdout is Terminal's screen, where a notice may be drawn.
	Screen bool

	Log     voice.Log
	Verbose func(step int) voice.Level // changes LogLevel for ~v and ~V; nil: none

	// Prepare is called when the channel is open, before the first request. It asks
	// for agent and X11. nil: nothing.
	Prepare func(ssh.Channel)
	// Started is called when the shell or command runs. nil: nothing.
	Started func()

	// Attach is the terminal of a running session to attach; 0: a new one.
	Attach uint32
	// Name is the name of a session that outlives us; "": it ends with us.
	Name string
	// Way is what leads to its host once more, for the shell of who is told of it.
	Way string
	// Word returns the reason that the server gives for ending the connection; nil: none.
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

// Guest is what the client of a master chose for its session: the Host is the
// master's. The client prints ssh's last line itself.
type Guest struct {
	Subsystem bool     // Options.Command is the name of one
	Term      string   // TERM
	Env       []string // NAME=VALUE, each of which is sent
	Escape    int      // the escape character; -1: none
}

// TTY tells whether a session asks for a pty, by ssh's rules; terminal says whether
// stdin is one. Where a pty was wanted and can't be had, it warns.
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
	quit           chan struct{}          // gets one value when the user gave up (~.)
	deaf           atomic.Bool            // the far side takes no more input
	lives          atomic.Bool            // the session continues without us
	detached       atomic.Bool            // lives because of ~d
	said           atomic.Bool            // the user was told whether it continues
	taken          atomic.Pointer[string] // who took it over; nil: nobody
	denied         bool                   // the far side would not run the command; told before begin ends
	lost           <-chan error           // why the connection ended
	screen         *overlay               // nil without a terminal to draw on
	sent, received counter
	start          time.Time
}

// Run runs a session to its end and returns ssh's exit status for it. Run has printed
// what ssh would print; an error is something else, which the caller has to print.
// When Run returns, all output of the far side is written and the terminal is
// restored. Goroutines that wait for conn end with conn, and a read of Stdin that is
// under way ends with the next byte.
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
	defer func() { go ch.Close() }() // it waits for keys that can't leave in an outage
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

// idle waits for the end of a connection without a session (-N).
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

// killed prints which signal ended the session.
func (r *run) killed(s os.Signal) int {
	r.Log.Verbosef("Killed by signal %d.", signalNumber(s))
	return exitLost
}

// lostWords is what ssh prints when the connection ends during a session.
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

// tell writes one line of ssh's own to stderr, with the line end that a raw terminal
// needs.
func (r *run) tell(line string) {
	if line == "" {
		return // it has been said
	}
	fmt.Fprintf(r.Stderr, "%s\r\n", visible.Text(line))
}
