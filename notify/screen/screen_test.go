package screen

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"tssh/notify/screen/grid"
	"tssh/notify/screen/settings"
)

// show is all that a program can see of a terminal, and all that it set.
func show(s *Screen) string {
	var b strings.Builder
	showPage(&b, s, &s.main)
	if s.onAlt {
		showPage(&b, s, &s.alt)
	}
	fmt.Fprintf(&b, "alternate %v %s pen %s insert %v hidden %v nowrap %v newline %v sideways %v keypad %v back %v link %q region %d-%d,%d-%d state %q\n",
		s.onAlt, place(s, s.cursor), s.look(s.pen), s.insert, s.hidden, s.noWrap, s.newline, s.sideways, s.keypad, s.back, s.link, s.top, s.bottom, s.left, s.right, s.parser.Unfinished(nil))
	fmt.Fprintf(&b, "saved %s; %s keys %v %v", place(s, s.main.saved), place(s, s.alt.saved), tidy(s.main.keys), tidy(s.alt.keys))
	if s.tabsSet {
		fmt.Fprintf(&b, " tabs %v", s.tabs)
	}
	return b.String()
}

func tidy(k settings.Keys) settings.Keys {
	if len(k) == 1 && k[0] == 0 {
		return nil
	}
	return k
}

func place(s *Screen, c cursor) string {
	if c.G[0].Final == 0 { // never saved: the corner
		c.Sets.Init()
	}
	return fmt.Sprintf("%d,%d pend %v %s origin %v %q", c.x, c.y, c.pend, s.look(c.pen), c.origin, c.Sets.AppendTo(nil))
}

// look is a pen without the numbers that stand for something.
func (s *Screen) look(p grid.Pen) string {
	e := s.tables.Extra(p.Extra)
	p.Extra = 0
	if p == (grid.Pen{}) && e == (grid.Extra{}) {
		return ""
	}
	return fmt.Sprintf("<%x,%x,%x,%x,%s>", p.FG, p.BG, p.Attr, e.Under, e.Link)
}

func showPage(b *strings.Builder, s *Screen, p *page) {
	for y, l := range p.Lines {
		for x := range l.Cols {
			c := l.At(x)
			if c.R == grid.Second {
				continue
			}
			b.Write(s.ink.Glyph(nil, c.R))
			b.WriteString(s.look(c.Pen))
		}
		if l.Wrapped && y+1 < len(p.Lines) && p.Lines[y+1].At(0).R != 0 {
			b.WriteString("\\")
		}
		b.WriteString("|\n")
	}
}

// pieces are what programs write; a random stream of them reaches odd states.
var pieces = strings.Split("a|hello world|\r\n|\n|\b|\t|日本|é|e\u0301|😀|\x1b[H|\x1b[2J|\x1b[K|\x1b[1K|\x1b[J|\x1b[1J|\x1b[5;7H|\x1b[3;6r|\x1b[r|\x1b[?6h|\x1b[?6l|"+
	"\x1b[4h|\x1b[4l|\x1b[?7l|\x1b[?7h|\x1b[?25l|\x1b[?25h|\x1b(0|\x1b(B|\x0e|\x0f|\x1b)0|lqk|\x1b[31m|\x1b[1;44m|\x1b[38;5;200m|\x1b[48;2;1;2;3m|\x1b[0m|\x1b[4:3m|"+
	"\x1b[7m|\x1b[L|\x1b[2M|\x1b[3@|\x1b[2P|\x1b[4X|\x1b[2S|\x1b[T|\x1bM|\x1bD|\x1b7|\x1b8|\x1b[?1049h|\x1b[?1049l|\x1b[3b|\x1b[2A|\x1b[B|\x1b[4C|\x1b[D|\x1b[20G|"+
	"\x1b]0;title\a|\x1b]8;;http://x\x1b\\|\x1b]8;;\x1b\\|\x1bP1$r\x1b\\|0123456789012345678901234567890123456789|\x1b[#|\x1b[38:2::9:8:7m|\x1b[!p|\x1b[?69h|\x1b[?69l|\x1b[4;12s|\x1b[41m|\x1b[2'}|\x1b['~|\x1b[2 @|\x1b[ A|\x1b[42;2;3;5;9$x|\x1b[2;3;5;9$z|\x1b[1;1;3;4;1;4;6$v|\x1b[58;5;3m|\x1b[58:2::1:2:3m|\x1b[1\"q|\x1b[0\"q|\x1b[?1K|\x1b[?J|\x1b[?45h|\x1bN|\x1b*0|\x1b]2;other\a|\x1b[22;0t|\x1b[23;0t|\x1b[>5u|\x1b[=2;2u|\x1b[<u|\x1b[>4;2m|\x1b[4 q|\x1b]4;1;#123456\a|\x1b]11;red\a|\x1b]110\a|\x1b[?1000h|\x1b[?2004h|\x1b[?1h|\x1b[?1l|\x1b=|\x1bH|\x1b[3g|\x1b#8|\x1bc|\x1b[?1047h|\x1b[?1047l|\x1b[999b|ab\x1b[20b|\x1b[12;30H|\x1b[?1048h|\x1b[?2026h|\x1b[?2026l|\x1b[?1006s|\x1b[?1006r|long line that goes on and on and on\r\n", "|")

