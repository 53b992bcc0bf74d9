package screen

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"tssh/notify/screen/escape"
	"tssh/notify/screen/grid"
)

// tmux is a server of it on a socket of its own.
type tmux struct {
	t    *testing.T
	dir  string
	made int // windows
}

func startTmux(t *testing.T, cols, rows int) *tmux {
	t.Helper()
	if _, err := exec.LookPath("tmux"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skipf("SKIPPED, not judged by tmux: %v", err)
	}
	dir, err := os.MkdirTemp("", "tmux") // short, as a socket's path must be
	if err != nil {
		t.Fatal(err)
	}
	m := &tmux{t: t, dir: dir}
	t.Cleanup(func() {
		m.command("kill-server").Run()
		os.RemoveAll(dir)
	})
	m.run("new-session", "-d", "-x", fmt.Sprint(cols), "-y", fmt.Sprint(rows), "exec sleep 3600", ";", "set", "-g", "status", "off", ";", "set", "-g", "allow-rename", "off", ";", "set", "-g", "automatic-rename", "off")
	return m
}

func (m *tmux) command(args ...string) *exec.Cmd {
	cmd := exec.Command("tmux", append([]string{"-u", "-f", os.DevNull, "-S", filepath.Join(m.dir, "s")}, args...)...)
	cmd.Env = append(os.Environ(), "TMUX=", "TERM=xterm-256color", "LC_ALL=C.UTF-8", "SHELL=/bin/sh")
	return cmd
}

func (m *tmux) run(args ...string) string {
	m.t.Helper()
	var errs bytes.Buffer
	cmd := m.command(args...)
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		m.t.Fatalf("tmux %.100q: %v: %s", args, err, errs.String())
	}
	return string(out)
}

const tmuxState = "#{cursor_x} #{cursor_y} #{alternate_on} #{scroll_region_upper} #{scroll_region_lower} #{insert_flag} #{keypad_cursor_flag} #{keypad_flag} #{origin_flag} #{wrap_flag} #{cursor_flag} #{mouse_standard_flag} #{mouse_button_flag} #{mouse_all_flag}"

// shown is a pane: what tmux says of it, and its rows as text.
type shown struct {
	state string
	rows  string
}

// show lets tmux show streams, each in a window of its own.
func (m *tmux) show(streams [][]byte) (all []shown) {
	m.t.Helper()
	const atOnce = 25
	for len(streams) > 0 {
		some := streams[:min(len(streams), atOnce)]
		streams = streams[len(some):]
		var begin, look, end []string
		for i, data := range some {
			name := filepath.Join(m.dir, fmt.Sprint(i))
			// The title comes last: when tmux has it, it has all.
			// Its terminal line turns LF into CR LF; VT is the same to a terminal.
			data = bytes.ReplaceAll(data, []byte("\n"), []byte("\v"))
			if err := os.WriteFile(name, append(data, fmt.Sprintf("\x1b]2;done %d\x1b\\", m.made)...), 0o600); err != nil {
				m.t.Fatal(err)
			}
			window := fmt.Sprintf("=0:w%d", m.made)
			begin = append(begin, "new-window", "-d", "-n", fmt.Sprintf("w%d", m.made), "cat", name, "-", ";")
			look = append(look, "display", "-p", "-t", window, fmt.Sprintf("\x01#{==:#{pane_title},done %d} %s", m.made, tmuxState), ";", "capture-pane", "-p", "-e", "-N", "-t", window, ";")
			end = append(end, "kill-window", "-t", window, ";")
			m.made++
		}
		m.run(begin...)
		var parts []string
		for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
			parts = strings.Split(m.run(look...), "\x01")[1:]
			if len(parts) == len(some) && strings.Count("\n"+strings.Join(parts, "\n"), "\n1 ") == len(some) {
				break
			}
			if time.Now().After(deadline) {
				m.t.Fatalf("tmux does not come to the end of %q: %q", some, parts)
			}
		}
		m.run(end...)
		for _, p := range parts {
			state, rows, _ := strings.Cut(p, "\n")
			all = append(all, shown{strings.TrimPrefix(state, "1 "), rows})
		}
	}
	return all
}

// tmuxed are the pieces of judged that tmux understands as others do, and some that
// xterm.js does not. Left out here: CHT, which tmux has not, and overlines, for
// which its capture-pane says 5:3. REP repeats only ASCII there, DECALN leaves
// origin mode on. Links and the colour of underlines are not in what
// tmux 3.3 captures, nor are wraps.
var tmuxed = func() (out []string) {
	for _, p := range judged {
		switch p {
		case "\x1b[2I":
			continue
		case "\x1b[9;53m":
			p = "\x1b[9m"
		}
		out = append(out, p)
	}
	return append(out, "ab\x1b[3b", "\x1b[?6l\x1b#8", "\x1b[2T", "\x1b[?7l", "\x1b[?7h", "\x1b[?6h", "\x1b[?6l", "\x1b[10;3f", "\b", "\x1b[2`")
}()

// agreed leaves out of a script what tmux does in its own way where it comes.
func agreed(cols, rows int, script []string) (out []string) {
	s := New(cols, rows, Config{})
	pages := false
	for _, p := range script {
		switch {
		case p == "\x1b[?1049l" && !s.onAlt, // on the main page it restores no cursor
			(p == "\r\x1b7" || p == "\x1b8") && pages,                                // which 1049 keeps in another place than these
			(p == "\r\x1b[L" || p == "\r\x1b[2M") && (s.y < s.top || s.y > s.bottom), // works outside the region
			(p == "\n" || p == "\x1bD") && s.pend,                                    // the next character still wraps
			s.origin && strings.HasSuffix(p, "r"),                                    // goes to the screen's corner, not the region's
			s.noWrap && p == "e\u0301",                                               // in the last column the mark is on the one before
			p == "\r\x1b[1K" && s.row(s.y).At(1).R == grid.Second,                    // of half a character one column is left of two
			len(p) > cols-5 && s.insert,                                              // a row that is full shifts once more
			len(p) > cols-5 && s.pen.BG != 0 && s.y+2 >= s.bottom:                    // a wrap brings in a row without a colour
			continue
		}
		pages = pages || p == "\x1b[?1049h"
		s.Feed([]byte(p))
		out = append(out, p)
	}
	return out
}

