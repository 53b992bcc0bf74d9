// Package registry is how the sessions of one user on one machine are found and
// asked, without anything that all of them share: each tsshd has a directory of
// its own with a socket in it, the door, and whoever looks for sessions looks for
// such directories.
//
// The directories lie where everybody may write. Nobody can stand in their
// place, as their names are made up when they are made; what others put beside
// them is passed by, since a directory counts only when it belongs to the user and
// nobody else may enter it. Beyond that both ends of a connection look whose
// process the other one is.
package registry

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"tssh/proxy/accept"
	"tssh/proxy/peer"
	"tssh/proxy/terms"
)

const (
	prefix = "tsshd-"
	door   = "session"

	patience   = 2 * time.Second // for what is listed: a tsshd may be stopped
	glance     = 250 * time.Millisecond
	attention  = 10 * time.Second // of a tsshd for one question
	fresh      = time.Minute      // a directory may be there before somebody listens
	maxMessage = 256 << 10        // of a question or an answer, in bytes
	maxAsking  = 16               // questions under way
)

// Request is a question to a tsshd. Both it and the Answer are a line of JSON, of
// which other releases may know more, or less.
type Request struct {
	Ask     string          `json:"ask"`              // list, attach or end
	Release string          `json:"release"`          // of who asks
	By      string          `json:"by,omitempty"`     // who that is, for the client that is there
	Within  time.Duration   `json:"within,omitempty"` // the answer to list may take so long; 0: it is what is known
	Attach  json.RawMessage `json:"attach,omitempty"` // what attach brings; between equals only
}

// Answer is what it says.
type Answer struct {
	Session  terms.Session `json:"session"`
	Greeting string        `json:"greeting,omitempty"` // of attach
	Error    string        `json:"error,omitempty"`    // why it is not done
}

// Base is where the directories of all sessions are: TMPDIR may be too long for a
// socket's name, or end with the login.
func Base() string {
	if runtime.GOOS == "windows" {
		return os.TempDir()
	}
	return "/tmp"
}

// Dir makes a directory for a session, which only the user can enter, and the
// user can, whatever the umask of the login.
func Dir() (string, error) {
	dir, err := os.MkdirTemp(Base(), prefix)
	if err == nil {
		err = os.Chmod(dir, 0o700)
	}
	return dir, err
}

// Door answers questions until Close.
type Door struct {
	listen  *net.UnixListener
	answer  func(context.Context, *net.UnixConn, Request) Answer
	logf    func(string, ...any)
	running sync.WaitGroup
	end     context.CancelFunc
}

// Open answers questions by answer, at the door of dir. The end of its context is
// that of the question or of the door.
func Open(dir string, answer func(context.Context, *net.UnixConn, Request) Answer, logf func(string, ...any)) (*Door, error) {
	path := filepath.Join(dir, door)
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err == nil {
		err = os.Chmod(path, 0o600)
	}
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	d := &Door{listen: l, answer: answer, logf: logf, end: cancel}
	asking := make(chan struct{}, maxAsking)
	d.running.Go(func() {
		accept.Each(l.AcceptUnix, func(err error) { logf("session door: %v", err) }, func(conn *net.UnixConn) {
			asking <- struct{}{} // each is over within attention
			d.running.Go(func() {
				defer func() { <-asking }()
				defer conn.Close()
				d.serve(ctx, conn)
			})
		})
	})
	return d, nil
}

// serve answers one question. The directory keeps others out already; this holds
// where a system does not look at the modes on the way to a socket.
func (d *Door) serve(ctx context.Context, conn *net.UnixConn) {
	if err := peer.Same(conn); err != nil {
		d.logf("session door: %v", err)
		return
	}
	conn.SetDeadline(time.Now().Add(attention))
	ctx, cancel := context.WithTimeout(ctx, attention)
	defer cancel()
	waits := context.AfterFunc(ctx, func() { conn.Close() })
	defer waits()
	var q Request
	if err := read(conn, &q); err != nil {
		if !errors.Is(err, io.EOF) { // who looks whether somebody listens says nothing
			d.logf("session door: %v", err)
		}
		return
	}
	waits() // who is asked to end may end before the answer is written, and says it still
	json.NewEncoder(conn).Encode(d.answer(ctx, conn, q))
}

// Close lets nobody in any more and waits for those who are inside.
func (d *Door) Close() {
	d.end()
	d.listen.Close()
	d.running.Wait()
}

func read(from io.Reader, to any) error {
	line, err := bufio.NewReader(io.LimitReader(from, maxMessage)).ReadBytes('\n')
	if err != nil {
		return err
	}
	return json.Unmarshal(line, to)
}

