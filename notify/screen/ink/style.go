package ink

import "tssh/notify/screen/grid"

// attributes are the simple parameters of SGR: what they clear and set.
var attributes = [108]struct{ clear, set uint16 }{
	1: {0, grid.Bold}, 2: {0, grid.Faint}, 3: {0, grid.Italic}, 4: {grid.UnderlineMask, grid.Underline}, 5: {0, grid.Blink}, 6: {0, grid.Blink}, 7: {0, grid.Inverse},
	8: {0, grid.Invisible}, 9: {0, grid.Strike}, 21: {grid.UnderlineMask, 2 * grid.Underline}, 22: {grid.Bold | grid.Faint, 0}, 23: {grid.Italic, 0},
	24: {grid.UnderlineMask, 0}, 25: {grid.Blink, 0}, 27: {grid.Inverse, 0}, 28: {grid.Invisible, 0}, 29: {grid.Strike, 0}, 53: {0, grid.Overline}, 55: {grid.Overline, 0},
}

// Style changes a pen, and the colour of underlines, as SGR does. sub tells which
// parameters belong to the one before, by colons.
func Style(p *grid.Pen, under *grid.Color, v []int, sub func(i int) bool) {
	for i := 0; i < len(v); i++ {
		end := i + 1 // of the parameters behind colons
		for end < len(v) && sub(end) {
			end++
		}
		switch c := v[i]; {
		case c == 38 || c == 48 || c == 58:
			col, used := extended(v[i+1:], end-i-1)
			switch c {
			case 38:
				p.FG = col
			case 48:
				p.BG = col
			default:
				*under = col
			}
			i += used
			continue
		case c == 4 && end > i+1:
			p.Attr = p.Attr&^grid.UnderlineMask | uint16(min(v[i+1], 5))*grid.Underline
		default:
			if c == 0 || c == 59 {
				*under = 0
			}
			simple(p, c)
		}
		i = end - 1
	}
}

// extended reads the colour behind 38, 48 or 58; subs of v belong to it by
// colons, 0 for the older way with semicolons.
func extended(v []int, subs int) (c grid.Color, used int) {
	if subs > 0 {
		v = v[:subs]
		used = subs
	}
	switch {
	case len(v) >= 2 && v[0] == 5:
		return grid.Indexed | grid.Color(v[1]&255), max(used, 2)
	case len(v) >= 4 && v[0] == 2:
		rgb := v[1:4]
		if subs >= 5 { // with the number of a colour space
			rgb = v[2:5]
		}
		return grid.Direct | grid.Color(rgb[0]&255)<<16 | grid.Color(rgb[1]&255)<<8 | grid.Color(rgb[2]&255), max(used, 4)
	}
	return 0, max(used, min(len(v), 1))
}

func simple(p *grid.Pen, c int) {
	switch {
	case c == 0:
		*p = grid.Pen{Attr: p.Attr & grid.Guarded, Extra: p.Extra}
	case c >= 30 && c <= 37:
		p.FG = grid.Indexed | grid.Color(c-30)
	case c == 39:
		p.FG = 0
	case c >= 40 && c <= 47:
		p.BG = grid.Indexed | grid.Color(c-40)
	case c == 49:
		p.BG = 0
	case c >= 90 && c <= 97:
		p.FG = grid.Indexed | grid.Color(c-90+8)
	case c >= 100 && c <= 107:
		p.BG = grid.Indexed | grid.Color(c-100+8)
	case c < len(attributes):
		p.Attr = p.Attr&^attributes[c].clear | attributes[c].set
	}
}

// Restyle is what DECCARA makes of attributes by its parameters, or where reverse
// DECRARA: they are attr & keep ^ turn.
func Restyle(v []int, reverse bool) (keep, turn uint16) {
	const all = grid.Bold | grid.UnderlineMask | grid.Blink | grid.Inverse
	keep = ^uint16(0)
	for _, n := range v {
		switch {
		case n == 0 && reverse:
			turn ^= grid.Bold | grid.Underline | grid.Blink | grid.Inverse
		case n == 0:
			keep, turn = keep&^all, turn&^all
		case n >= len(attributes) || (attributes[n].clear|attributes[n].set)&^all != 0:
		case reverse:
			turn ^= attributes[n].set
		default:
			keep &^= attributes[n].clear | attributes[n].set
			turn = turn&^attributes[n].clear | attributes[n].set
		}
	}
	return keep, turn
}
