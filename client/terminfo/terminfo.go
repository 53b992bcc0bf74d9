// Package terminfo brings the description of the user's terminal to servers
// that lack it, as full-screen programs there would not start otherwise.
//
// It goes to tsshd along with each session, which costs no round trip. Any other
// server is asked by a command of its own while the session waits, so that the first
// shell already finds it. We remember which server was asked, and ask none again for a
// month.
package terminfo

import (
	"bufio"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"tssh/client/voice"
	compiled "tssh/proxy/terminfo"
)

const (
	remember = 30 * 24 * time.Hour // that a server was asked
	patience = 5 * time.Second     // for its answer: a session is not to wait for longer
	maxHeard = 64 << 10            // of what it says, with the noise of startup files
)

//go:embed ask.sh
var script string

// Of returns the description of a terminal that a server may lack. ok is false
// for one that every system knows, or of which there is none here.
func Of(term string) (e compiled.Entry, ok bool) {
	if !compiled.Rare(term) {
		return e, false
	}
	home, _ := os.UserHomeDir()
	return compiled.Find(term, os.Getenv, home)
}

// Send brings e to the session of tsshd's that ch is.
func Send(ch ssh.Channel, e compiled.Entry, log voice.Log) {
	log.Debugf("terminfo: %s, %d bytes, go along with the session", e.Name, len(e.Data))
	ch.SendRequest(compiled.Request, false, ssh.Marshal(e))
}

// Server is one that a session is asked of over ssh's own connection.
type Server struct {
	Client *ssh.Client
	Key    []byte // of the host, by which it is known again
	// Forced reports whether the login is bound to one command, which is not to
	// run for this.
	Forced func(context.Context) bool
	// Memory is the directory of what was asked; "": the user's cache.
	Memory string
	Log    voice.Log // nil: silent
}

// IsOurs tells whether s is tsshd as ssh's server, which takes what Send sends.
func (s Server) IsOurs() bool {
	return strings.HasPrefix(string(s.Client.ServerVersion()), "SSH-2.0-tsshd")
}

// Bring brings e to s, unless it is there or s was asked before. It returns when
// that is done, or can't be; a session goes on in any case.
func (s Server) Bring(ctx context.Context, e compiled.Entry) {
	version := string(s.Client.ServerVersion())
	if !isUnix(version) {
		s.Log.Debugf("terminfo: %s is not asked for", version)
		return
	}
	mark, err := s.mark(e.Name)
	if err != nil {
		s.Log.Debugf("terminfo: not asked for, as that can't be remembered: %v", err)
		return
	}
	if info, err := os.Stat(mark); err == nil && time.Since(info.ModTime()) < remember {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if s.Forced != nil && s.Forced(ctx) {
		return
	}
	// Before it is asked: where that can't be remembered, a forced command of which
	// nobody tells would run at every login.
	if err := os.WriteFile(mark, nil, 0o600); err != nil {
		s.Log.Debugf("terminfo: not asked for, as that can't be remembered: %v", err)
		return
	}
	answer, err := s.answer(ctx, e)
	if err != nil {
		s.Log.Debugf("terminfo: %s: %v", e.Name, err)
		if answer == unasked {
			os.Remove(mark)
		}
		return
	}
	s.Log.Debugf("terminfo: %s: %s", e.Name, answer)
}

// isUnix tells by its greeting whether a server runs sh. Devices that do not may
// end the connection for a second session, or for a command that they don't know.
func isUnix(version string) bool {
	v := strings.ToLower(strings.TrimPrefix(version, "SSH-2.0-"))
	return (strings.HasPrefix(v, "openssh") || strings.HasPrefix(v, "dropbear")) && !strings.Contains(v, "windows")
}

// mark is the file whose time is when s was asked for the terminal, for this user.
func (s Server) mark(term string) (string, error) {
	dir := s.Memory
	if dir == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return "", err
		}
		dir = filepath.Join(cache, "tssh", "terminfo")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	old, _ := os.ReadDir(dir)
	for _, f := range old {
		if info, err := f.Info(); err == nil && time.Since(info.ModTime()) > remember {
			os.Remove(filepath.Join(dir, f.Name()))
		}
	}
	// A name that says nothing of where the user has been.
	h := sha256.New()
	fmt.Fprintf(h, "%s\x00%s\x00%s", s.Key, s.Client.User(), term)
	return filepath.Join(dir, hex.EncodeToString(h.Sum(nil))), nil
}

// unasked is the answer of a server that could not be asked, and may be later.
const unasked = ""

// answer is ask that does not outlive ctx. What waits for a server that does not even
// answer to the end of a session goes with the connection.
func (s Server) answer(ctx context.Context, e compiled.Entry) (answer string, err error) {
	answered := make(chan struct{})
	var said string
	var failed error
	go func() {
		defer close(answered)
		said, failed = s.ask(ctx, e)
	}()
	select {
	case <-answered:
		return said, failed
	case <-ctx.Done():
		return "no answer", context.Cause(ctx)
	}
}

// ask runs the script on the server and returns its last word.
func (s Server) ask(ctx context.Context, e compiled.Entry) (answer string, err error) {
	session, err := s.Client.NewSession()
	var refused *ssh.OpenChannelError
	if errors.As(err, &refused) {
		return "refused", err
	}
	if err != nil {
		return unasked, err
	}
	stop := context.AfterFunc(ctx, func() { session.Close() })
	defer func() {
		if stop() {
			session.Close()
		}
	}()
	stdin, err := session.StdinPipe()
	if err != nil {
		return unasked, err
	}
	stdout, err := session.StdoutPipe()
	if err != nil {
		return unasked, err
	}
	if err := session.Start(command(e)); err != nil {
		return "refused", errors.New("the server doesn't run our command")
	}
	answer = "no answer"
	lines := bufio.NewScanner(io.LimitReader(stdout, maxHeard))
	for lines.Scan() {
		_, word, _ := strings.Cut(lines.Text(), "{tssh:")
		switch word, _, _ = strings.Cut(word, "}"); word {
		case "there", "kept", "no place for it":
			return word, nil
		case "send":
			// Before it asks, the server may run something else that would read this.
			answer = "sent, and not kept"
			go func() {
				stdin.Write(e.Data)
				stdin.Close()
			}()
		}
	}
	return answer, context.Cause(ctx)
}

// command is the script as one line that every login shell passes on: there is
// no apostrophe, exclamation mark or backslash in it. All the rest is plain.
func command(e compiled.Entry) string {
	var line []string
	for l := range strings.Lines(script) {
		if l = strings.TrimSpace(l); l != "" && l[0] != '#' {
			line = append(line, l)
		}
	}
	letter, number := compiled.Files(e.Name)
	return fmt.Sprintf("sh -c '%s' sh %s %s %s %d", strings.Join(line, " "), e.Name, letter, number, len(e.Data))
}
