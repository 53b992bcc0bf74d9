package screen

import (
	"bytes"
	"strconv"

	"tssh/notify/screen/escape"
	"tssh/notify/screen/settings"
)

// operating takes an OSC without its introducer and terminator.
func (s *Screen) operating(text []byte) {
	number, rest, _ := bytes.Cut(text, []byte{';'})
	n, err := strconv.Atoi(string(number))
	switch {
	case err != nil:
	case n == 8:
		if _, address, ok := bytes.Cut(rest, []byte{';'}); !ok || len(address) == 0 {
			rest = nil
		}
		s.linkTo(string(settings.Clean(rest, escape.MaxText)))
	default:
		s.props.Set(n, rest)
	}
}

// window is XTWINOPS, of which the stack of titles lasts.
func (s *Screen) window(p []int) {
	which := param(p, 1)
	switch {
	case p[0] == 22 && which <= 2:
		s.props.Push()
	case p[0] == 23 && which <= 2:
		s.props.Pop(which)
	}
}

// picture is called for one: it covers nobody knows how many rows, and where
// the cursor is then depends on the size of a cell.
func (s *Screen) picture() {
	s.forget()
	s.page().anchored = false
	s.asked.void = true
}
