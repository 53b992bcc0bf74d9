package notify

import "strconv"

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
	switch style := p.attr & underlineMask / underline; {
	case style == 1:
		b = append(b, ";4"...)
	case style > 1:
		b = strconv.AppendInt(append(b, ";4:"...), int64(style), 10)
	}
	b = p.fg.sgr(b, 30)
	b = p.bg.sgr(b, 40)
	return append(b, 'm')
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

// set is SGR.
func (p *pen) set(v []int, colon *[maxParams]bool) {
	for i := 0; i < len(v); i++ {
		sub := i + 1 // the parameters behind colons
		for sub < len(v) && colon[sub] {
			sub++
		}
		switch c := v[i]; {
		case c == 38 || c == 48 || c == 58:
			col, used := extended(v[i+1:], sub-i-1)
			if c == 38 {
				p.fg = col
			} else if c == 48 {
				p.bg = col
			}
			i += used
			continue
		case c == 4 && sub > i+1:
			p.attr = p.attr&^underlineMask | uint16(v[i+1]&7)*underline
		default:
			p.simple(c)
		}
		i = sub - 1
	}
}

// extended reads the color behind 38, 48 or 58; subs of v belong to it by
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

func (p *pen) simple(c int) {
	switch {
	case c == 0:
		*p = pen{}
	case c == 1:
		p.attr |= bold
	case c == 2:
		p.attr |= faint
	case c == 3:
		p.attr |= italic
	case c == 4:
		p.attr = p.attr&^underlineMask | underline
	case c == 5, c == 6:
		p.attr |= blink
	case c == 7:
		p.attr |= inverse
	case c == 8:
		p.attr |= invisible
	case c == 9:
		p.attr |= strike
	case c == 21:
		p.attr = p.attr&^underlineMask | underline*2
	case c == 22:
		p.attr &^= bold | faint
	case c == 23:
		p.attr &^= italic
	case c == 24:
		p.attr &^= underlineMask
	case c == 25:
		p.attr &^= blink
	case c == 27:
		p.attr &^= inverse
	case c == 28:
		p.attr &^= invisible
	case c == 29:
		p.attr &^= strike
	case c == 53:
		p.attr |= overline
	case c == 55:
		p.attr &^= overline
	case c >= 30 && c <= 37:
		p.fg = indexed | color(c-30)
	case c == 39:
		p.fg = 0
	case c >= 40 && c <= 47:
		p.bg = indexed | color(c-40)
	case c == 49:
		p.bg = 0
	case c >= 90 && c <= 97:
		p.fg = indexed | color(c-90+8)
	case c >= 100 && c <= 107:
		p.bg = indexed | color(c-100+8)
	}
}
