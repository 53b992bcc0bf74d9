// Package charset has the sets of characters of ISO 2022 that terminals know.
package charset

// Sets are G0 to G3 and which of them is in use.
type Sets struct {
	G      [4]Set
	GL     uint8 // in use
	Single uint8 // for one character only: 2, 3; 0: none
}

// Set is how a set is designated: the final byte, the intermediate before
// it, and Big for a set of 96 characters.
type Set struct {
	Final, Inter byte
	Big          bool
}

// ASCII is in use at first.
var ASCII = Set{Final: 'B'}

// Init makes all of them ASCII.
func (c *Sets) Init() { *c = Sets{G: [4]Set{ASCII, ASCII, ASCII, ASCII}} }

// Graphics is the line drawing set, from 0x5f on.
var Graphics = []rune("\u00a0◆▒␉␌␍␊°±␤␋┘┐┌└┼⎺⎻─⎼⎽├┤┴┬│≤≥π≠£·")

var graphicGlyphs, britishGlyphs = func() (g, b [95]rune) {
	for i := range g {
		g[i], b[i] = rune(i+0x20), rune(i+0x20)
	}
	copy(g[0x5f-0x20:], Graphics)
	b['#'-0x20] = '£'
	return g, b
}()

// Glyphs is what ASCII stands for, nil for itself.
func (c *Sets) Glyphs() *[95]rune { return c.G[c.GL].glyphs() }

func (c Set) glyphs() *[95]rune {
	switch {
	case c == Set{Final: '0'}:
		return &graphicGlyphs
	case c == Set{Final: 'A'}:
		return &britishGlyphs
	case c == ASCII:
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

// Shifted is a character after a single shift.
func (c *Sets) Shifted(r rune) rune {
	g := c.G[c.Single].glyphs()
	c.Single = 0
	if g != nil && r >= 0x20 && r < 0x7f {
		return g[r-0x20]
	}
	return r
}

// Sure tells whether the terminal shows for these characters what we have: in
// the national sets some stand for others.
func (c *Sets) Sure(run []byte) bool {
	if set := c.G[c.GL]; set == ASCII || set == (Set{Final: '0'}) {
		return true
	}
	for _, b := range run {
		if b < 'A' && b != ' ' && (b < '0' || b > '9') || b > 'Z' && b < 'a' || b > 'z' {
			return false
		}
	}
	return true
}

// AppendTo writes what makes the sets of a terminal that has ASCII everywhere
// these.
func (c Sets) AppendTo(b []byte) []byte {
	for i, set := range c.G {
		if set == ASCII {
			continue
		}
		b = append(b, 0x1b)
		if set.Big {
			b = append(b, ","[0]+byte(i))
		} else {
			b = append(b, "("[0]+byte(i))
		}
		if set.Inter != 0 {
			b = append(b, set.Inter)
		}
		b = append(b, set.Final)
	}
	switch c.GL {
	case 1:
		b = append(b, 0x0e)
	case 2, 3:
		b = append(b, 0x1b, "no"[c.GL-2])
	}
	switch c.Single {
	case 2, 3:
		b = append(b, 0x1b, "NO"[c.Single-2])
	}
	return b
}

// AppendASCII writes what makes all sets ASCII again.
func (c Sets) AppendASCII(b []byte) []byte {
	for i, set := range c.G {
		if set != ASCII {
			b = append(b, 0x1b, "("[0]+byte(i), 'B')
		}
	}
	if c.GL != 0 {
		b = append(b, 0x0f)
	}
	return b
}
