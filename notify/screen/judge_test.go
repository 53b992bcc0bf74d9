package screen

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tssh/notify/screen/grid"
)

// seen is what a terminal shows: what testdata/xterm/look.js writes.
type seen struct {
	Rows         [][]glyph
	Wrapped      []bool // the row goes on from the one before
	History      []string
	Title, Modes string
	X, Y         int
	Pend, Alt    bool
	Top, Bottom  int
	SavedX       int
	Answers      int
}

// glyph is a character with its look; its underline's style and colour do not
// count in a link, which terminals underline in their own way.
type glyph struct {
	text         string
	fg, bg, attr grid.Color
	style, under grid.Color
	link         string
}

func (g *glyph) UnmarshalJSON(b []byte) error {
	fields := []any{&g.text, &g.fg, &g.bg, &g.attr, &g.style, &g.under, &g.link}
	if err := json.Unmarshal(b, &fields); err != nil {
		return err
	}
	if g.link != "" || g.style == 0 {
		g.style, g.under = 0, 0
	}
	return nil
}

// view is what the model says the terminal shows.
func (s *Screen) view() seen {
	v := seen{
		X: s.x, Y: s.y, Pend: s.pend, Alt: s.onAlt, Top: s.top, Bottom: s.bottom, Title: s.props.Title.Text,
		SavedX: s.page().saved.x,
	}
	mouse := "none"
	for _, m := range s.modes.List {
		if name := map[int]string{9: "x10", 1000: "vt200", 1002: "drag", 1003: "any"}[m.Number]; name != "" && !m.ANSI {
			if mouse = name; !m.On {
				mouse = "none"
			}
		}
	}
	v.Modes = fmt.Sprintf("%v %v %v %v %v %v %v %s %v %v", s.modes.On(1), s.keypad, s.modes.On(2004), s.insert, s.origin, !s.noWrap, s.back, mouse, s.modes.On(1004), s.hidden)
	for y, l := range s.page().Lines {
		var row []glyph
		for x := range l.Cols {
			c := l.At(x)
			if c.R == grid.Second {
				continue
			}
			e := s.tables.Extra(c.Extra)
			g := glyph{string(s.ink.Glyph(nil, c.R)), c.FG, c.BG, grid.Color(c.Attr & 0xff), grid.Color(c.Attr & grid.UnderlineMask / grid.Underline), e.Under, ""}
			_, g.link, _ = strings.Cut(e.Link, ";")
			if g.link != "" || g.style == 0 {
				g.style, g.under = 0, 0
			}
			row = append(row, g)
		}
		v.Rows = append(v.Rows, row)
		v.Wrapped = append(v.Wrapped, y > 0 && s.row(y-1).Wrapped)
	}
	return v
}

// differences tells where two differ. A wrap into a row that begins blank is
// none: nothing can be seen of it, and some terminals forget it.
func (v seen) differences(w seen) (out []string) {
	for y := range v.Rows {
		for x := range v.Rows[y] {
			if x >= len(w.Rows[y]) || v.Rows[y][x] != w.Rows[y][x] {
				out = append(out, fmt.Sprintf("row %d: %s, terminal %s", y, rowText(v.Rows[y]), rowText(w.Rows[y])))
				break
			}
		}
		if v.Wrapped[y] != w.Wrapped[y] && v.Rows[y][0].text != " " {
			out = append(out, fmt.Sprintf("row %d wraps from the one before: %v, terminal %v", y, v.Wrapped[y], w.Wrapped[y]))
		}
	}
	for _, c := range []struct {
		name string
		a, b any
	}{
		{"column", v.X, w.X}, {"row", v.Y, w.Y}, {"pending wrap", v.Pend, w.Pend}, {"alternate", v.Alt, w.Alt},
		{"top", v.Top, w.Top}, {"bottom", v.Bottom, w.Bottom}, {"modes", v.Modes, w.Modes}, {"title", v.Title, w.Title},
		{"saved column", v.SavedX, w.SavedX}, {"answers", v.Answers, w.Answers},
	} {
		if c.a != c.b {
			out = append(out, fmt.Sprintf("%s: %v, terminal %v", c.name, c.a, c.b))
		}
	}
	return out
}

func rowText(row []glyph) string {
	var b strings.Builder
	var last glyph
	for _, g := range row {
		look := g
		look.text = ""
		if look != last {
			fmt.Fprintf(&b, "<%x,%x,%x,%x,%x,%s>", g.fg, g.bg, g.attr, g.style, g.under, g.link)
			last = look
		}
		b.WriteString(g.text)
	}
	return fmt.Sprintf("%q", strings.TrimRight(b.String(), " "))
}

