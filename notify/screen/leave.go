package screen

import "strconv"

// lasting are the modes that a terminal has off by default and whose lasting on
// spoils it for the next program: application keys, mouse, focus, paste.
var lasting = []int{1, 5, 9, 45, 66, 1000, 1001, 1002, 1003, 1004, 1005, 1006, 1015, 1016, 2004, 2027, 2031, 2048, 9001}

// Leave makes the terminal usable for the next program, where the one before
// could not take its leave: the connection was given up under it. Nothing is
// written that the program had not changed.
func (s *Screen) Leave() []byte {
	var b []byte
	levels := func(p *page) {
		if n := len(p.keys) - 1; n > 0 {
			b = append(strconv.AppendInt(append(b, "\x1b[<"...), int64(n), 10), 'u')
		}
		if len(p.keys) > 0 && p.keys[0] != 0 {
			b = append(b, "\x1b[=0;1u"...)
		}
	}
	for i, o := range s.other {
		if o.valued || o.disabled {
			b = append(strconv.AppendInt(append(b, "\x1b[>"...), int64(i), 10), 'm')
		}
		if o.formatted {
			b = append(strconv.AppendInt(append(b, "\x1b[>"...), int64(i), 10), 'f')
		}
	}
	for _, number := range lasting {
		if s.modeOn(number) {
			b = appendMode(b, mode{number: number})
		}
	}
	if s.modeOn(2026) {
		b = append(b, "\x1b[?2026l"...)
	}
	if s.keypad {
		b = append(b, "\x1b>"...)
	}
	b = s.appendPen(b, s.pen, pen{})
	if s.link != "" && s.pen.extra == 0 {
		b = appendLink(b, "")
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
	b = s.charsets.appendASCII(b)
	levels(s.page())
	if s.onAlt {
		b = append(b, "\x1b[?1049l"...)
		levels(&s.main)
	} else if moved {
		b = append(strconv.AppendInt(append(b, "\x1b["...), int64(s.y+1), 10), ";1H"...)
	}
	b = s.leaveProps(b)
	if s.hidden {
		b = append(b, "\x1b[?25h"...)
	}
	return b
}

// leaveProps gives back colours, the cursor's shape and the title that was
// there before.
func (s *Screen) leaveProps(b []byte) []byte {
	for _, p := range s.props.lasting {
		if text := resetOf(p.key); text != "" && p.value != "" {
			b = append(append(append(b, "\x1b]"...), text...), "\x1b\\"...)
		}
	}
	if s.props.shaped && s.props.shape != 0 {
		b = append(b, "\x1b[0 q"...)
	}
	for range s.props.stack {
		b = append(b, "\x1b[23;0t"...)
	}
	return b
}