// Entry is a session that was found, and where.
type Entry struct {
	terms.Session
	dir string
}

// List finds the sessions of this user, the oldest first, and removes what dead
// ones have left behind.
func List() []Entry { return list(Base(), patience) }

// Glance is List for who can't wait for one that is stopped: a login.
func Glance() []Entry { return list(Base(), glance) }

func list(base string, patience time.Duration) []Entry {
	names, err := filepath.Glob(filepath.Join(base, prefix+"*"))
	if err != nil {
		return nil
	}
	found := make([]*Entry, len(names))
	var asking sync.WaitGroup
	places := make(chan struct{}, maxAsking)
	for i, dir := range names {
		info, err := os.Lstat(dir)
		if err != nil || !private(info) {
			continue
		}
		places <- struct{}{}
		asking.Go(func() {
			defer func() { <-places }()
			found[i] = look(dir, info, patience)
		})
	}
	asking.Wait()
	var all []Entry
	for _, e := range found {
		if e != nil {
			all = append(all, *e)
		}
	}
	slices.SortFunc(all, func(a, b Entry) int { return a.Since.Compare(b.Since) })
	return all
}

// private reports whether only this user can enter a directory.
func private(info fs.FileInfo) bool {
	return info.IsDir() && peer.Private(info)
}

// look asks who listens in a directory; nil is nobody.
func look(dir string, info fs.FileInfo, patience time.Duration) *Entry {
	q := Request{Ask: "list"}
	if patience > glance {
		q.Within = patience * 2 / 3
	}
	a, err := ask(context.Background(), patience, dir, q)
	switch {
	case err == nil && a.Error == "":
		return &Entry{Session: a.Session, dir: dir}
	case absent(err):
		return older(dir, info)
	case peer.Gone(err):
		sweep(dir, info)
	}
	return nil // it is ending, or stopped
}

// older is a session of a release that had no door, but a relay for its client.
func older(dir string, info fs.FileInfo) *Entry {
	conn, err := net.DialTimeout("unix", filepath.Join(dir, "relay"), patience)
	if err != nil {
		if peer.Gone(err) || absent(err) {
			sweep(dir, info)
		}
		return nil
	}
	defer conn.Close()
	pid := peer.PID(conn.(*net.UnixConn))
	return &Entry{Session: terms.Session{PID: pid, Since: info.ModTime()}, dir: dir}
}

func absent(err error) bool { return errors.Is(err, fs.ErrNotExist) }

// sweep removes a directory of ours in which nobody listens. Only what a tsshd
// puts there goes, and one that is being made is left alone.
func sweep(dir string, info fs.FileInfo) {
	if time.Since(info.ModTime()) < fresh {
		return
	}
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if e.Name() != door && !strings.HasPrefix(e.Name(), "relay") {
			continue
		}
		if info, err := os.Lstat(path); err == nil && info.Mode().Type() == fs.ModeSocket {
			os.Remove(path)
		}
	}
	os.Remove(dir)
}

// Ask asks the tsshd of e.
func (e Entry) Ask(ctx context.Context, q Request) (Answer, error) {
	return ask(ctx, attention, e.dir, q)
}

func ask(ctx context.Context, patience time.Duration, dir string, q Request) (a Answer, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "unix", filepath.Join(dir, door))
	if err != nil {
		return a, err
	}
	defer conn.Close()
	if err := peer.Same(conn.(*net.UnixConn)); err != nil {
		return a, err
	}
	deadline, _ := ctx.Deadline()
	conn.SetDeadline(deadline)
	if err := json.NewEncoder(conn).Encode(q); err != nil {
		return a, fmt.Errorf("ask the session: %w", err)
	}
	if err := read(conn, &a); err != nil {
		return a, fmt.Errorf("ask the session: %w", err)
	}
	return a, nil
}

// Sessions are what is told of entries.
func Sessions(all []Entry) []terms.Session {
	list := make([]terms.Session, len(all))
	for i, e := range all {
		list[i] = e.Session
	}
	return terms.CleanSessions(list)
}

// Free returns want, or a name like it that no session has; where nothing is
// wanted a short one.
func Free(want string, all []Entry) string {
	taken := func(name string) bool {
		return slices.ContainsFunc(all, func(e Entry) bool { return e.Name == name && !e.Over() })
	}
	if want != "" && !taken(want) {
		return want
	}
	for n := 1; ; n++ {
		name := fmt.Sprintf("s%d", n)
		if want != "" {
			name = fmt.Sprintf("%s-%d", want[:min(len(want), terms.MaxName-8)], n+1)
			name = strings.ToValidUTF8(name, "")
		}
		if !taken(name) {
			return name
		}
	}
}
