package notify

import (
	"fmt"
	"slices"
)

// lasting are the modes that a terminal has off by default and whose lasting on
// spoils it for the next program: application keys, mouse, focus, paste.
func lasting(mode int) bool {
	switch mode {
	case 1, 9, 66, 1000, 1001, 1002, 1003, 1004, 1005, 1006, 1015, 1016, 2004, 2031, 2048:
		return true
	}
	return false
}

// keep notes a lasting mode.
func (s *Screen) keep(mode int, on bool) {
	if !lasting(mode) {
		return
	}
	s.modes = slices.DeleteFunc(s.modes, func(m int) bool { return m == mode })
	if on {
		s.modes = append(s.modes, mode)
	}
}

// keyboard notes what programs ask of modern keyboards: kitty's flags, which are
// pushed and popped, and xterm's modifyOtherKeys.
func (s *Screen) keyboard(inter, final byte, p []int) {
	switch {
	case inter == '>' && final == 'u':
		s.pushed = min(s.pushed+1, 16)
	case inter == '<' && final == 'u':
		s.pushed = max(s.pushed-max(p[0], 1), 0)
	case inter == '>' && final == 'm' && p[0] == 4:
		s.otherKeys = param(p, 1) != 0
	}
}

// Leave makes the terminal usable for the next program, where the one before
// could not take its leave: the connection was given up under it. Nothing is
// written that the program had not changed.
func (s *Screen) Leave() []byte {
	b := s.Clear()
	if s.pushed > 0 {
		b = fmt.Appendf(b, "\x1b[<%du", s.pushed)
	}
	if s.otherKeys {
		b = append(b, "\x1b[>4m"...)
	}
	for _, m := range s.modes {
		b = fmt.Appendf(b, "\x1b[?%dl", m)
	}
	if s.keypad {
		b = append(b, "\x1b>"...)
	}
	if s.link != "" {
		b = append(b, "\x1b]8;;\x1b\\"...)
	}
	moved := s.origin || s.top != 0 || s.bottom != s.rows-1
	if moved { // these put the cursor in the corner
		b = append(b, "\x1b[?6l\x1b[r"...)
	}
	if s.insert {
		b = append(b, "\x1b[4l"...)
	}
	if s.noWrap {
		b = append(b, "\x1b[?7h"...)
	}
	if s.gl != 0 || s.sets[0] != 'B' {
		b = append(b, "\x0f\x1b(B"...)
	}
	if s.pen != (pen{}) {
		b = append(b, "\x1b[0m"...)
	}
	if s.onAlt {
		b = append(b, "\x1b[?1049l"...)
	} else if moved {
		b = fmt.Appendf(b, "\x1b[%d;1H", s.y+1)
	}
	if s.hidden {
		b = append(b, "\x1b[?25h"...)
	}
	return b
}