// random are some of them.
func random(r *rand.Rand, n int) (script []string) {
	for range n {
		script = append(script, pieces[r.IntN(len(pieces))])
	}
	return script
}

// shrink leaves out what is not needed for a fault.
func shrink(script []string, faulty func([]string) bool) []string {
	for i := len(script) - 1; i >= 0; i-- {
		if less := slices.Delete(slices.Clone(script), i, i+1); faulty(less) {
			script = less
		}
	}
	return script
}

func feed(cols, rows int, script []string) *Screen {
	s := New(cols, rows, Config{History: 1 << 14})
	s.Feed([]byte(strings.Join(script, "")))
	return s
}

func TestOverlayLeavesNoTrace(t *testing.T) {
	difference := func(script []string) (string, string) {
		ours, terminal := feed(20, 8, script), feed(20, 8, script)
		if ours.Open() || ours.parser.Held() > 0 || ours.origin && (ours.y < ours.top || ours.y > ours.bottom || ours.x < ours.left || ours.x > ours.right) {
			return "", "" // the second can't be had by any sequence
		}
		before := show(terminal)
		rows := []int{1, 2}
		var over []Row
		for _, l := range ours.page().Lines {
			l.Known = true
		}
		for _, y := range rows {
			over = append(over, Row{y, "notice"})
		}
		terminal.Feed(ours.Overlay(nil, "\x1b[1;37;44m", over))
		if !strings.Contains(show(terminal), "e<1000007,1000004,1,0,>|") && ours.cols < 9 {
			return before, show(terminal)
		}
		terminal.Feed(ours.Overlay(rows, "", nil))
		return before, show(terminal)
	}
	for seed := range uint64(3000) {
		r := rand.New(rand.NewPCG(seed, 0))
		script := random(r, 1+r.IntN(40))
		if before, after := difference(script); before != after {
			script = shrink(script, func(s []string) bool { b, a := difference(s); return a != b })
			before, after = difference(script)
			t.Fatalf("seed %d, %q\nbefore\n%s\nafter\n%s", seed, script, before, after)
		}
	}
}

func TestRedrawGivesTheSame(t *testing.T) {
	difference := func(script []string) (string, string) {
		ours := feed(20, 8, script)
		before := show(ours)
		if ours.origin && (ours.y < ours.top || ours.y > ours.bottom || ours.x < ours.left || ours.x > ours.right) {
			return "", ""
		}
		other := New(20, 8, Config{})
		other.Feed([]byte("\x1b[?1049h\x1b[2;3r\x1b[4h\x1b[31mdirt\x1b(0\x1b[>3u"))
		other.Feed(ours.Redraw(100))
		if show(ours) != before {
			return before, "changed by it: " + show(ours)
		}
		return before, show(other)
	}
	for seed := range uint64(3000) {
		r := rand.New(rand.NewPCG(seed, 3))
		script := random(r, 1+r.IntN(40))
		if seed%4 == 0 { // cut somewhere
			text := strings.Join(script, "")
			script = append(script, text[:r.IntN(len(text)+1)])
		}
		if before, after := difference(script); before != after {
			script = shrink(script, func(s []string) bool { b, a := difference(s); return a != b })
			before, after = difference(script)
			t.Fatalf("seed %d, %q\nbefore\n%s\nafter\n%s", seed, script, before, after)
		}
	}
}

