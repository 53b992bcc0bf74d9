// Package roster is what a tsshd tells of the sessions that a user has on its
// machine: to the tssh that asks through a login, and to who asks there.
package roster

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
	"unicode/utf8"

	"tssh/proxy/visible"
)

// Session is one session, in the fields of --sessions --json.
type Session struct {
	Name      string     `json:"name"`    // "" of a release that gave none
	PID       int        `json:"pid"`     // of its tsshd; 0: not known
	Release   string     `json:"release"` // of its tsshd; "": one before sessions could be attached
	Since     time.Time  `json:"since"`
	Client    string     `json:"client"` // address; "" through ssh's own connection
	Here      bool       `json:"here"`   // the client is there
	Heard     time.Time  `json:"heard,omitzero"`
	Terminals []Terminal `json:"terminals"` // none: nothing that can be attached
}

// Terminal is one terminal of a session.
type Terminal struct {
	ID        uint32 `json:"id"`
	Program   string `json:"program"`   // the command line in the foreground; "": not known
	Directory string `json:"directory"` // of that program
	Cols      uint32 `json:"cols"`
	Rows      uint32 `json:"rows"`
	Here      bool   `json:"here"` // a client shows it
}

// Bounds of what is told: all of it goes through one line of a login.
const (
	most     = 100 // sessions
	maxTerms = 10  // terminals of one
	maxText  = 200 // bytes of a program or a directory
)

// MaxName bounds the name of a session, in bytes.
const MaxName = 64

// Name checks a name for a session. It is shown, compared, and never made part
// of a file's name or of a shell's command.
func Name(name string) error {
	switch {
	case name == "":
		return fmt.Errorf("a session's name can't be empty")
	case len(name) > MaxName:
		return fmt.Errorf("a session's name can't be longer than %d bytes", MaxName)
	case !utf8.ValidString(name) || name != visible.Line(name) || strings.TrimSpace(name) != name:
		return fmt.Errorf("%q: a session's name can't have control characters, nor blanks around it", name)
	}
	return nil
}

// Clean returns list as it can be shown and passed on, whoever wrote it.
func Clean(list []Session) []Session {
	list = list[:min(len(list), most)]
	for i := range list {
		s := &list[i]
		s.Name, s.Release, s.Client = clean(s.Name), clean(s.Release), clean(s.Client)
		s.Terminals = s.Terminals[:min(len(s.Terminals), maxTerms)]
		for j := range s.Terminals {
			t := &s.Terminals[j]
			t.Program, t.Directory = clean(t.Program), clean(t.Directory)
		}
	}
	return list
}

func clean(text string) string {
	text = visible.Line(text[:min(len(text), 4*maxText)])
	if len(text) <= maxText {
		return text
	}
	cut := maxText
	for !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + "..."
}

// Contact says in words how the client is.
func (s *Session) Contact(now time.Time) string {
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
func Table(w io.Writer, now time.Time, list []Session) error {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	io.WriteString(t, header)
	for i := range list {
		for _, row := range list[i].rows(now) {
			io.WriteString(t, row)
		}
	}
	return t.Flush()
}

// Numbered writes sessions to choose one of: the first line of each with a number.
func Numbered(w io.Writer, now time.Time, list []Session) error {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	io.WriteString(t, "\t"+header)
	for i := range list {
		fmt.Fprintf(t, "%d\t%s", i+1, list[i].rows(now)[0])
	}
	return t.Flush()
}

func (s *Session) rows(now time.Time) (rows []string) {
	since, contact := clock(now, s.Since), s.Contact(now)
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
		rows = append(rows, fmt.Sprintf("%s\t%s\t%s\t%dx%d\t%s\t%s\n", name, since, contact, term.Cols, term.Rows,
			cmp.Or(short(term.Program, 40), "-"), cmp.Or(term.Directory, "-")))
	}
	return rows
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
func Show(w io.Writer, now time.Time, list []Session, asJSON bool) error {
	if !asJSON {
		return Table(w, now, list)
	}
	if list == nil {
		list = []Session{}
	}
	for i := range list {
		if list[i].Terminals == nil {
			list[i].Terminals = []Terminal{}
		}
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(list)
}

// Waiting are those that a client could come back to: with a terminal, and
// nobody at it.
func Waiting(list []Session) (waiting []Session) {
	for _, s := range list {
		if !s.Here && len(s.Terminals) > 0 {
			waiting = append(waiting, s)
		}
	}
	return waiting
}
