// Package notify shows a notice on a terminal that belongs to another program,
// and takes it away without a trace. It reads along what the program writes and
// keeps a model of the screen (package screen); a notice covers some rows, and is
// removed by painting these rows again from the model. Text goes in, terminal bytes come
// out: there is no clock and no terminal here.
package notify

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"tssh/notify/screen/width"
)

// Status is what a notice tells.
type Status struct {
	Host   string
	Lost   time.Time // since when there is no contact
	Heard  time.Time // when the far side was heard last; zero: unknown
	Trying string    // what is being tried; "": not said
	Key    string    // the key that leaves, as shown; "": there is none
	Goes   string    // the session that goes on then; "": it ends some time
}

// Text is the notice at a moment, in up to rows lines of up to cols columns: what
// matters most (for how long, and what the key does) is in it however little
// room there is, and the rest where it fits.
func Text(s Status, now time.Time, rows, cols int) []string {
	off := now.Sub(s.Lost)
	if rows < 2 {
		return []string{brief(s, off, cols)}
	}
	long, trying := Duration(off), ""
	if s.Trying != "" {
		trying = ", trying " + s.Trying
	}
	heard := ""
	if !s.Heard.IsZero() {
		heard = "last heard at " + s.Heard.Format("15:04:05")
	}
	leaves := s.does(" gives up and leaves")
	if s.Goes != "" {
		leaves = s.does(" leaves, session " + s.Goes + " goes on")
	}
	host := "no contact with " + s.Host + " for " + long
	const kept = "what you type is kept"
	return []string{
		fit(cols, "tssh: "+host+trying, "tssh: "+host, host, "no contact for "+long, "offline "+long, "offline "+coarse(off), coarse(off)),
		fit(cols, joined(heard, kept, leaves), joined(kept, leaves), leaves, s.does(s.brings()), s.Key),
	}
}

// does says what the key does; "" without a key.
func (s *Status) does(what string) string {
	if s.Key == "" {
		return ""
	}
	return s.Key + what
}

// brings is that in short.
func (s *Status) brings() string {
	if s.Goes != "" {
		return " leaves"
	}
	return " gives up"
}

// joined puts what there is to say into one line.
func joined(parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(p string) bool { return p == "" }), "; ")
}

// brief is the notice in one line.
func brief(s Status, off time.Duration, cols int) string {
	long, short, trying := Duration(off), coarse(off), ""
	if s.Trying != "" {
		trying = ", trying " + s.Trying
	}
	key := s.does(s.brings())
	return fit(cols, joined("tssh: offline for "+long+trying, key), joined("tssh: offline for "+long, key),
		joined("offline for "+long, key), joined("offline "+long, key), joined("off "+long, key),
		joined("off "+short, key), joined("off "+short, s.does(" ends")), joined(short, s.does(" ends")), strings.TrimSpace(short+" "+s.Key), s.Key)
}

// fit is the first of the texts that has room, or as many words of the last as
// have.
func fit(cols int, texts ...string) string {
	last := ""
	for _, t := range texts {
		if last = printable(t); width.Text(last) <= cols {
			return last
		}
	}
	for width.Text(last) > cols {
		last = last[:max(strings.LastIndexByte(last, ' '), 0)]
	}
	return last
}

// coarse is a duration in its largest unit.
func coarse(d time.Duration) string {
	text, _, _ := strings.Cut(Duration(d), " ")
	return text
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