func TestPiecesDoNotMatter(t *testing.T) {
	for seed := range uint64(500) {
		r := rand.New(rand.NewPCG(seed, 1))
		whole, split := New(20, 8, Config{}), New(20, 8, Config{})
		var text string
		for range 30 {
			text += pieces[r.IntN(len(pieces))]
		}
		whole.Feed([]byte(text))
		for rest := []byte(text); len(rest) > 0; {
			n := 1 + r.IntN(min(4, len(rest)))
			split.Feed(rest[:n])
			rest = rest[n:]
		}
		if show(whole) != show(split) {
			t.Fatalf("seed %d, %q\nwhole\n%s\nsplit\n%s", seed, text, show(whole), show(split))
		}
	}
}

// TestScrollsBetweenMarginsInOne: how the stream is cut decides when the page
// follows what scrolls between margins, and nothing is seen of it.
func TestScrollsBetweenMarginsInOne(t *testing.T) {
	parts := append([]string{"\n", "\n", "\r\n", "\r\nab", "\x1bD", "x", "日", "\x1b[8;9H", "\x1b[6;9H", "\x1b[S", "\x1b[K", "\x1b[44m", "\x1b[m", "\xff", "\x1b[3;6r", "\x1b[r", "\x1b[?69l",
		"\x1b[?69h\x1b[4;12s", "\x1b[3;20s", "\x1b[?1049h", "\x1b[?1049l", "\x1bM", "long line that goes on and on", "\x1b7", "\x1b8"}, pieces[:20]...)
	for seed := range uint64(2000) {
		r := rand.New(rand.NewPCG(seed, 5))
		text := "\x1b[?69h\x1b[4;12s\x1b[8;9H"
		for range 40 {
			text += parts[r.IntN(len(parts))]
		}
		whole, split := New(20, 8, Config{}), New(20, 8, Config{})
		whole.Feed([]byte(text))
		for i := range len(text) {
			split.Feed([]byte(text[i : i+1]))
		}
		if show(whole) != show(split) {
			t.Fatalf("seed %d, %q\nin one\n%s\nbyte by byte\n%s", seed, text, show(whole), show(split))
		}
		for y := range 8 {
			if whole.Known(y) != split.Known(y) {
				t.Fatalf("seed %d, %q: row %d is known: %v in one, %v byte by byte", seed, text, y, whole.Known(y), split.Known(y))
			}
		}
	}
}

func TestUnfinishedIsHeld(t *testing.T) {
	for text, want := range map[string]int{
		"abc": 0, "abc\x1b": 1, "abc\x1b[1;3": 5, "abc\x1b[1;3m": 0, "\xe6\x97": 2, "日": 0, "\x1b(": 2, "x\x1b]0;ti": 0, "\x1bP1000p": 0,
		"\x1b[" + strings.Repeat("1", 300): 0,
	} {
		s := New(20, 8, Config{})
		if got := s.Feed([]byte(text)); got != want {
			t.Errorf("%q: %d bytes held, want %d", text, got, want)
		}
	}
	latin := New(20, 8, Config{Bytes: true})
	if got := latin.Feed([]byte("caf\xe9")); got != 0 {
		t.Errorf("latin 1: %d bytes held", got)
	}
}

func TestStringsAreOpen(t *testing.T) {
	for text, want := range map[string]bool{
		"\x1bP1000p%begin 1\r\n": true, "\x1bP1000p%exit\r\n\x1b\\": false, "\x1bPq#0;2;0;0;0~~": true, "\x1b]52;c;aGk": true, "\x1b]52;c;aGk=\a": false,
		"\x1b_G": true, "\x1bP\x18": false, "text": false,
	} {
		s := New(20, 8, Config{})
		s.Feed([]byte(text))
		if s.Open() != want {
			t.Errorf("%q: open %v", text, s.Open())
		}
	}
}

func FuzzFeed(f *testing.F) {
	for _, p := range pieces {
		f.Add([]byte(p), uint8(20), uint8(5))
	}
	f.Fuzz(func(t *testing.T, p []byte, cols, rows uint8) {
		s := New(int(cols), int(rows), Config{Unknown: len(p)%2 == 0, History: 4 << 10, Bytes: len(p)%3 == 0})
		if held := s.Feed(p); held < 0 || held > len(p) {
			t.Fatalf("%d of %d bytes held", held, len(p))
		}
		s.Asked()
		s.Overlay([]int{0}, "\x1b[1m", []Row{{s.y, "a"}})
		s.Resize(int(rows), int(cols), len(p)%2 == 0)
		s.At(int(rows)/2, int(cols)/2)
		s.Feed(p)
		s.At(int(rows)/2, int(cols)/2)
		s.Resize(int(cols), int(rows), len(p)%2 == 0)
		s.Repaint()
		s.Redraw(10)
		s.Leave()
	})
}
