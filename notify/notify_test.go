package notify

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"tssh/notify/screen"
	"tssh/notify/screen/width"
)

// pair are the client's model of a terminal that shows other things already,
// and that terminal.
type pair struct {
	Notice
	terminal *screen.Screen
}

func newPair(cols, rows int, before string) *pair {
	p := &pair{Notice{Screen: screen.New(cols, rows, screen.Config{Unknown: true, History: 4 << 10})}, screen.New(cols, rows, screen.Config{History: 4 << 10})}
	p.terminal.Feed([]byte(before))
	return p
}

func (p *pair) feed(s string) { p.Screen.Feed([]byte(s)); p.terminal.Feed([]byte(s)) }

// tell answers where the cursor is.
func (p *pair) tell() bool { return p.Screen.At(p.terminal.Cursor()) }

func (p *pair) draw(s Status) string {
	p.terminal.Feed(p.Draw(s, s.Lost.Add(15*time.Second)))
	return p.shown()
}

func (p *pair) clear() { p.terminal.Feed(p.Clear()) }

// shown is the terminal's screen, one line a row, and all its state behind it.
func (p *pair) shown() string { return string(p.terminal.Redraw(0)) }

var lost = Status{Host: "host", Lost: time.Unix(0, 0), Key: "^d"}

func TestRowsFromBeforeTheSessionStay(t *testing.T) {
	p := newPair(40, 8, "old one\r\nold two\r\n")
	p.Full = true
	p.feed("$ date\r\nMonday\r\n$ ")
	if got := p.draw(lost); !strings.Contains(got, "off") {
		t.Errorf("no notice before the place is known: %q", got)
	}
	p.clear()
	p.Screen.Asked()
	p.feed("more\r\nand more\r\n$ ") // on its way when the terminal answered
	before := p.shown()
	if !p.Screen.At(2, 4) {
		t.Error("the answer tells nothing")
	}
	if got := p.draw(lost); !strings.Contains(got, "old one\r\nold two\r\n\x1b[0;1;37;44mtssh: no contact with host for 15s") {
		t.Errorf("with notice: %q", got)
	}
	p.clear()
	if after := p.shown(); after != before {
		t.Errorf("before %q\nafter %q", before, after)
	}
}

func TestUnknownRowsAreNeverCovered(t *testing.T) {
	for name, text := range map[string]string{
		"sixel": "$ \x1bPq#0;2;0;0;0~~\x1b\\", "kitty": "$ \x1b_Ga=T,f=100;AAAA\x1b\\", "iTerm2": "$ \x1b]1337;File=inline=1:AAAA\a",
		"an emoji of two": "$ \U0001f469\u200d\U0001f4bb", "erased behind the last column": strings.Repeat("x", 40) + "\x1b[K",
		"not UTF-8": "$ \xff\xfe",
	} {
		p := newPair(40, 8, "")
		p.tell()
		p.feed(text)
		if b := string(p.Draw(lost, lost.Lost)); strings.Contains(b, "\x1b[1;1H") || p.Shown() && !p.Screen.Anchored() {
			t.Errorf("%s: %q is drawn over it", name, b)
		}
		p.feed("\x1b[H\x1b[2J")
		if p.Draw(lost, lost.Lost); !p.Shown() {
			t.Errorf("%s: no notice on a screen that was cleared", name)
		}
	}
	p := newPair(40, 8, "")
	p.feed("$ ls")
	p.Screen.Resize(30, 8, false)
	if p.Draw(lost, lost.Lost); p.Shown() {
		t.Error("the cursor's line is covered after the width changed")
	}
}

