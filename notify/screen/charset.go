package screen

// charsets are G0 to G3 and which of them is in use.
type charsets struct {
	sets   [4]charset
	gl     uint8 // in use
	single uint8 // for one character only: 2, 3; 0: none
}

// charset is how a set is designated: the final byte, the intermediate before
// it, and wide for a set of 96 characters.
type charset struct {
	final, inter byte
	big          bool
}

var asciiSet = charset{final: 'B'}

func (c *charsets) init() { *c = charsets{sets: [4]charset{asciiSet, asciiSet, asciiSet, asciiSet}} }

// graphics is the line drawing set, from 0x5f on.
var graphics = []rune("\u00a0◆▒␉␌␍␊°±␤␋┘┐┌└┼⎺⎻─⎼⎽├┤┴┬│≤≥π≠£·")

var graphicGlyphs, britishGlyphs = func() (g, b [95]rune) {
	for i := range g {
		g[i], b[i] = rune(i+0x20), rune(i+0x20)
	}
	copy(g[0x5f-0x20:], graphics)
	b['#'-0x20] = '£'
	return g, b
}()

// glyphs is what ASCII stands for, nil for itself.
func (c *charsets) glyphs() *[95]rune { return c.sets[c.gl].glyphs() }

func (c charset) glyphs() *[95]rune {
	switch {
	case c == charset{final: '0'}:
		return &graphicGlyphs
	case c == charset{final: 'A'}:
		return &britishGlyphs
	case c == asciiSet:
		return nil
	}
	return &plainGlyphs
}

// plainGlyphs stand for a set that we have no table for.
var plainGlyphs = func() (g [95]rune) {
	for i := range g {
		g[i] = rune(i + 0x20)
	}
	return g
}()

// shifted is a character after a single shift.
func (c *charsets) shifted(r rune) rune {
	g := c.sets[c.single].glyphs()
	c.single = 0
	if g != nil && r >= 0x20 && r < 0x7f {
		return g[r-0x20]
	}
	return r
}

// sure tells whether the terminal shows for these characters what we have: in
// the national sets some stand for others.
func (c *charsets) sure(run []byte) bool {
	if set := c.sets[c.gl]; set == asciiSet || set == (charset{final: '0'}) {
		return true
	}
	for _, b := range run {
		if b < 'A' && b != ' ' && (b < '0' || b > '9') || b > 'Z' && b < 'a' || b > 'z' {
			return false
		}
	}
	return true
}

// designate is ESC with one or two intermediates and a final byte.
func (s *Screen) designate(inter, inter2, c byte) {
	switch inter {
	case '(', ')', '*', '+':
		s.sets[inter-'('] = charset{final: c, inter: inter2}
	case '-', '.', '/':
		s.sets[inter-','] = charset{final: c, inter: inter2, big: true}
	case '#':
		switch c {
		case '8':
			s.fillScreen('E')
		case '3', '4', '6': // double width or height, where terminals have it
			s.row(s.y).known = false
		}
	}
}

// appendTo writes what makes the sets of a terminal that has ASCII everywhere
// these.
func (c charsets) appendTo(b []byte) []byte {
	for i, set := range c.sets {
		if set == asciiSet {
			continue
		}
		b = append(b, 0x1b)
		if set.big {
			b = append(b, ","[0]+byte(i))
		} else {
			b = append(b, "("[0]+byte(i))
		}
		if set.inter != 0 {
			b = append(b, set.inter)
		}
		b = append(b, set.final)
	}
	switch c.gl {
	case 1:
		b = append(b, 0x0e)
	case 2, 3:
		b = append(b, 0x1b, "no"[c.gl-2])
	}
	switch c.single {
	case 2, 3:
		b = append(b, 0x1b, "NO"[c.single-2])
	}
	return b
}

// appendASCII writes what makes all sets ASCII again.
func (c charsets) appendASCII(b []byte) []byte {
	for i, set := range c.sets {
		if set != asciiSet {
			b = append(b, 0x1b, "("[0]+byte(i), 'B')
		}
	}
	if c.gl != 0 {
		b = append(b, 0x0f)
	}
	return b
}
