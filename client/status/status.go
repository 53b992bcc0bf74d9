// Package status lets sessions tell how they are, to the same user in another
// terminal: each serves one report on a unix socket in a directory of the user's.
package status

import (
	"cmp"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"tssh/proxy/accept"
	"tssh/proxy/peer"
)

// patience is how long a session may take to answer: it may be stopped.
const patience = time.Second

// maxReport bounds what is read of a report, in bytes.
const maxReport = 64 << 10

// Report is how a session is, in the fields of tssh --status --json. Durations
// are in seconds, times in RFC 3339, volumes in bytes.
type Report struct {
	PID       int       `json:"pid"`
	Host      string    `json:"host"`
	User      string    `json:"user"`
	Session   string    `json:"session"`   // its name there; "": it has none
	Transport string    `json:"transport"` // quic, kcp
	Path      string    `json:"path"`      // UDP, TCP, SSH
	Local     string    `json:"local"`     // "" through ssh
	Remote    string    `json:"remote"`    // "" through ssh
	Online    bool      `json:"online"`
	Lost      time.Time `json:"lost,omitzero"` // since when offline
	Trying    string    `json:"trying,omitempty"`
	RTT       float64   `json:"rtt"`
	Loss      float64   `json:"loss"` // 0 to 1
	Sent      uint64    `json:"sent"`
	Received  uint64    `json:"received"`
	Opened    time.Time `json:"opened"`
	PathSince time.Time `json:"pathSince"`
}

// Server serves reports until Close.
type Server struct {
	dir  string
	l    net.Listener
	done chan struct{}
}

// Serve serves what report returns, to this user alone.
func Serve(dir string, report func() Report) (*Server, error) {
	l, err := listen(dir)
	if err != nil {
		return nil, err
	}
	s := &Server{dir: dir, l: l, done: make(chan struct{})}
	go func() {
		defer close(s.done)
		accept.Each(l.Accept, nil, func(c net.Conn) {
			c.SetDeadline(time.Now().Add(patience))
			json.NewEncoder(c).Encode(report())
			c.Close()
		})
	}()
	return s, nil
}

// listen makes a socket in dir, which the last session to end may take away at
// any moment.
func listen(dir string) (l net.Listener, err error) {
	for range 100 {
		if err = private(dir); err != nil {
			return nil, err
		}
		// A process may have several: to a host, and to one that leads there.
		path := filepath.Join(dir, fmt.Sprintf("%d-%s.sock", os.Getpid(), rand.Text()[:8]))
		if l, err = net.Listen("unix", path); !errors.Is(err, fs.ErrNotExist) {
			return l, err
		}
	}
	return nil, err
}

// Close ends the service and removes its socket, those of sessions that were
// killed, and then the directory if nothing is left in it.
func (s *Server) Close() error {
	err := s.l.Close()
	<-s.done
	if os.Remove(s.dir) == nil {
		return err
	}
	for _, path := range sockets(s.dir) {
		if c, err := net.DialTimeout("unix", path, patience); err == nil {
			c.Close() // the end before its report: nobody reads it
			return err
		} else if peer.Gone(err) {
			sweep(path)
		}
	}
	os.Remove(s.dir)
	return err
}

// fresh is how long a socket may be there before somebody listens.
const fresh = 10 * time.Second

// sweep removes a socket at which nobody listens.
func sweep(path string) {
	if info, err := os.Lstat(path); err == nil && time.Since(info.ModTime()) > fresh {
		os.Remove(path)
	}
}

// sockets are those of the sessions in dir, the dead ones too.
func sockets(dir string) (paths []string) {
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".sock") {
			paths = append(paths, filepath.Join(dir, e.Name()))
		}
	}
	return paths
}

// Dir is where the user's sessions have their sockets.
func Dir() string {
	if d := os.Getenv("XDG_RUNTIME_DIR"); d != "" {
		return filepath.Join(d, "tssh")
	}
	return filepath.Join(os.TempDir(), fmt.Sprintf("tssh-status-%d", os.Getuid()))
}

// private makes dir one that only this user can use. In a directory of
// another's, sockets could be put in our place.
func private(dir string) error {
	var info fs.FileInfo
	for again := 0; ; again++ {
		if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
		var err error
		if info, err = os.Lstat(dir); err == nil {
			break
		}
		if again == 100 || !errors.Is(err, fs.ErrNotExist) { // else the last session has just ended
			return err
		}
	}
	return usable(dir, info)
}

func usable(dir string, info fs.FileInfo) error {
	if !info.IsDir() || !peer.Private(info) {
		return fmt.Errorf("%s: not a directory of this user alone", dir)
	}
	return nil
}

// Read asks every session in dir, oldest first.
func Read(dir string) ([]Report, error) {
	info, err := os.Lstat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if err := usable(dir, info); err != nil {
		return nil, err
	}
	reports := []Report{}
	for _, path := range sockets(dir) {
		r, err := ask(path)
		if err == nil {
			reports = append(reports, r)
		} else if peer.Gone(err) {
			sweep(path)
		}
	}
	os.Remove(dir) // where only sockets of the dead were
	slices.SortFunc(reports, func(a, b Report) int { return a.Opened.Compare(b.Opened) })
	return reports, nil
}

func ask(path string) (r Report, err error) {
	c, err := net.DialTimeout("unix", path, patience)
	if err != nil {
		return r, err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	return r, json.NewDecoder(io.LimitReader(c, maxReport)).Decode(&r)
}

// Lines tell of a session in words, for ~s.
func (r Report) Lines(now time.Time) []string {
	contact := "yes, on this path for " + since(now, r.PathSince)
	if !r.Online {
		contact = fmt.Sprintf("lost for %s; %s", since(now, r.Lost), r.Trying)
	}
	return []string{
		fmt.Sprintf("session:  %s, open for %s", r.Transport, since(now, r.Opened)),
		"path:     " + r.way(),
		"contact:  " + contact,
		fmt.Sprintf("network:  round trip %s, %.0f%% lost", roundTrip(r.RTT), 100*r.Loss),
		fmt.Sprintf("traffic:  %d bytes sent, %d received", r.Sent, r.Received),
	}
}

// way is the path in words.
func (r Report) way() string {
	if r.Remote == "" {
		return r.Path
	}
	return fmt.Sprintf("%s, %s to %s", r.Path, r.Local, r.Remote)
}

// Table writes reports as people read them.
func Table(w io.Writer, now time.Time, reports []Report) error {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "PID\tHOST\tVIA\tREMOTE\tCONTACT\tRTT\tLOSS\tSENT\tRECEIVED\tOPEN FOR")
	for _, r := range reports {
		contact := "yes"
		if !r.Online {
			contact = "lost " + since(now, r.Lost)
		}
		fmt.Fprintf(t, "%d\t%s@%s\t%s/%s\t%s\t%s\t%s\t%.0f%%\t%d\t%d\t%s\n", r.PID, r.User, r.Host, r.Transport, r.Path,
			cmp.Or(r.Remote, "-"), contact, roundTrip(r.RTT), 100*r.Loss, r.Sent, r.Received, since(now, r.Opened))
	}
	return t.Flush()
}

func since(now, t time.Time) string { return now.Sub(t).Round(time.Second).String() }

func roundTrip(seconds float64) string {
	return time.Duration(seconds * float64(time.Second)).Round(100 * time.Microsecond).String()
}
