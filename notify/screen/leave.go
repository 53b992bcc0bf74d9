package screen

import (
	"strconv"

	"tssh/notify/screen/grid"
	"tssh/notify/screen/ink"
)

// Leave makes the terminal usable for the next program, where the one before
// could not take its leave: the connection was given up under it. Nothing is
// written that the program had not changed.
func (s *Screen) Leave() []byte {
	var b []byte
	b = s.others.Leave(b)
	b = s.modes.Leave(b)
	if s.modes.On(2026) {
		b = append(b, "\x1b[?2026l"...)
	}
	if s.keypad {
		b = append(b, "\x1b>"...)
	}
	b = s.ink.Pen(b, s.pen, grid.Pen{})
	if s.link != "" && s.pen.Extra == 0 {
		b = ink.Link(b, "")
	}
	moved := s.origin || s.sideways || s.top != 0 || s.bottom != s.rows-1
	if moved { // these put the cursor in the corner
		b = append(b, "\x1b[?6l"...)
		if s.sideways {
			b = append(b, "\x1b[?69l"...)
		}
		b = append(b, "\x1b[r"...)
	}
	if s.insert {
		b = append(b, "\x1b[4l"...)
	}
	if s.newline {
		b = append(b, "\x1b[20l"...)
	}
	if s.noWrap {
		b = append(b, "\x1b[?7h"...)
	}
	b = s.Sets.AppendASCII(b)
	b = s.page().keys.Leave(b)
	if s.onAlt {
		b = append(b, "\x1b[?1049l"...)
		b = s.main.keys.Leave(b)
	} else if moved {
		b = append(strconv.AppendInt(append(b, "\x1b["...), int64(s.y+1), 10), ";1H"...)
	}
	b = s.props.Leave(b)
	if s.hidden {
		b = append(b, "\x1b[?25h"...)
	}
	return b
}
