package grid

import "strings"

// Tables hold what cells only have numbers of: characters with marks, and links
// and colours of underlines. What no cell uses any more is swept out when they
// have doubled, so that they are bounded by the screen.
type Tables struct {
	clusters  []string
	combined  map[[2]rune]rune
	maxJoined int

	extras   []Extra
	numbers  map[Extra]uint16
	bytes    int // of links
	maxExtra int
	full     int // input that must pass before another try

	Each     func(func(*Cell)) // calls for all cells in use
	Fed      int               // input so far, in bytes
	Borrowed bool              // nothing is swept out
}

// Extra is what few cells have.
type Extra struct {
	Under Color
	Link  string // as it was set: parameters and address
}

// FirstCluster is the first number of a character with marks.
const FirstCluster rune = 1 << 21

const (
	maxMarks = 32 // bytes of one character and its marks
	maxLinks = 1 << 20
	minTable = 1024
)

// Combine returns what stands for r with a mark, r being such a thing too. It
// is not ok where there is no room.
func (t *Tables) Combine(r, mark rune) (rune, bool) {
	key := [2]rune{r, mark}
	if c, ok := t.combined[key]; ok {
		return c, true
	}
	text := t.Text(r) + string(mark)
	if len(text) > maxMarks {
		return r, true // terminals have bounds too
	}
	if len(t.clusters) >= max(t.maxJoined, minTable) && !t.Borrowed {
		t.sweep()
		if r >= FirstCluster { // numbered anew
			return 0, false
		}
	}
	c := FirstCluster + rune(len(t.clusters))
	t.clusters = append(t.clusters, text)
	if t.combined == nil {
		t.combined = map[[2]rune]rune{}
	}
	t.combined[key] = c
	return c, true
}

// Text is what a cell shows.
func (t *Tables) Text(r rune) string {
	if r >= FirstCluster {
		return t.clusters[r-FirstCluster]
	}
	return string(r)
}

// Number returns what stands for an extra; 0 is none.
func (t *Tables) Number(e Extra) uint16 {
	if e == (Extra{}) {
		return 0
	}
	if n, ok := t.numbers[e]; ok {
		return n
	}
	if len(t.extras) >= max(t.maxExtra, minTable) || t.bytes+len(e.Link) > maxLinks {
		if t.Borrowed || t.Fed < t.full {
			return 0
		}
		t.sweep()
		if len(t.extras) > 1<<15 || t.bytes+len(e.Link) > maxLinks {
			t.full = t.Fed + maxLinks/16
			return 0
		}
	}
	if t.numbers == nil {
		t.numbers = map[Extra]uint16{}
	}
	e.Link = strings.Clone(e.Link)
	t.extras = append(t.extras, e)
	t.bytes += len(e.Link)
	n := uint16(len(t.extras))
	t.numbers[e] = n
	return n
}

// Extra is what a number stands for.
func (t *Tables) Extra(n uint16) Extra {
	if n == 0 {
		return Extra{}
	}
	return t.extras[n-1]
}

// sweep keeps what is in use.
func (t *Tables) sweep() {
	old := *t
	*t = Tables{numbers: map[Extra]uint16{}, combined: map[[2]rune]rune{}, full: old.full, Each: old.Each, Fed: old.Fed}
	clusters, extras := make([]rune, len(old.clusters)), make([]uint16, len(old.extras))
	visit := func(c *Cell) {
		if c.R >= FirstCluster {
			n := &clusters[c.R-FirstCluster]
			if *n == 0 {
				*n = FirstCluster + rune(len(t.clusters))
				t.clusters = append(t.clusters, old.clusters[c.R-FirstCluster])
			}
			c.R = *n
		}
		if c.Extra != 0 {
			n := &extras[c.Extra-1]
			if *n == 0 {
				e := old.extras[c.Extra-1]
				t.extras = append(t.extras, e)
				t.bytes += len(e.Link)
				*n = uint16(len(t.extras))
				t.numbers[e] = *n
			}
			c.Extra = *n
		}
	}
	t.Each(visit)
	t.maxJoined, t.maxExtra = 2*len(t.clusters), min(2*len(t.extras), 1<<15)
}
