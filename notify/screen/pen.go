package screen

import (
	"tssh/notify/screen/grid"
	"tssh/notify/screen/ink"
)

// style is SGR.
func (s *Screen) style(v []int) {
	was := s.under
	ink.Style(&s.pen, &s.under, v, s.parser.Sub)
	if s.under != was {
		s.pen.Extra = s.tables.Number(grid.Extra{Under: s.under, Link: s.link})
	}
}

// linkTo makes what follows part of a link; "" ends it.
func (s *Screen) linkTo(link string) {
	if link != s.link {
		s.link = link
		s.pen.Extra = s.tables.Number(grid.Extra{Under: s.under, Link: link})
	}
}
