// Package notify shows a notice on a terminal that belongs to another program,
// and takes it away without a trace. It reads along what the program writes and
// keeps a model of the screen; a notice covers some rows, and is removed by
// painting these rows again from the model. Text goes in, terminal bytes come
// out: there is no clock and no terminal here.
package notify

import (
	"fmt"
	"strings"
	"time"
	"unicode"
)

// Status is what a notice tells.
type Status struct {
	Host   string
	Lost   time.Time // since when there is no contact
	Heard  time.Time // when the far side was heard last; zero: unknown
	Trying string    // what is being tried; "": not said
	Key    string    // the key that gives up, as shown
}

// Text is the notice at a moment: several lines when full, else one.
func Text(full bool, s Status, now time.Time) []string {
	offline := Duration(now.Sub(s.Lost))
	if !full {
		line := fmt.Sprintf("tssh: offline for %s", offline)
		if s.Trying != "" {
			line += ", trying " + s.Trying
		}
		return []string{printable(line + "; " + s.Key + " gives up")}
	}
	lines := []string{fmt.Sprintf("tssh: no contact with %s for %s", s.Host, offline)}
	if s.Trying != "" {
		lines[0] += ", trying " + s.Trying
	}
	second := ""
	if !s.Heard.IsZero() {
		second = "last heard at " + s.Heard.Format("15:04:05") + "; "
	}
	lines = append(lines, second+"what you type is kept; "+s.Key+" gives up and leaves")
	for i, l := range lines {
		lines[i] = printable(l)
	}
	return lines
}

// Duration is d for people: "45s", "1m 20s", "2h 5m", "3d 4h".
func Duration(d time.Duration) string {
	s := int(max(d, 0) / time.Second)
	switch {
	case s < 60:
		return fmt.Sprintf("%ds", s)
	case s < 3600:
		return fmt.Sprintf("%dm %ds", s/60, s%60)
	case s < 86400:
		return fmt.Sprintf("%dh %dm", s/3600, s/60%60)
	}
	return fmt.Sprintf("%dd %dh", s/86400, s/3600%24)
}

// printable keeps what a server or a file named from being a control sequence.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
}
