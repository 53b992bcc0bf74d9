// Package bootstrap starts tsshd on a server to which an ssh connection
// stands, and reads its greeting. It runs one command: a line for sh that any
// login shell passes on. When tsshd is there this costs one round trip; when
// it is not, the same command goes on to read our own program from its stdin,
// puts it into a cache and starts it.
//
// What the command line holds is public, as ps shows it to anyone on the
// server. What is secret, the greeting, comes back on the channel.
//
// A server may say anything, for as long as it likes. So each step has its time,
// what is kept has its size, and what is shown is clean.
package bootstrap

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"tssh/proxy/terms"
)

// maxRuns bounds how often a place that turned out unusable after all, such
// as a disk over its quota, makes us try the next.
const maxRuns = 5

// ErrNotRun says that the server runs what it wants, not what it is asked to:
// git's hosts do so, and accounts for file transfer. Ssh's own session is as
// good there as ever.
var ErrNotRun = errors.New("the server did not run our command")

// ErrForced says that whatever we ask for, the server runs one command. It was
// not asked: what that command does it is to do once.
var ErrForced = errors.New("this login is bound to a forced command")

// ErrLost says that the connection ended, or does not answer any more.
var ErrLost = errors.New("the connection was lost")

// Request is what Start needs to know.
type Request struct {
	Offer     terms.Offer
	Hello     []byte  // the transport's first words; they go where the server takes so long a command
	TsshdPath string  // tried first; empty: the cache, PATH, then an upload
	Binary    *Binary // what may be uploaded; nil: nothing may

	// Forced reports whether the login is bound to one command, when a session
	// was opened; then nothing is run. Nil: nobody knows.
	Forced func(context.Context) bool

	Stderr   io.Writer // where progress is shown
	Progress bool      // Stderr is a terminal and the user wants to see

	Patience Patience
	Logf     func(string, ...any) // nil: silent
}

// Patience is how long we wait. The zero value is for people.
type Patience struct {
	Input time.Duration // for a word of our script, until what took its stdin is told that it ends; 0: 3 s
	Word  time.Duration // for its first word, while the server is silent; 0: 15 s. At most twice that in all
	Greet time.Duration // for the greeting of a program that may be none of ours; 0: 5 s
	Step  time.Duration // for all else, while nothing moves: a disk may be slow; 0: 30 s
}

func (p Patience) orDefault() Patience {
	for _, d := range []struct {
		of     *time.Duration
		preset time.Duration
	}{{&p.Input, 3 * time.Second}, {&p.Word, 15 * time.Second}, {&p.Greet, 5 * time.Second}, {&p.Step, 30 * time.Second}} {
		if *d.of == 0 {
			*d.of = d.preset
		}
	}
	return p
}

// Started is a tsshd that runs and waits for its client.
type Started struct {
	terms.Greeting
	Path string // of the program on the server, as it was run

	// Complaint is what was wrong with TsshdPath; "": nothing.
	Complaint string
	// Said is what came before our script began, from startup files and
	// ~/.ssh/rc: as the server sent it, for a user who asked to see that.
	Said []byte

	windows bool // its login shell is one of Windows'
}

// RelayCommand is the command, for any login shell, that joins its stdin and
// stdout to this tsshd: the path through ssh.
func (s Started) RelayCommand() (string, error) {
	if s.windows {
		return s.relayWindows()
	}
	words, err := quoteAll(s.Path, terms.CommandRelay, s.Relay, strconv.Itoa(s.PID))
	if err != nil {
		return "", fmt.Errorf("relay command: %w", err)
	}
	return words, nil
}

// Start runs tsshd on the server at the other end of client, after sending it
// there when that is needed. The error is one line that says what was tried;
// the connection can be used on unless it is ErrLost.
func Start(ctx context.Context, client *ssh.Client, req Request) (Started, error) {
	if req.Logf == nil {
		req.Logf = func(string, ...any) {}
	}
	req.Patience = req.Patience.orDefault()
	if !isOpenSSH(client) || isWindows(client) { // dropbear takes no command above 9000 bytes
		req.Hello = nil
	}
	var complaint string
	if _, err := quote(req.TsshdPath); err != nil {
		complaint, req.TsshdPath = fmt.Sprintf("TsshdPath: %v", err), ""
	}
	if req.Binary != nil {
		var err error
		if req.Binary, err = req.Binary.readable(); err != nil {
			req.Logf("bootstrap: not all can be sent: %v", err)
		}
	}
	var places []string // that are of no use, each with its reason
	patient := false
	for range maxRuns {
		line, err := commandLine(req, places)
		if err != nil {
			return Started{}, err
		}
		t := newTalk(req, places, patient)
		started, err := t.run(ctx, client, line)
		if complaint == "" {
			complaint = t.complaint
		}
		started.Complaint = complaint
		if !t.again && errors.Is(err, ErrNotRun) && isWindows(client) && ctx.Err() == nil {
			return startWindows(ctx, client, req)
		}
		if !t.again {
			if err != nil && complaint != "" && !errors.Is(err, ErrLost) && ctx.Err() == nil {
				err = fmt.Errorf("%s; %w", complaint, err)
			}
			return started, err
		}
		// The stream of an upload cannot be taken up again on the same command.
		places, patient = t.places, true
	}
	return Started{}, noPlace(places)
}

func noPlace(places []string) error {
	return fmt.Errorf("no place for tsshd: %s", strings.Join(places, "; "))
}
