package notify

import (
	"slices"
	"time"

	"tssh/notify/screen"
)

// Place is where a notice goes.
type Place int

// On the first rows of the screen that are known, or on the cursor's and those
// beside it.
const (
	Top Place = iota
	Cursor
)

// look is bold white on blue: found at a glance on any background.
const look = "\x1b[1;37;44m"

// Notice is shown over a screen. Rows are covered only whose content is known,
// so that they can be whole again: where not enough of them are, the notice is
// shorter, and where none is there is no notice.
type Notice struct {
	Screen *screen.Screen
	At     Place
	Full   bool // two lines, not one

	rows []int // that are covered
}

// Draw shows the notice, or a newer one, and returns the bytes that do.
func (n *Notice) Draw(s Status, now time.Time) []byte {
	rows := n.place()
	if len(rows) == 0 {
		return n.Clear()
	}
	cols, _ := n.Screen.Size()
	text := Text(s, now, len(rows), cols-1)
	over := make([]screen.Row, len(rows))
	for i, y := range rows {
		over[i] = screen.Row{Y: y, Text: text[i]}
	}
	was := n.rows
	n.rows = rows
	return n.Screen.Overlay(n.uncovered(was), look, over)
}

// Clear takes the notice away and returns the bytes that do; none when there
// is no notice.
func (n *Notice) Clear() []byte {
	if n.rows == nil {
		return nil
	}
	was := n.rows
	n.rows = nil
	return n.Screen.Overlay(n.uncovered(was), "", nil)
}

// Shown says that a notice is on the screen.
func (n *Notice) Shown() bool { return n.rows != nil }

// Repaint paints every row that is known, and so removes whatever else is
// there. It is for after a resize, when a notice may have moved.
func (n *Notice) Repaint() []byte {
	n.rows = nil
	return n.Screen.Repaint()
}

// Leave takes the notice away, and makes the terminal usable for the next
// program.
func (n *Notice) Leave() []byte { return append(n.Clear(), n.Screen.Leave()...) }

// uncovered are the rows of was that are not covered now. One that left the
// screen, or that is known no more, can't be painted.
func (n *Notice) uncovered(was []int) (rows []int) {
	for _, y := range was {
		if n.Screen.Known(y) && !slices.Contains(n.rows, y) {
			rows = append(rows, y)
		}
	}
	return rows
}

// place chooses the rows.
func (n *Notice) place() []int {
	s := n.Screen
	_, height := s.Size()
	_, y := s.Cursor()
	if !s.Anchored() {
		return n.from(y, 1)
	}
	want := 1
	if n.Full {
		want = min(2, max(height-1, 1))
	}
	for ; want > 0; want-- {
		first := []int{y, y - want + 1}
		if n.At == Top {
			first = first[:0]
			for row := range height {
				first = append(first, row)
			}
		}
		for _, row := range first {
			if rows := n.from(row, want); len(rows) == want {
				return rows
			}
		}
	}
	return nil
}

// from are up to count known rows from y on.
func (n *Notice) from(y, count int) (rows []int) {
	for ; len(rows) < count && n.Screen.Known(y); y++ {
		rows = append(rows, y)
	}
	return rows
}

// Answer reads the terminal's answer to screen.Query at the front of p: column and row
// from 0, and its length n. With ok false, n > 0 says that it may become one
// when more is read.
func Answer(p []byte) (x, y, n int, ok bool) {
	want := []byte("\x1b[")
	for i, c := range want {
		if i == len(p) {
			return 0, 0, i, false
		}
		if p[i] != c {
			return 0, 0, 0, false
		}
	}
	v, at := [2]int{}, 0
	for i := len(want); i < len(p) && i < 16; i++ {
		switch c := p[i]; {
		case c >= '0' && c <= '9':
			v[at] = v[at]*10 + int(c-'0')
		case c == ';' && at == 0:
			at = 1
		case c == 'R' && at == 1 && v[0] > 0 && v[1] > 0:
			return v[1] - 1, v[0] - 1, i + 1, true
		default:
			return 0, 0, 0, false
		}
	}
	if len(p) >= 16 {
		return 0, 0, 0, false
	}
	return 0, 0, len(p), false
}
