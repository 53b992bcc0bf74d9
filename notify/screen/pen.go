package screen

import "strconv"

// attributes are the simple parameters of SGR: what they clear and set.
var attributes = [108]struct{ clear, set uint16 }{
	1: {0, bold}, 2: {0, faint}, 3: {0, italic}, 4: {underlineMask, underline}, 5: {0, blink}, 6: {0, blink}, 7: {0, inverse},
	8: {0, invisible}, 9: {0, strike}, 21: {underlineMask, 2 * underline}, 22: {bold | faint, 0}, 23: {italic, 0},
	24: {underlineMask, 0}, 25: {blink, 0}, 27: {inverse, 0}, 28: {invisible, 0}, 29: {strike, 0}, 53: {0, overline}, 55: {overline, 0},
}

// style is SGR.
func (s *Screen) style(v []int) {
	for i := 0; i < len(v); i++ {
		sub := i + 1 // the parameters behind colons
		for sub < len(v) && s.colon[sub] {
			sub++
		}
		switch c := v[i]; {
		case c == 38 || c == 48 || c == 58:
			col, used := extended(v[i+1:], sub-i-1)
			switch c {
			case 38:
				s.pen.fg = col
			case 48:
				s.pen.bg = col
			default:
				s.underlines(col)
			}
			i += used
			continue
		case c == 4 && sub > i+1:
			s.pen.attr = s.pen.attr&^underlineMask | uint16(min(v[i+1], 5))*underline
		default:
			s.simple(c)
		}
		i = sub - 1
	}
}

// extended reads the colour behind 38, 48 or 58; subs of v belong to it by
// colons, 0 for the older way with semicolons.
func extended(v []int, subs int) (c color, used int) {
	if subs > 0 {
		v = v[:subs]
		used = subs
	}
	switch {
	case len(v) >= 2 && v[0] == 5:
		return indexed | color(v[1]&255), max(used, 2)
	case len(v) >= 4 && v[0] == 2:
		rgb := v[1:4]
		if subs >= 5 { // with the number of a colour space
			rgb = v[2:5]
		}
		return direct | color(rgb[0]&255)<<16 | color(rgb[1]&255)<<8 | color(rgb[2]&255), max(used, 4)
	}
	return 0, max(used, min(len(v), 1))
}

func (s *Screen) simple(c int) {
	p := &s.pen
	switch {
	case c == 0:
		*p = pen{attr: p.attr & guarded, extra: p.extra}
		s.underlines(0)
	case c >= 30 && c <= 37:
		p.fg = indexed | color(c-30)
	case c == 39:
		p.fg = 0
	case c >= 40 && c <= 47:
		p.bg = indexed | color(c-40)
	case c == 49:
		p.bg = 0
	case c == 59:
		s.underlines(0)
	case c >= 90 && c <= 97:
		p.fg = indexed | color(c-90+8)
	case c >= 100 && c <= 107:
		p.bg = indexed | color(c-100+8)
	case c < len(attributes):
		p.attr = p.attr&^attributes[c].clear | attributes[c].set
	}
}

// underlines sets their colour.
func (s *Screen) underlines(c color) {
	if c != s.under {
		s.under = c
		s.pen.extra = s.tables.number(s, extra{c, s.link})
	}
}

// linkTo makes what follows part of a link; "" ends it.
func (s *Screen) linkTo(link string) {
	if link != s.link {
		s.link = link
		s.pen.extra = s.tables.number(s, extra{s.under, link})
	}
}

// appendPen appends what selects now, in a terminal where was is selected.
func (s *Screen) appendPen(b []byte, was, now pen) []byte {
	old, e := s.tables.extra(was.extra), s.tables.extra(now.extra)
	if old.link != e.link {
		b = appendLink(b, e.link)
	}
	if (was.attr^now.attr)&guarded != 0 {
		b = append(b, 0x1b, '[', "01"[now.attr&guarded/guarded], '"', 'q')
	}
	was.extra, now.extra, was.attr, now.attr = 0, 0, was.attr&^guarded, now.attr&^guarded
	if was == now && old.under == e.under {
		return b
	}
	b = now.sgr(b)
	if e.under != 0 { // apart: who knows no colons drops it alone
		v := e.under & 0xffffff
		if e.under&direct != 0 {
			b = append(b, "\x1b[58:2:"...)
			for _, part := range [...]color{v >> 16, v >> 8 & 255, v & 255} {
				b = strconv.AppendInt(append(b, ':'), int64(part), 10)
			}
		} else {
			b = strconv.AppendInt(append(b, "\x1b[58:5:"...), int64(v), 10)
		}
		b = append(b, 'm')
	}
	return b
}

func appendLink(b []byte, link string) []byte {
	if link == "" {
		return append(b, "\x1b]8;;\x1b\\"...)
	}
	b = append(b, "\x1b]8;"...)
	return append(append(b, link...), "\x1b\\"...)
}

// sgr appends the sequence that selects p, whatever was selected before.
func (p pen) sgr(b []byte) []byte {
	b = append(b, "\x1b[0"...)
	for _, a := range [...]struct {
		bit  uint16
		code string
	}{{bold, ";1"}, {faint, ";2"}, {italic, ";3"}, {blink, ";5"}, {inverse, ";7"}, {invisible, ";8"}, {strike, ";9"}, {overline, ";53"}} {
		if p.attr&a.bit != 0 {
			b = append(b, a.code...)
		}
	}
	lines := p.attr & underlineMask / underline
	if lines != 0 {
		b = append(b, ";4"...)
	}
	b = p.fg.sgr(b, 30)
	b = append(p.bg.sgr(b, 40), 'm')
	if lines > 1 {
		b = append(strconv.AppendInt(append(b, "\x1b[4:"...), int64(lines), 10), 'm')
	}
	return b
}

func (c color) sgr(b []byte, base int64) []byte {
	v := int64(c & 0xffffff)
	switch {
	case c&direct != 0:
		b = strconv.AppendInt(append(b, ';'), base+8, 10)
		b = strconv.AppendInt(append(b, ";2;"...), v>>16, 10)
		b = strconv.AppendInt(append(b, ';'), v>>8&255, 10)
		return strconv.AppendInt(append(b, ';'), v&255, 10)
	case c&indexed == 0:
		return b
	case v < 8:
		return strconv.AppendInt(append(b, ';'), base+v, 10)
	case v < 16:
		return strconv.AppendInt(append(b, ';'), base+60+v-8, 10)
	}
	b = strconv.AppendInt(append(b, ';'), base+8, 10)
	return strconv.AppendInt(append(b, ";5;"...), v, 10)
}
