// Package bootstrap starts tsshd on a server to which an ssh connection
// stands, and reads its greeting. It runs one command: a line for sh that any
// login shell passes on. When tsshd is there this costs one round trip; when
// it is not, the same command goes on to read our own program from its stdin,
// puts it into a cache and starts it.
//
// What the command line holds is public, as ps shows it to anyone on the
// server. What is secret, the greeting, comes back on the channel.
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

	"tssh/proxy/wire"
)

// quiet is how long a server may say nothing before we give up: a login may
// wait for a slow home directory, but not for ever.
const quiet = 60 * time.Second

// maxPlaces bounds how often a place that turned out unusable after all, such
// as a disk over its quota, makes us try the next.
const maxPlaces = 5

// ErrNotRun says that the server runs what it wants, not what it is asked to:
// git's hosts do so, and accounts for file transfer. Ssh's own session is as
// good there as ever.
var ErrNotRun = errors.New("the server did not run our command")

// Request is what Start needs to know.
type Request struct {
	Offer     wire.Offer
	TsshdPath string  // tried first; empty: the cache, PATH, then an upload
	Binary    *Binary // what may be uploaded; nil: nothing may

	Stderr   io.Writer // where progress is shown
	Progress bool      // Stderr is a terminal and the user wants to see

	Quiet time.Duration        // give up on a server that is silent this long; 0: a minute
	Logf  func(string, ...any) // nil: silent
}

// Started is a tsshd that runs and waits for its client.
type Started struct {
	wire.Greeting
	Path string // of the program on the server, as it was run
}

// RelayCommand is the command, for any login shell, that joins its stdin and
// stdout to this tsshd: the path through ssh.
func (s Started) RelayCommand() (string, error) {
	words, err := quoteAll(s.Path, "relay", s.Relay, strconv.Itoa(s.PID))
	if err != nil {
		return "", fmt.Errorf("relay command: %w", err)
	}
	return words, nil
}

// Start runs tsshd on the server at the other end of client, after sending it
// there when that is needed. An error says what was tried. When ctx ends, or
// the server falls silent, the connection is closed.
func Start(ctx context.Context, client *ssh.Client, req Request) (Started, error) {
	if req.Logf == nil {
		req.Logf = func(string, ...any) {}
	}
	if req.Quiet == 0 {
		req.Quiet = quiet
	}
	var places []string // that are of no use, each with its reason
	for range maxPlaces {
		line, err := commandLine(req, places)
		if err != nil {
			return Started{}, err
		}
		t := talk{req: req, places: places}
		started, err := t.run(ctx, client, line)
		if !t.again {
			return started, err
		}
		// The stream of an upload cannot be taken up again on the same command.
		places = t.places
	}
	return Started{}, noPlace(places)
}

func noPlace(places []string) error {
	return fmt.Errorf("no place for tsshd: %s", strings.Join(places, "; "))
}
