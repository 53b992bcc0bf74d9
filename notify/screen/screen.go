// Package screen is a model of a terminal's screen: text for a terminal goes in,
// and what the terminal shows and how it is set is known. There is no clock and
// no terminal here, and memory is bounded whatever goes in.
//
// The client keeps one of the user's terminal, which shows things that the model
// has not seen: rows are known or not, and what covers known ones for a while
// (Overlay) is taken away without a trace. The server keeps one of a terminal
// that was blank at the start, and brings another terminal to the same state
// (Redraw).
//
// Output that is kept in a ring while nobody reads it needs no copies of the
// model: let the model stand where the ring begins. What goes into the ring is
// not fed; what is sent from it, or falls out of it, is. Then Redraw followed by
// the ring's content is the whole screen exactly, modes, pages, colours and the
// half of a sequence that the cut left included, each byte is looked at once,
// and where the ring is cut does not matter. Package escape takes questions out of such
// content, which the terminal would answer a second time.
package screen

import (
	"tssh/notify/screen/charset"
	"tssh/notify/screen/escape"
	"tssh/notify/screen/grid"
	"tssh/notify/screen/ink"
	"tssh/notify/screen/scrollback"
	"tssh/notify/screen/settings"
)

// Config is what a model may be told; the zero value is a terminal for UTF-8
// whose screen is blank.
type Config struct {
	Bytes   bool // its characters are bytes, of some set that is not UTF-8
	Unknown bool // what it shows at the start is not known, nor the cursor's row
	History int  // bytes kept of lines that scrolled off; 0: none
}

// maxArea bounds the cells of a page. The largest screens in the smallest fonts
// have less.
const maxArea = 1 << 20

// cursor is what ESC 7 saves.
type cursor struct {
	x, y   int
	pend   bool // the last column is written: the next character wraps
	pen    grid.Pen
	origin bool
	charset.Sets
	sure, set bool // y is a row of the terminal and not only of the model; saved at all
}

// Screen is the model of a terminal's screen. It is not safe for two goroutines.
type Screen struct {
	parser escape.Parser
	cursor
	cols, rows int
	config     Config

	main, alt page
	band      band
	onAlt     bool
	history   history
	tables    *grid.Tables
	ink       ink.Ink

	top, bottom int // of the scroll region, inclusive
	left, right int // its margins, inclusive
	sideways    bool
	tabs        []bool
	tabsSet     bool
	noWrap      bool // mode 7 off
	insert      bool
	newline     bool // mode 20: LF returns too
	hidden      bool // the cursor
	back        bool // mode 45: BS goes back over a wrap
	squares     bool // DECSACE: attributes change in rectangles
	guards      bool // something may be spared by selective erasure
	link        string
	under       grid.Color // of underlines
	last        rune       // for REP

	modes  settings.Modes
	keypad bool // sends its own codes
	others settings.Others
	props  settings.Props

	asked   question
	scroll  int // how often the whole page was scrolled
	credit  int // of what odd sequences may cost
	scratch []grid.Cell
}

// New makes the model of a terminal.
func New(cols, rows int, c Config) *Screen {
	s := &Screen{config: c, history: history{Rows: scrollback.Rows{Limit: c.History}}, credit: maxCredit}
	s.tables = &grid.Tables{Each: s.eachCell}
	s.ink = ink.Ink{Tables: s.tables, Bytes: c.Bytes}
	s.parser.Bytes = c.Bytes
	s.Sets.Init()
	cols, rows = bound(cols, rows)
	s.setSize(cols, rows)
	s.main.Init(cols, rows)
	if c.Unknown {
		s.y = s.rows - 1 // where output scrolls; At corrects that
		for _, l := range s.main.Lines[:s.y] {
			l.Known = false
		}
		return s
	}
	s.main.anchored = true
	return s
}

func bound(cols, rows int) (int, int) {
	cols = min(max(cols, 1), maxArea)
	return cols, min(max(rows, 1), max(maxArea/cols, 1))
}

func (s *Screen) setSize(cols, rows int) {
	s.cols, s.rows = cols, rows
	s.top, s.bottom, s.left, s.right = 0, rows-1, 0, cols-1
	s.defaultTabs()
}

// Size returns columns and rows.
func (s *Screen) Size() (cols, rows int) { return s.cols, s.rows }

// Cursor returns the cursor's column and row, from 0.
func (s *Screen) Cursor() (x, y int) { return s.x, s.y }

// Known tells whether the terminal shows in a row what the model has there.
func (s *Screen) Known(y int) bool { return y >= 0 && y < s.rows && s.row(y).Known }

// Alternate tells whether the alternate page is shown.
func (s *Screen) Alternate() bool { return s.onAlt }

// Scrolled returns how many rows have scrolled off the main page.
func (s *Screen) Scrolled() int { return s.history.scrolled }

func (s *Screen) page() *page {
	if s.onAlt {
		return &s.alt
	}
	return &s.main
}

func (s *Screen) row(y int) *grid.Line {
	if s.band.page != nil && y != s.band.bottom {
		s.settle()
	}
	return s.page().Lines[y]
}

// lines are all rows of the page.
func (s *Screen) lines() []*grid.Line {
	s.settle()
	return s.page().Lines
}

// blank is what is left where something is erased.
func (s *Screen) blank() grid.Cell { return grid.Cell{Pen: grid.Pen{BG: s.pen.BG}} }

// reset is ESC c. The pages' memory stays.
func (s *Screen) reset() {
	s.settle()
	s.cursor = cursor{}
	s.Sets.Init()
	s.onAlt = false
	s.top, s.bottom, s.left, s.right = 0, s.rows-1, 0, s.cols-1
	s.sideways, s.noWrap, s.insert, s.newline, s.hidden, s.back, s.squares, s.guards, s.keypad = false, false, false, false, false, false, false, false, false
	s.link, s.under, s.last = "", 0, 0
	s.modes.Reset()
	s.others = settings.Others{}
	s.props.Reset()
	s.asked, s.scroll = question{}, 0
	s.asked.void = true
	s.defaultTabs()
	for _, p := range []*page{&s.main, &s.alt} {
		p.saved, p.keys, p.anchored = cursor{}, nil, true
		s.eraseRows(p, grid.Cell{})
	}
}

// eachCell calls f for all cells that there are, and for what will look like one.
func (s *Screen) eachCell(f func(*grid.Cell)) {
	s.settle()
	look := func(p *grid.Pen) {
		c := grid.Cell{Pen: *p}
		f(&c)
		*p = c.Pen
	}
	for _, p := range []*page{&s.main, &s.alt} {
		for _, l := range p.Lines {
			for x := range l.Cells[:l.N] {
				f(&l.Cells[x])
			}
			f(&l.Rest)
		}
		look(&p.saved.pen)
	}
	look(&s.pen)
}
