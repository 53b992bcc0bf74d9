package screen

import "strings"

// tables hold what cells only have numbers of: characters with marks, and links
// and colours of underlines. What no cell uses any more is swept out when they
// have doubled, so that they are bounded by the screen.
type tables struct {
	clusters  []string
	combined  map[[2]rune]rune
	maxJoined int

	extras   []extra
	numbers  map[extra]uint16
	bytes    int // of links
	maxExtra int
	full     int // input that must pass before another try
	borrowed bool
}

// extra is what few cells have.
type extra struct {
	under color
	link  string // as it was set: parameters and address
}

const (
	firstCluster rune = 1 << 21
	maxMarks          = 32 // bytes of one character and its marks
	maxLinks          = 1 << 20
	minTable          = 1024
)

// combine returns what stands for r with a mark, r being such a thing too. It
// is not ok where there is no room.
func (t *tables) combine(s *Screen, r, mark rune) (rune, bool) {
	key := [2]rune{r, mark}
	if c, ok := t.combined[key]; ok {
		return c, true
	}
	text := t.text(r) + string(mark)
	if len(text) > maxMarks {
		return r, true // terminals have bounds too
	}
	if len(t.clusters) >= max(t.maxJoined, minTable) && !t.borrowed {
		t.sweep(s)
		if r >= firstCluster { // numbered anew
			return 0, false
		}
	}
	c := firstCluster + rune(len(t.clusters))
	t.clusters = append(t.clusters, text)
	if t.combined == nil {
		t.combined = map[[2]rune]rune{}
	}
	t.combined[key] = c
	return c, true
}

// text is what a cell shows.
func (t *tables) text(r rune) string {
	if r >= firstCluster {
		return t.clusters[r-firstCluster]
	}
	return string(r)
}

// number returns what stands for an extra; 0 is none.
func (t *tables) number(s *Screen, e extra) uint16 {
	if e == (extra{}) {
		return 0
	}
	if n, ok := t.numbers[e]; ok {
		return n
	}
	if len(t.extras) >= max(t.maxExtra, minTable) || t.bytes+len(e.link) > maxLinks {
		if t.borrowed || s.fed < t.full {
			return 0
		}
		t.sweep(s)
		if len(t.extras) > 1<<15 || t.bytes+len(e.link) > maxLinks {
			t.full = s.fed + maxLinks/16
			s.lost++
			return 0
		}
	}
	if t.numbers == nil {
		t.numbers = map[extra]uint16{}
	}
	e.link = strings.Clone(e.link)
	t.extras = append(t.extras, e)
	t.bytes += len(e.link)
	n := uint16(len(t.extras))
	t.numbers[e] = n
	return n
}

func (t *tables) extra(n uint16) extra {
	if n == 0 {
		return extra{}
	}
	return t.extras[n-1]
}

// sweep keeps what is in use.
func (t *tables) sweep(s *Screen) {
	old := *t
	*t = tables{numbers: map[extra]uint16{}, combined: map[[2]rune]rune{}, full: old.full}
	clusters, extras := make([]rune, len(old.clusters)), make([]uint16, len(old.extras))
	visit := func(c *cell) {
		if c.r >= firstCluster {
			n := &clusters[c.r-firstCluster]
			if *n == 0 {
				*n = firstCluster + rune(len(t.clusters))
				t.clusters = append(t.clusters, old.clusters[c.r-firstCluster])
			}
			c.r = *n
		}
		if c.extra != 0 {
			n := &extras[c.extra-1]
			if *n == 0 {
				e := old.extras[c.extra-1]
				t.extras = append(t.extras, e)
				t.bytes += len(e.link)
				*n = uint16(len(t.extras))
				t.numbers[e] = *n
			}
			c.extra = *n
		}
	}
	for _, p := range []*page{&s.main, &s.alt} {
		for _, l := range p.lines {
			for x := range l.cells[:l.n] {
				visit(&l.cells[x])
			}
			visit(&l.rest)
		}
		c := cell{pen: p.saved.pen}
		visit(&c)
		p.saved.pen = c.pen
	}
	c := cell{pen: s.pen}
	visit(&c)
	s.pen = c.pen
	t.maxJoined, t.maxExtra = 2*len(t.clusters), min(2*len(t.extras), 1<<15)
}