// stream is what is written to a terminal of a size.
type stream struct {
	Cols int    `json:"cols"`
	Rows int    `json:"rows"`
	Data []byte `json:"data"`
}

// xterm shows streams on fresh terminals of xterm.js.
func xterm(t *testing.T, streams []stream) []seen {
	t.Helper()
	dir := filepath.Join("testdata", "xterm")
	_, err := exec.LookPath("node")
	if err == nil {
		_, err = os.Stat(filepath.Join(dir, "node_modules"))
	}
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skipf("SKIPPED, not judged by a real terminal: %v (npm ci --prefix %s)", err, dir)
	}
	var in, errs bytes.Buffer
	enc := json.NewEncoder(&in)
	for _, s := range streams {
		enc.Encode(s)
	}
	cmd := exec.Command("node", filepath.Join(dir, "look.js"))
	cmd.Stdin, cmd.Stderr = &in, &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("node: %v: %s", err, errs.String())
	}
	dec, all := json.NewDecoder(bytes.NewReader(out)), []seen{}
	for range streams {
		var v seen
		if err := dec.Decode(&v); err != nil {
			t.Fatalf("after %d screens: %v: %s", len(all), err, errs.String())
		}
		all = append(all, v)
	}
	return all
}

// judged are the pieces about which terminals agree. Left out, since they are
// right on both sides:
//   - what xterm.js does not have: left and right margins, rectangles, and moved
//     columns, for which the model is compared with itself alone; DECALN and
//     soft reset, which reset more in it than in others;
//   - ESC # 8, CSI ! p, ESC c, XTSAVE: as above;
//   - a single shift, which it ignores;
//   - erasing and inserting while the next character would wrap (see ambiguous):
//     it is behind the last column then, VT's are on it;
//   - mode 1048 and the pen of a saved link;
//   - a region and the alternate page: each page has its own there, VT's is one;
//   - sets of characters and ESC 8 with nothing saved, which does not restore
//     them there;
//   - a link is part of what ESC 7 saves there; half of a wide character that is
//     erased takes the look of the other half, or of what erased it;
//   - EL where the row goes on in the next: VT's forget the wrap; a saved row
//     moves there with what scrolls; a link is lost there with the line it began on;
//   - a wide character in the last column, which colours that column there;
//   - SD, which it fills with no colour; emoji, to which it gives one column.
var judged = strings.Split("a|hello world|\r\n|\r\n|\n|\t|\r日本|é|e\u0301|\x1b[H|\x1b[2J|\r\n\x1b[K|\r\x1b[1K|\r\x1b[J|\x1b[3;4H\x1b[1J|\x1b[5;7H|\x1b[3;6r|\x1b[r|"+
	"\x1b[4h|\x1b[4l|\x1b[?25l|\x1b[?25h|\x1b(0|\x1b(B|\x0e|\x0f|\x1b)0|lqk|\x1b[31m|\x1b[1;44m|\x1b[38;5;200m|\x1b[48;2;1;2;3m|\x1b[0m|\x1b[4:3m|\x1b[4m|\x1b[9;53m|\x1b[2;3m|"+
	"\x1b[7m|\r\x1b[L|\r\x1b[2M|\r\x1b[3@|\r\x1b[2P|\r\x1b[4X|\x1b[2S|\r\x1bM|\r\x1b7|\x1b8|\x1b[?1049h|\x1b[?1049l|\r\x1b[2A|\r\x1b[B|\r\x1b[4C|\x1b[20G|\x1b[7G|\x1b[4d|"+
	"\x1b]0;title\a|\x1b]2;other\x1b\\|\x1b]8;;http://x\x1b\\|\x1b]8;id=1;http://y\a|\x1b]8;;\x1b\\|0123456789012345678901234567890123456789|long line that goes on and on and on\r\n|"+
	"\x1b[38:2::9:8:7m|\x1b[58;5;3m|\x1b[58:2::1:2:3m|\x1b[59m|\x1b[?1h|\x1b[?1l|\x1b=|\x1b>|\x1b[?2004h|\x1b[?1000h|\x1b[?1002h|\x1b[?1004h|\x1b[?1003l|\x1bD|\x1bE|\x1bH|\r\x1b[Z|\x1b[2I|\x1b[3g|\x1b[?45h|\x1b[?45l", "|")

