package notify

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// show is the screen as text, with the cursor's place and pen.
func show(s *Screen) string {
	var b strings.Builder
	for y := range s.rows {
		l := s.row(y)
		for x := range s.cols {
			c := l.at(x)
			if c.r == second {
				continue
			}
			if c.r == 0 {
				c.r = ' '
			}
			fmt.Fprintf(&b, "%c%s", c.r, l.marks[x])
			if c.pen != (pen{}) {
				fmt.Fprintf(&b, "<%x,%x,%x>", c.fg, c.bg, c.attr)
			}
		}
		b.WriteString("|\n")
	}
	fmt.Fprintf(&b, "%d,%d pend %v pen %v origin %v insert %v hidden %v sets %s gl %d link %q region %d-%d saved %v", s.x, s.y, s.pend, s.pen,
		s.origin, s.insert, s.hidden, s.sets, s.gl, s.link, s.top, s.bottom, s.page().saved)
	return b.String()
}

// pieces are what programs write; a random stream of them reaches odd states.
var pieces = strings.Split("a|hello world|\r\n|\n|\b|\t|日本|é|e\u0301|😀|\x1b[H|\x1b[2J|\x1b[K|\x1b[1K|\x1b[J|\x1b[1J|\x1b[5;7H|\x1b[3;6r|\x1b[r|\x1b[?6h|\x1b[?6l|"+
	"\x1b[4h|\x1b[4l|\x1b[?7l|\x1b[?7h|\x1b[?25l|\x1b[?25h|\x1b(0|\x1b(B|\x0e|\x0f|\x1b)0|lqk|\x1b[31m|\x1b[1;44m|\x1b[38;5;200m|\x1b[48;2;1;2;3m|\x1b[0m|\x1b[4:3m|"+
	"\x1b[7m|\x1b[L|\x1b[2M|\x1b[3@|\x1b[2P|\x1b[4X|\x1b[2S|\x1b[T|\x1bM|\x1bD|\x1b7|\x1b8|\x1b[?1049h|\x1b[?1049l|\x1b[3b|\x1b[2A|\x1b[B|\x1b[4C|\x1b[D|\x1b[20G|"+
	"\x1b]0;title\a|\x1b]8;;http://x\x1b\\|\x1b]8;;\x1b\\|\x1bP1$r\x1b\\|0123456789012345678901234567890123456789|\x1b[#|\x1b[38:2::9:8:7m|\x1b[!p", "|")

func TestNoticeLeavesNoTrace(t *testing.T) {
	for seed := range uint64(3000) {
		r := rand.New(rand.NewPCG(seed, 0))
		ours, terminal := NewScreen(20, 8, true), NewScreen(20, 8, true)
		both := func(s string) { ours.Feed([]byte(s)); terminal.Feed([]byte(s)) }
		both("\x1b[H\x1b[2J")
		var script []string
		for range 1 + r.IntN(40) {
			p := pieces[r.IntN(len(pieces))]
			script = append(script, p)
			both(p)
		}
		if ours.Open() || ours.origin && (ours.y < ours.top || ours.y > ours.bottom) {
			continue // the second can't be had by any sequence
		}
		before := show(terminal)
		lines := Text(r.IntN(2) == 0, Status{Host: "日本.example", Key: "^d"}, time.Time{})
		at := Place(r.IntN(2))
		for range 1 + r.IntN(3) {
			terminal.Feed(ours.Draw(lines, at))
		}
		if !strings.Contains(show(terminal), "t<1000007,1000004,1>s<") {
			t.Fatalf("seed %d: no notice:\n%s", seed, show(terminal))
		}
		terminal.Feed(ours.Clear())
		if after := show(terminal); after != before {
			t.Fatalf("seed %d, %q\nbefore\n%s\nafter\n%s", seed, script, before, after)
		}
	}
}