func TestNoticeMovedByResizeIsPaintedOver(t *testing.T) {
	p := newPair(20, 4, "")
	p.feed("\x1b[H\x1b[2J1\r\n2\r\n" + strings.Repeat("x", 30) + "\r\n$ ")
	p.draw(lost)
	p.Screen.Resize(10, 4, true) // the long line takes a row more: "1" scrolls off
	p.terminal = screen.New(10, 4, screen.Config{})
	p.terminal.Feed([]byte("\x1b[H\x1b[2Jnotice\r\nxxxxxxxxxx\r\nxxxxxxxxxx\r\n$ "))
	p.tell()
	p.terminal.Feed(p.Repaint())
	x := strings.Repeat("x", 10)
	if got, want := p.shown(), x+x+x+"\r\n$"; !strings.Contains(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
}

func TestNoticeStaysOnTopWhenTheTerminalGrows(t *testing.T) {
	for name, start := range map[string]string{
		"shell": "\x1b[H\x1b[2J" + strings.Repeat("line\r\n", 20) + "$ ", "few lines": "\x1b[H\x1b[2J$ ", "full screen": "\x1b[?1049h\x1b[H\x1b[2Jvim",
	} {
		p := newPair(40, 8, "")
		p.feed(start)
		p.draw(lost)
		p.clear()
		for _, rows := range []int{12, 9, 20} {
			p.Screen.Resize(40, rows, true)
			p.terminal.Resize(40, rows, true)
			if !p.tell() {
				t.Fatalf("%s: the answer tells nothing", name)
			}
			p.Draw(lost, lost.Lost)
			if fmt.Sprint(p.rows) != "[0]" {
				t.Errorf("%s: on rows %v of %d", name, p.rows, rows)
			}
		}
	}
}

func TestNoticeStepsOutOfMargins(t *testing.T) {
	p := newPair(40, 8, "")
	p.feed("\x1b[H\x1b[2J" + strings.Repeat("0123456789", 4) + "\x1b[?69h\x1b[5;20s\x1b[2;6r\x1b[?6h\x1b[31mpane")
	before := p.shown()
	if got := p.draw(lost); !strings.Contains(got, "tssh: offline for 15s; ^d gives up") {
		t.Errorf("with notice: %q", got)
	}
	p.clear()
	if after := p.shown(); after != before {
		t.Errorf("before %q\nafter %q", before, after)
	}
}

func TestEssentialComesFirst(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	s := Status{Host: "build.example", Lost: at, Heard: at, Trying: "udp", Key: "^d"}
	for _, c := range []struct {
		off        time.Duration
		rows, cols int
		want       string
	}{
		{15 * time.Second, 1, 79, "tssh: offline for 15s, trying udp; ^d gives up"},
		{15 * time.Second, 1, 39, "tssh: offline for 15s; ^d gives up"},
		{15 * time.Second, 1, 29, "offline for 15s; ^d gives up"},
		{15 * time.Second, 1, 19, "off 15s; ^d ends"},
		{75 * time.Minute, 1, 19, "off 1h; ^d gives up"},
		{59*time.Minute + 59*time.Second, 1, 19, "off 59m; ^d ends"},
		{15 * time.Second, 1, 10, "15s ^d"},
		{15 * time.Second, 1, 3, "^d"},
		{15 * time.Second, 1, 1, ""},
		{15 * time.Second, 2, 79, "tssh: no contact with build.example for 15s, trying udp|last heard at 03:04:05; what you type is kept; ^d gives up and leaves"},
		{15 * time.Second, 2, 40, "no contact with build.example for 15s|^d gives up and leaves"},
		{15 * time.Second, 2, 19, "no contact for 15s|^d gives up"},
		{15 * time.Second, 2, 8, "15s|^d"},
	} {
		if got := strings.Join(Text(s, at.Add(c.off), c.rows, c.cols), "|"); got != c.want {
			t.Errorf("%v in %d of %d: %q, want %q", c.off, c.rows, c.cols, got, c.want)
		}
	}
	s.Host = "日本.example"
	for cols := range 100 {
		for rows := 1; rows <= 2; rows++ {
			for _, l := range Text(s, at.Add(time.Hour), rows, cols) {
				if width.Text(l) > cols {
					t.Errorf("%d columns: %q", cols, l)
				}
			}
		}
	}
}

func TestTerminalIsInOrderAfterGivingUp(t *testing.T) {
	p := newPair(20, 8, "")
	p.feed("\x1b[H\x1b[2J$ vim")
	if b := p.Leave(); len(b) > 0 {
		t.Errorf("a terminal in order: %q", b)
	}
	p.feed("\x1b[?1049h\x1b[?1h\x1b=\x1b[?2004h\x1b[?1000;1006h\x1b[>1u\x1b[>4;2m\x1b[H\x1b[2J\x1b[2;7r\x1b[?25l\x1b[7mtext\x1b[4 q\x1b]11;red\a\x1b[?69h\x1b[3;9s\x1b[20h\x1b[22;0t")
	p.draw(lost)
	p.terminal.Feed(p.Notice.Leave())
	after := p.shown()
	for _, bad := range []string{"h\x1b[?1000", "\x1b[?1h", "\x1b[?2004h", "\x1b[?1006h", "\x1b=", "\x1b[>1u", "\x1b[?69h", "\x1b[20h", "\x1b[4 q", "11;red", "\x1b[22;0t", "\x1b[?1049h"} {
		if strings.Contains(after, bad) {
			t.Errorf("%q is left in %q", bad, after)
		}
	}
	if !strings.HasSuffix(after, "\x1b[1;6H\x1b[?25h\x1b[?2026l") || !strings.Contains(after, "$ vim") {
		t.Errorf("the screen: %q", after)
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
	for _, l := range Text(Status{Host: "a\x1b]0;x\a", Trying: "\u009b31m"}, time.Time{}, 2, 500) {
		if strings.ContainsAny(l, "\x1b\a\u009b") {
			t.Errorf("%q", l)
		}
	}
}
