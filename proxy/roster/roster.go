// Package roster shows the sessions that a user has on a machine: to the tssh that
// asks through a login, and to who asks there.
package roster

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"tssh/proxy/terms"
)

// Contact says in words how the client is.
func Contact(s *terms.Session, now time.Time) string {
	where := cmp.Or(s.Client, "through ssh")
	switch {
	case s.Here:
		return where
	case s.Heard.IsZero():
		return "none"
	}
	return "away since " + clock(now, s.Heard)
}

// clock is a moment as short as it can be understood.
func clock(now, t time.Time) string {
	t = t.Local()
	switch ago := now.Sub(t); {
	case ago < 12*time.Hour:
		return t.Format("15:04:05")
	case ago < 300*24*time.Hour:
		return t.Format("Jan 2 15:04")
	}
	return t.Format("2006-01-02")
}

const header = "NAME\tSINCE\tCLIENT\tSIZE\tPROGRAM\tDIRECTORY\n"

// Table writes sessions as people read them, a line for each terminal. Several
// terminals of one session are named NAME, NAME/2 and so on.
func Table(w io.Writer, now time.Time, list []terms.Session) error {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	io.WriteString(t, header)
	for i := range list {
		for _, row := range rows(&list[i], now) {
			io.WriteString(t, row)
		}
	}
	return t.Flush()
}

// Numbered writes sessions to choose one of: the first line of each with a number.
func Numbered(w io.Writer, now time.Time, list []terms.Session) error {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	io.WriteString(t, "\t"+header)
	for i := range list {
		fmt.Fprintf(t, "%d\t%s", i+1, rows(&list[i], now)[0])
	}
	return t.Flush()
}

func rows(s *terms.Session, now time.Time) (lines []string) {
	since, contact := clock(now, s.Since), Contact(s, now)
	switch {
	case s.Release == "":
		return []string{fmt.Sprintf("-\t%s\t?\t-\tof an older release, process %d\t-\n", since, s.PID)}
	case len(s.Terminals) == 0:
		return []string{fmt.Sprintf("%s\t%s\t%s\t-\tno terminal\t-\n", s.Name, since, contact)}
	}
	for j, term := range s.Terminals {
		name := s.Name
		if j > 0 {
			name = fmt.Sprintf("%s/%d", s.Name, j+1)
		}
		lines = append(lines, fmt.Sprintf("%s\t%s\t%s\t%dx%d\t%s\t%s\n", name, since, contact, term.Cols, term.Rows,
			what(&term, now), cmp.Or(term.Directory, "-")))
	}
	return lines
}

// what is the program, or what became of it.
func what(t *terms.Terminal, now time.Time) string {
	name := short(t.Program, 40)
	if t.Ended.IsZero() {
		return cmp.Or(name, "-")
	}
	return strings.TrimSpace(fmt.Sprintf("%s ended %s %s", name, clock(now, t.Ended), t.Outcome()))
}

func short(text string, n int) string {
	if r := []rune(text); len(r) > n {
		return string(r[:n-3]) + "..."
	}
	return text
}

// None is what is said where there are no sessions.
const None = "no sessions"

// Show writes the answer to --sessions.
func Show(w io.Writer, now time.Time, list []terms.Session, asJSON bool) error {
	if !asJSON {
		return Table(w, now, list)
	}
	if list == nil {
		list = []terms.Session{}
	}
	for i := range list {
		if list[i].Terminals == nil {
			list[i].Terminals = []terms.Terminal{}
		}
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(list)
}

// Waiting are those that a client could come back to: with a terminal, and
// nobody at it.
func Waiting(list []terms.Session) (waiting []terms.Session) {
	for _, s := range list {
		if !s.Here && len(s.Terminals) > 0 {
			waiting = append(waiting, s)
		}
	}
	return waiting
}