func TestPiecesDoNotMatter(t *testing.T) {
	for seed := range uint64(500) {
		r := rand.New(rand.NewPCG(seed, 1))
		whole, split := NewScreen(20, 8, true), NewScreen(20, 8, true)
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

func TestUnfinishedIsHeld(t *testing.T) {
	for text, want := range map[string]int{
		"abc": 0, "abc\x1b": 1, "abc\x1b[1;3": 5, "abc\x1b[1;3m": 0, "\xe6\x97": 2, "日": 0, "\x1b(": 2, "x\x1b]0;ti": 0, "\x1bP1000p": 0,
		"\x1b[" + strings.Repeat("1", 300): 0,
	} {
		s := NewScreen(20, 8, true)
		if got := s.Feed([]byte(text)); got != want {
			t.Errorf("%q: %d bytes held, want %d", text, got, want)
		}
	}
	latin := NewScreen(20, 8, false)
	if got := latin.Feed([]byte("caf\xe9")); got != 0 {
		t.Errorf("latin 1: %d bytes held", got)
	}
}

func TestNoNoticeInStrings(t *testing.T) {
	for text, want := range map[string]bool{
		"\x1bP1000p%begin 1\r\n": true, "\x1bP1000p%exit\r\n\x1b\\": false, "\x1bPq#0;2;0;0;0~~": true, "\x1b]52;c;aGk": true, "\x1b]52;c;aGk=\a": false,
		"\x1b_G": true, "\x1bP\x18": false, "text": false,
	} {
		s := NewScreen(20, 8, true)
		s.Feed([]byte(text))
		if s.Open() != want {
			t.Errorf("%q: open %v", text, s.Open())
		}
	}
}

func TestRowsFromBeforeTheSessionStay(t *testing.T) {
	ours, terminal := NewScreen(40, 8, true), NewScreen(40, 8, true)
	terminal.Feed([]byte("\x1b[H\x1b[2Jold one\r\nold two\r\n"))
	both := func(s string) { ours.Feed([]byte(s)); terminal.Feed([]byte(s)) }
	both("$ date\r\nMonday\r\n$ ")
	before := show(terminal)
	terminal.Feed(ours.Draw([]string{"relative"}, Top))
	if got := show(terminal); !strings.Contains(got, "r<") {
		t.Errorf("no notice before the place is known:\n%s", got)
	}
	terminal.Feed(ours.Clear())
	ours.At(2, 4)
	terminal.Feed(ours.Draw([]string{"one", "two"}, Top))
	if got := show(terminal); !strings.HasPrefix(got, "old one") || !strings.Contains(got, "t<1000007,1000004,1>w<") {
		t.Errorf("with notice:\n%s", got)
	}
	terminal.Feed(ours.Clear())
	// The model does not know the rows from before and must not claim to.
	if after := show(terminal); after != before {
		t.Errorf("before\n%s\nafter\n%s", before, after)
	}
}

func TestNoticeMovedByResizeIsPaintedOver(t *testing.T) {
	ours := NewScreen(20, 4, true)
	ours.Feed([]byte("\x1b[H\x1b[2J1\r\n2\r\n" + strings.Repeat("x", 30) + "\r\n$ "))
	ours.Draw([]string{"notice"}, Top)
	ours.Resize(10, 4, true) // the long line takes a row more: "1" scrolls off
	terminal := NewScreen(10, 4, true)
	terminal.Feed([]byte("\x1b[H\x1b[2Jnotice\r\nxxxxxxxxxx\r\nxxxxxxxxxx\r\n$ "))
	ours.At(2, 3)
	terminal.Feed(ours.Repaint())
	x := strings.Repeat("x", 10) + "|\n"
	if got, want := show(terminal), x+x+x+"$         |\n"; !strings.HasPrefix(got, want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	ours.Resize(10, 6, true) // and comes back when there is room
	ours.At(2, 5)
	if got, want := show(ours), "1         |\n2         |\n"+x; !strings.HasPrefix(got, want) {
		t.Errorf("grown\n%s", got)
	}
}

func TestTerminalIsInOrderAfterGivingUp(t *testing.T) {
	terminal, ours := NewScreen(20, 8, true), NewScreen(20, 8, true)
	both := func(s string) { ours.Feed([]byte(s)); terminal.Feed([]byte(s)) }
	both("\x1b[H\x1b[2J$ vim")
	before := show(terminal)
	if b := ours.Leave(); len(b) > 0 {
		t.Errorf("a terminal in order: %q", b)
	}
	both("\x1b[?1049h\x1b[?1h\x1b=\x1b[?2004h\x1b[?1000;1006h\x1b[>1u\x1b[>4;2m\x1b[H\x1b[2J\x1b[2;7r\x1b[?25l\x1b[7mtext")
	terminal.Feed(ours.Draw([]string{"notice"}, Top))
	terminal.Feed(ours.Leave())
	seen := func(s string) string { s, _, _ = strings.Cut(s, " saved "); return s }
	if after := show(terminal); seen(after) != seen(before) || len(terminal.modes) > 0 || terminal.keypad || terminal.pushed > 0 || terminal.otherKeys {
		t.Errorf("before\n%s\nafter\n%s\n%v", before, after, terminal.modes)
	}
}

func TestDurations(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-1: "0s", 59 * time.Second: "59s", 80 * time.Second: "1m 20s", 125 * time.Minute: "2h 5m", 76 * time.Hour: "3d 4h",
	} {
		if got := Duration(d); got != want {
			t.Errorf("%v: %q", d, got)
		}
	}
}

func TestAnswers(t *testing.T) {
	for text, want := range map[string]string{
		"\x1b[12;3R": "2 11 7 true", "\x1b[1;1Rx": "0 0 6 true", "\x1b": "0 0 1 false", "\x1b[12;": "0 0 5 false",
		"\x1b[A": "0 0 0 false", "x": "0 0 0 false", "\x1b[0;1R": "0 0 0 false", "\x1b[11111111111111111": "0 0 0 false",
	} {
		if got := fmt.Sprint(Answer([]byte(text))); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

func TestNamesCannotControlTheTerminal(t *testing.T) {
	for _, l := range Text(true, Status{Host: "a\x1b]0;x\a", Trying: "\u009b31m"}, time.Time{}) {
		if strings.ContainsAny(l, "\x1b\a\u009b") {
			t.Errorf("%q", l)
		}
	}
}

func FuzzFeed(f *testing.F) {
	for _, p := range pieces {
		f.Add([]byte(p), uint8(20), uint8(5))
	}
	f.Fuzz(func(t *testing.T, p []byte, cols, rows uint8) {
		s := NewScreen(int(cols), int(rows), true)
		if held := s.Feed(p); held < 0 || held > len(p) {
			t.Fatalf("%d of %d bytes held", held, len(p))
		}
		s.Draw([]string{"a", "b"}, Top)
		s.Resize(int(rows), int(cols), len(p)%2 == 0)
		s.At(int(rows)/2, int(cols)/2)
		s.Feed(p)
		s.Draw([]string{"a", "b"}, Cursor)
		s.Repaint()
		s.Clear()
	})
}

func BenchmarkFeed(b *testing.B) {
	text := []byte(strings.Repeat("\x1b[01;34mdir\x1b[0m  some file names of ordinary length.txt and more of them\r\n", 100))
	s := NewScreen(200, 50, true)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		s.Feed(text)
	}
}