// probe writes into the last column, so that capture-pane, which leaves out what
// was never written at a row's end, shows the colours that are erased into it.
var probe = func() string {
	b := "\x1b[?6l\x1b[4l\x1b[0m\x1b(B\x0f"
	for y := range 24 {
		b += fmt.Sprintf("\x1b[%d;999Hx", y+1)
	}
	return b
}()

// differsInRows tells where the model shows otherwise than tmux, what is read by
// another model: rows with colours and attributes, and line drawing as SO.
func (w shown) differsInRows(s *Screen) (out []string) {
	t := New(s.cols, s.rows, Config{})
	t.Feed([]byte("\x1b)0" + strings.ReplaceAll(strings.TrimSuffix(w.rows, "\n"), "\n", "\r\n")))
	look := func(s *Screen, y int) (row []glyph) {
		l := s.row(y)
		for x := range l.Cols {
			if c := l.At(x); c.R != grid.Second {
				row = append(row, glyph{text: string(s.ink.Glyph(nil, c.R)), fg: c.FG, bg: c.BG, attr: grid.Color(c.Attr & 0xff), style: grid.Color(c.Attr & grid.UnderlineMask / grid.Underline)})
			}
		}
		return row
	}
	for y := range s.rows {
		if !s.Known(y) {
			continue
		}
		if a, b := look(s, y), look(t, y); !slices.Equal(a, b) {
			out = append(out, fmt.Sprintf("row %d: %s, tmux %s", y, rowText(a), rowText(b)))
		}
	}
	return out
}

// differs tells where the model's cursor and modes are others than tmux's.
func (w shown) differs(s *Screen) (out []string) {
	x := s.x
	if s.pend && !s.noWrap { // tmux stays on the last column then
		x++
	}
	one := func(on bool) int {
		if on {
			return 1
		}
		return 0
	}
	state := fmt.Sprint(x, s.y, one(s.onAlt), s.top, s.bottom, one(s.insert), one(s.modes.On(1)), one(s.keypad), one(s.origin), one(!s.noWrap), one(!s.hidden),
		one(strings.Contains(s.view().Modes, "vt200")), one(strings.Contains(s.view().Modes, "drag")), one(strings.Contains(s.view().Modes, "any")))
	if state != w.state {
		out = append(out, fmt.Sprintf("%s, tmux %s", state, w.state))
	}
	return out
}

// judge lets tmux and models show texts, and tells where they differ.
func (m *tmux) judge(cols, rows int, texts []string) (verdicts []string) {
	m.t.Helper()
	var streams [][]byte
	for _, text := range texts {
		streams = append(streams, []byte(text), []byte(text+probe))
	}
	seen := m.show(streams)
	for i, text := range texts {
		s := New(cols, rows, Config{})
		s.Feed([]byte(text))
		d := seen[2*i].differs(s)
		s.Feed([]byte(probe))
		verdicts = append(verdicts, strings.Join(append(d, seen[2*i+1].differsInRows(s)...), "\n"))
	}
	return verdicts
}

// TestJudgedByTmux: a second terminal shows what the model says of generated
// sequences.
func TestJudgedByTmux(t *testing.T) {
	const cols, rows = 20, 8
	m := startTmux(t, cols, rows)
	join := func(scripts [][]string) (texts []string) {
		for _, s := range scripts {
			texts = append(texts, strings.Join(s, ""))
		}
		return texts
	}
	var scripts [][]string
	for seed := range uint64(150) {
		r := rand.New(rand.NewPCG(seed, 8))
		var out []string
		for range 5 + r.IntN(25) {
			out = append(out, tmuxed[r.IntN(len(tmuxed))])
		}
		scripts = append(scripts, agreed(cols, rows, out))
	}
	tell(t, scripts, func(all [][]string) []string { return m.judge(cols, rows, join(all)) },
		func(s []string) []string { return agreed(cols, rows, s) })
}

// TestJudgedByTmuxOnPrograms: what real programs wrote, whole and cut.
func TestJudgedByTmuxOnPrograms(t *testing.T) {
	m := startTmux(t, 80, 24)
	names, err := filepath.Glob("testdata/*.rec")
	if err != nil || len(names) < 8 {
		t.Fatalf("recordings: %v %v", names, err)
	}
	var texts, what []string
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		r := rand.New(rand.NewPCG(uint64(len(text)), 0))
		for _, n := range []int{len(text), r.IntN(len(text)), r.IntN(len(text))} {
			// Nothing is asked, which tmux would answer, and all is complete.
			var q escape.Quiet
			some := q.Append(nil, text[:n])
			s := New(80, 24, Config{})
			for s.Feed(some); len(s.Unfinished()) > 0; {
				some = some[:len(some)-len(s.Unfinished())]
				s = New(80, 24, Config{})
				s.Feed(some)
			}
			texts, what = append(texts, string(some)), append(what, fmt.Sprintf("%s up to %d", name, len(some)))
		}
	}
	for i, verdict := range m.judge(80, 24, texts) {
		if verdict != "" {
			t.Errorf("%s: %s", what[i], verdict)
		}
	}
}