// TestJudgedByXterm: a terminal shows what the model says, and after Redraw on a
// fresh one the same again, to which nothing is answered.
func TestJudgedByXterm(t *testing.T) {
	const cols, rows = 20, 8
	script := func(seed uint64) []string {
		r := rand.New(rand.NewPCG(seed, 7))
		var out []string
		for range 3 + r.IntN(25) {
			out = append(out, judged[r.IntN(len(judged))])
		}
		text := strings.Join(out, "")
		has := func(part string) bool { return strings.Contains(text, part) }
		if has("\x1b[3;6r") && has("1049") || (has("\x1b(0") || has("\x1b)0")) && (has("1049l") || has("\x1b8")) ||
			has("http") && (has("日本") || has("[L") || has("[2M") || has("[2S") || has("1049l") || has("\x1b8")) {
			return nil
		}
		return out
	}
	judge := func(scripts [][]string) (verdicts []string) {
		var all []stream
		models := make([]*Screen, len(scripts))
		for i, s := range scripts {
			models[i] = feed(cols, rows, s)
			all = append(all, stream{cols, rows, []byte(strings.Join(s, ""))}, stream{cols, rows, models[i].Redraw(100)})
		}
		shown := xterm(t, all)
		for i, m := range models {
			verdict := ""
			if d := m.view().differences(shown[2*i]); len(d) > 0 {
				verdict = "the model: " + strings.Join(d, "\n")
			} else if d := shown[2*i].differences(shown[2*i+1]); len(d) > 0 {
				verdict = fmt.Sprintf("redrawn by %q: %s", all[2*i+1].Data, strings.Join(d, "\n"))
			}
			verdicts = append(verdicts, verdict)
		}
		return verdicts
	}
	scripts := make([][]string, 400)
	for i := range scripts {
		scripts[i] = script(uint64(i))
	}
	tell(t, scripts, judge, func(s []string) []string { return s })
}

// tell reports the scripts that a judge finds fault with, the first ones cut down to
// the pieces that it takes. cut makes of what is left one that can be judged.
func tell(t *testing.T, scripts [][]string, judge func([][]string) []string, cut func([]string) []string) {
	t.Helper()
	faults := 0
	for seed, verdict := range judge(scripts) {
		if verdict == "" {
			continue
		}
		if faults++; faults > 3 {
			continue
		}
		s := scripts[seed]
		for again := true; again; { // all that leave out one piece are tried at once
			again = false
			var less [][]string
			for i := range s {
				less = append(less, cut(slices.Delete(slices.Clone(s), i, i+1)))
			}
			for i, v := range judge(less) {
				if v != "" {
					s, verdict, again = less[i], v, true
					break
				}
			}
		}
		t.Errorf("seed %d, %q\n%s", seed, s, verdict)
	}
	if faults > 0 {
		t.Errorf("%d of %d differ", faults, len(scripts))
	}
}

// TestJudgedOnPrograms: recordings of real programs on 80 columns and 24 rows,
// whole, cut anywhere, and redrawn there.
func TestJudgedOnPrograms(t *testing.T) {
	names, err := filepath.Glob("testdata/*.rec")
	if err != nil || len(names) < 8 {
		t.Fatalf("recordings: %v %v", names, err)
	}
	var all []stream
	var models []*Screen
	var what []string
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		r := rand.New(rand.NewPCG(uint64(len(text)), 0))
		for _, n := range []int{len(text), r.IntN(len(text)), r.IntN(len(text)), r.IntN(len(text))} {
			s := New(80, 24, Config{History: 1 << 18})
			s.Feed(text[:n])
			models = append(models, s)
			what = append(what, fmt.Sprintf("%s up to %d", name, n))
			rest := text[n:min(n+500, len(text))]
			all = append(all, stream{80, 24, text[:n]}, stream{80, 24, text[:n+len(rest)]}, stream{80, 24, append(s.Redraw(1000), rest...)})
		}
	}
	shown := xterm(t, all)
	for i, m := range models {
		once, whole, again := shown[3*i], shown[3*i+1], shown[3*i+2]
		once.Answers, whole.Answers, again.Answers = 0, 0, 0 // programs ask
		if d := m.view().differences(once); len(d) > 0 {
			t.Errorf("%s: the model: %s", what[i], strings.Join(d, "\n"))
		}
		if d := whole.differences(again); len(d) > 0 {
			t.Errorf("%s: redrawn, and 500 bytes more: %s", what[i], strings.Join(d, "\n"))
		}
		if !slices.Equal(whole.History, again.History) {
			t.Errorf("%s: %d lines scrolled off, redrawn %d", what[i], len(whole.History), len(again.History))
		}
	}
}
