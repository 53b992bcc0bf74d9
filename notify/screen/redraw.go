package screen

import "strconv"

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
	b = s.appendOff(b)
	b = s.appendProps(b)
	b = s.appendTabs(b)
	if !s.onAlt && (s.alt.saved.set || len(s.alt.keys) > 0) { // some terminals have one place for both pages
		b = append(b, "\x1b[?1047h"...)
		b = s.alt.appendKeys(append(b, noKeys...))
		b = s.appendSaved(b, &s.alt)
		b = append(b, "\x1b[?1047l"...)
	}
	b = s.appendPage(b, &s.main, s.history.last(lines))
	b = s.appendSaved(b, &s.main)
	b = s.main.appendKeys(b)
	if s.onAlt {
		b = s.enterAlternate(b)
	}
	for _, m := range s.parked {
		if !transient[m.number] {
			b = appendMode(b, m)
			b = append(strconv.AppendInt(append(b, "\x1b[?"...), int64(m.number), 10), 's')
			b = appendMode(b, mode{m.number, false, m.number == 7}) // as unset has it
		}
	}
	for _, m := range s.modes {
		if !setByRedraw[mode{number: m.number, ansi: m.ansi}] {
			b = appendMode(b, m)
		}
	}
	if s.keypad {
		b = append(b, "\x1b="...)
	}
	if s.squares {
		b = append(b, "\x1b[2*x"...)
	}
	b = s.appendOther(b)
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
	if !s.modeOn(2026) {
		b = append(b, "\x1b[?2026l"...)
	}
	return s.appendUnfinished(b)
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
	b = s.alt.appendKeys(b)
	b = s.appendPage(b, &s.alt, nil)
	return s.appendSaved(b, &s.alt)
}

// appendOff switches off what may be on from before, and is not here.
func (s *Screen) appendOff(b []byte) []byte {
	for _, number := range lasting {
		if !s.modeOn(number) {
			b = appendMode(b, mode{number: number})
		}
	}
	return b
}

func appendMode(b []byte, m mode) []byte {
	b = append(b, "\x1b["...)
	if !m.ansi {
		b = append(b, '?')
	}
	return append(strconv.AppendInt(b, int64(m.number), 10), "lh"[btoi(m.on)])
}

func (s *Screen) appendTabs(b []byte) []byte {
	if !s.tabsSet {
		return b
	}
	b = append(b, "\x1b[3g"...)
	for x, set := range s.tabs {
		if set {
			b = append(appendPlace(b, x, 0), "\x1bH"...)
		}
	}
	return b
}

// appendPage writes a page and what comes before it on a blank screen. Lines
// that wrap are written whole.
func (s *Screen) appendPage(b []byte, p *page, before []kept) []byte {
	b = append(b, "\x1b[H\x1b[2J"...)
	if p.lines == nil {
		return b
	}
	joined, whole := false, true
	for i, k := range before {
		b = append(b, k.text...)
		// A line that was laid out for another width flows anew, but not into
		// the screen, whose rows would begin elsewhere.
		whole = k.cols == s.cols && (whole || !joined)
		if joined = k.wrapped; i < len(before)-1 {
			joined = joined && !before[i+1].blank
		} else {
			joined = joined && whole && p.lines[0].at(0).r != 0
		}
		if !joined {
			b = append(b, "\r\n"...)
		}
	}
	for y, l := range p.lines {
		to, joins := s.joins(p, y)
		how := skipTail
		switch {
		case joins:
			how = spaceTail
		case joined: // the row may have come in with the colour of the text that wrapped
			how = eraseTail
		}
		b = s.appendRow(b, l, how, to)
		if !joins && y < len(p.lines)-1 {
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
	if p.lines == nil { // nothing but a place
		p = &page{lines: s.main.lines}
		c.pend = false
	}
	bare := Screen{cols: s.cols, rows: s.rows, config: s.config, tables: s.tables}
	b = bare.appendCursor(b, c, p, false)
	b = append(c.charsets.appendTo(b), do...)
	b = c.charsets.appendASCII(b)
	if c.origin {
		b = append(b, "\x1b[?6l"...)
	}
	return s.appendPen(b, c.pen, pen{})
}
