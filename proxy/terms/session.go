package terms

import (
	"fmt"
	"slices"
	"strings"
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

	Ended  time.Time `json:"ended,omitzero"`   // of which no client knows for sure
	Status *uint32   `json:"status,omitempty"` // with which it has ended
	Signal string    `json:"signal,omitempty"` // or by which
}

// Outcome says in words how it ended.
func (t *Terminal) Outcome() string {
	switch {
	case t.Signal != "":
		return "by signal " + t.Signal
	case t.Status != nil:
		return fmt.Sprintf("with status %d", *t.Status)
	}
	return "in a way that is not known"
}

// Over tells whether all that ran in the session has ended, so that only last words
// wait there.
func (s *Session) Over() bool {
	return len(s.Terminals) > 0 && !slices.ContainsFunc(s.Terminals, func(t Terminal) bool { return t.Ended.IsZero() })
}

// Bounds of what is told: all of it goes through one line of a login.
const (
	maxSessions = 100
	maxTerms    = 10  // terminals of one
	maxText     = 200 // bytes of a program or a directory
)

// MaxName bounds the name of a session, in bytes.
const MaxName = 64

// CheckName checks a name for a session. It is shown, compared, and never made part
// of a file's name or of a shell's command.
func CheckName(name string) error {
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

// CleanSessions returns list as it can be shown and passed on, whoever wrote it.
func CleanSessions(list []Session) []Session {
	list = list[:min(len(list), maxSessions)]
	for i := range list {
		s := &list[i]
		s.Name, s.Release, s.Client = clean(s.Name), clean(s.Release), clean(s.Client)
		s.Terminals = s.Terminals[:min(len(s.Terminals), maxTerms)]
		for j := range s.Terminals {
			t := &s.Terminals[j]
			t.Program, t.Directory, t.Signal = clean(t.Program), clean(t.Directory), clean(t.Signal)
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
