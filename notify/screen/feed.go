package screen

import (
	"unicode/utf8"

	"tssh/notify/screen/escape"
)

// Feed takes what is written to the terminal and keeps the model up to date. It
// returns how many bytes at the end belong to a sequence or a character that is
// not complete: nothing may be drawn in the middle of it, and the terminal shows
// nothing of it before its end, so they can be held back.
func (s *Screen) Feed(p []byte) (held int) {
	for len(p) > 0 { // in pieces, so that credit lasts as if they came alone
		piece := p[:min(len(p), 1<<10)]
		s.tables.Fed += len(piece)
		s.credit = min(s.credit+perByte*len(piece), maxCredit)
		s.parser.Feed((*ear)(s), piece)
		p = p[len(piece):]
	}
	s.settle()
	if s.Open() {
		return 0
	}
	return s.parser.Held()
}

// Open says that a string is open (a picture, a title, tmux's control mode):
// whatever is drawn now would become part of it. So does a single shift, which
// waits for its character.
func (s *Screen) Open() bool { return s.parser.Open() || s.Single != 0 }

// Unfinished is the end of what Redraw returns: what the stream has begun and not
// ended.
func (s *Screen) Unfinished() []byte { return s.parser.Unfinished(nil) }

// Inject takes text of ours, written between two parts of the stream.
func (s *Screen) Inject(p []byte) {
	outer := s.parser
	s.parser = escape.Parser{Bytes: s.config.Bytes}
	s.Feed(p)
	s.parser = outer
}

// ear is the model as the parser sees it.
type ear Screen

func (e *ear) Text(p []byte) int { return (*Screen)(e).text(p) }
func (e *ear) Print(r rune)      { (*Screen)(e).print(r) }

func (e *ear) Broken() {
	s := (*Screen)(e)
	s.print(utf8.RuneError)
	s.row(s.y).Known = false
}

func (e *ear) Control(c byte) {
	if f := controls[c]; f != nil {
		f((*Screen)(e))
	}
}

func (e *ear) Escape(c byte) {
	if f := escapes[c&0x7f]; f != nil && c < 0x80 {
		f((*Screen)(e))
	}
}

func (e *ear) Designate(inter, inter2, c byte) { (*Screen)(e).designate(inter, inter2, c) }

func (e *ear) Sequence(mark, inter, final byte, p []int) {
	f := commands[final-0x40]
	if mark|inter != 0 || f == nil {
		f = rare[escape.Key(mark, inter, final)]
	}
	if f != nil {
		f((*Screen)(e), p)
	}
}

func (e *ear) String(introducer byte, body []byte, cut bool) {
	s := (*Screen)(e)
	switch {
	case escape.Shows(introducer, body):
		s.picture()
	case introducer != ']':
	case !cut:
		s.operating(body)
	case len(body) > 1 && string(body[:2]) == "8;":
		s.linkTo("") // longer than we keep
		s.row(s.y).Known = false
	}
}
