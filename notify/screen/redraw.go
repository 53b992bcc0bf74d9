package screen

import (
	"strconv"

	"tssh/notify/screen/grid"
	"tssh/notify/screen/ink"
	"tssh/notify/screen/scrollback"
	"tssh/notify/screen/settings"
)

// unset brings what may have been changed in a terminal to what it is at first,
// without a trace of it: strings end, the page is the main one, no margins, no
// sets of characters, no keyboard of another kind (each page has its own).
const unset = "\x1b\\" + noKeys + "\x1b[?2026h\x1b[?25l\x1b[0m\x1b]8;;\x1b\\\x1b[?1047l\x1b[?69l\x1b[?6l\x1b[r\x1b[4l\x1b[20l\x1b[?7h" +
	"\x1b(B\x1b)B\x1b*B\x1b+B\x0f\x1b>\x1b[>4m" + noKeys

const noKeys = "\x1b[<16u\x1b[=0;1u"

// Redraw returns what brings a terminal of this size to what the model knows:
// the screen and the page behind it, modes, titles, colours, the keyboard, the
// cursor and where it was saved, and what the stream has begun and not ended.
// Up to lines rows that scrolled off come before the screen, and scroll off
// there. The model is not changed, and the terminal never answers to any of it.
// What the terminal shows before is lost: who wants it kept scrolls it off first.
func (s *Screen) Redraw(lines int) []byte {
	b := append(make([]byte, 0, 4<<10), unset...)
	b = s.modes.AppendOff(b)
	b = s.props.Append(b)
	b = s.appendTabs(b)
	if !s.onAlt && (s.alt.saved.set || len(s.alt.keys) > 0) { // some terminals have one place for both pages
		b = append(b, "\x1b[?1047h"...)
		b = s.alt.keys.Append(append(b, noKeys...))
		b = s.appendSaved(b, &s.alt)
		b = append(b, "\x1b[?1047l"...)
	}
	b = s.appendPage(b, &s.main, s.history.Last(lines))
	b = s.appendSaved(b, &s.main)
	b = s.main.keys.Append(b)
	if s.onAlt {
		b = s.enterAlternate(b)
	}
	b = s.modes.AppendParked(b)
	for _, m := range s.modes.List {
		if !setByRedraw[settings.Mode{Number: m.Number, ANSI: m.ANSI}] {
			b = m.Append(b)
		}
	}
	if s.keypad {
		b = append(b, "\x1b="...)
	}
	if s.squares {
		b = append(b, "\x1b[2*x"...)
	}
	b = s.others.Append(b)
	if s.top > 0 || s.bottom < s.rows-1 {
		b = strconv.AppendInt(append(b, "\x1b["...), int64(s.top+1), 10)
		b = append(strconv.AppendInt(append(b, ';'), int64(s.bottom+1), 10), 'r')
	}
	b = s.appendState(b, false, true)
	if s.newline {
		b = append(b, "\x1b[20h"...)
	}
	if !s.hidden {
		b = append(b, "\x1b[?25h"...)
	}
	if !s.modes.On(2026) {
		b = append(b, "\x1b[?2026l"...)
	}
	return s.parser.Unfinished(b)
}

// enterAlternate leaves the main page by the sequence that saves its cursor,
// which is at the place that was saved.
func (s *Screen) enterAlternate(b []byte) []byte {
	if !s.main.saved.set {
		b = append(b, "\x1b[?1047h"...)
	} else {
		b = s.appendCursorState(b, &s.main, "\x1b[?1049h")
	}
	b = append(b, noKeys...)
	b = s.alt.keys.Append(b)
	b = s.appendPage(b, &s.alt, nil)
	return s.appendSaved(b, &s.alt)
}

func (s *Screen) appendTabs(b []byte) []byte {
	if !s.tabsSet {
		return b
	}
	b = append(b, "\x1b[3g"...)
	for x, set := range s.tabs {
		if set {
			b = append(ink.Place(b, x, 0), "\x1bH"...)
		}
	}
	return b
}

// appendPage writes a page and what comes before it on a blank screen. Lines
// that wrap are written whole.
func (s *Screen) appendPage(b []byte, p *page, before []scrollback.Row) []byte {
	b = append(b, "\x1b[H\x1b[2J"...)
	if p.Lines == nil {
		return b
	}
	joined, whole := false, true
	for i, k := range before {
		b = append(b, k.Text...)
		// A line that was laid out for another width flows anew, but not into
		// the screen, whose rows would begin elsewhere.
		whole = k.Cols == s.cols && (whole || !joined)
		if joined = k.Wrapped; i < len(before)-1 {
			joined = joined && !before[i+1].Blank
		} else {
			joined = joined && whole && p.Lines[0].At(0).R != 0
		}
		if !joined {
			b = append(b, "\r\n"...)
		}
	}
	for y, l := range p.Lines {
		to, joins := s.joins(p, y)
		how := ink.SkipTail
		switch {
		case joins:
			how = ink.SpaceTail
		case joined: // the row may have come in with the colour of the text that wrapped
			how = ink.EraseTail
		}
		b = s.ink.Row(b, l, how, to)
		if !joins && y < len(p.Lines)-1 {
			b = append(b, "\r\n"...)
		}
		joined = joins
	}
	return b
}

func (s *Screen) appendSaved(b []byte, p *page) []byte {
	if !p.saved.set { // the corner is where ESC 8 goes then
		return append(b, "\x1b[H\x1b7"...)
	}
	return s.appendCursorState(b, p, "\x1b7")
}

// appendCursorState writes do with the cursor, pen and sets that are saved in
// the terminal's, which are the default ones before and behind it. There are no
// margins then, from which a saved place would be counted.
func (s *Screen) appendCursorState(b []byte, p *page, do string) []byte {
	c := p.saved
	if p.Lines == nil { // nothing but a place
		p = &page{Rows: grid.Rows{Lines: s.main.Lines}}
		c.pend = false
	}
	bare := Screen{cols: s.cols, rows: s.rows, config: s.config, ink: s.ink}
	b = bare.appendCursor(b, c, p, false)
	b = append(c.Sets.AppendTo(b), do...)
	b = c.Sets.AppendASCII(b)
	if c.origin {
		b = append(b, "\x1b[?6l"...)
	}
	return s.ink.Pen(b, c.pen, grid.Pen{})
}
