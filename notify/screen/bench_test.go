package screen

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"
)

// streams are what programs write that are ordinary, odd or hostile.
var streams = map[string]string{
	"text":         strings.Repeat("some file names of ordinary length.txt and more of them\r\n", 100),
	"colors":       strings.Repeat("\x1b[01;34mdir\x1b[0m  some file names of ordinary length.txt and more of them\r\n", 100),
	"truecolor":    strings.Repeat("\x1b[38;2;1;2;3;48;2;9;8;7mx", 500),
	"feeds":        strings.Repeat("\n", 4000),
	"region":       "\x1b[2;20r\x1b[20H" + strings.Repeat("y\r\n", 1000) + "\x1b[r",
	"cjk":          strings.Repeat("日本語の文章が続く", 100),
	"latin":        strings.Repeat("é", 2000),
	"emoji":        strings.Repeat("😀", 1000),
	"marks":        strings.Repeat("e\u0301a\u0300", 1000),
	"many marks":   manyMarks(),
	"line drawing": "\x1b(0" + strings.Repeat("lqqqqqqqqqqqk", 100) + "\x1b(B",
	"repeat":       strings.Repeat("\x1b[999999999b", 100),
	"repeat wide":  strings.Repeat("日\x1b[999999999b", 100),
	"alternate":    strings.Repeat("\x1b[?1049h\x1b[?1049l", 100),
	"clear":        strings.Repeat("\x1b[2J", 500),
	"clear color":  strings.Repeat("\x1b[41m\x1b[2J", 500),
	"fill":         strings.Repeat("\x1b#8", 500),
	"lines":        strings.Repeat("\x1b[L\x1b[M", 500),
	"cells":        strings.Repeat("\x1b[Hx\x1b[@\x1b[P", 500),
	"insert":       "\x1b[4h" + strings.Repeat("\rx", 1000) + "\x1b[4l",
	"margins":      "\x1b[?69h\x1b[2;70s" + strings.Repeat("\x1b[S", 500) + "\x1b[?69l",
	"rectangles":   strings.Repeat("\x1b[;;;70$z", 200),
	"columns":      strings.Repeat("\x1b[ @", 500),
	"selective":    strings.Repeat("\x1b[?J", 500),
	"copy":         strings.Repeat("\x1b[$v", 500),
	"modes":        strings.Repeat("\x1b[?1h\x1b[?1000h\x1b[?2004l", 100),
	"odd modes":    oddModes(),
	"links":        strings.Repeat("\x1b]8;;http://example.com/\x1b\\x\x1b]8;;\x1b\\", 100),
	"many links":   manyLinks(),
	"underlines":   strings.Repeat("\x1b[4:3;58:2::1:2:3mx\x1b[58:5:3mx", 100),
	"titles":       strings.Repeat("\x1b]2;a title of some length\a", 200),
	"palette":      palette(),
	"string":       "\x1bP" + strings.Repeat("x", 4000) + "\x1b\\",
	"broken":       strings.Repeat("\xff\xc3", 1000),
	"save":         strings.Repeat("\x1b7\x1b8", 500),
	"reset":        strings.Repeat("\x1bc", 500),
	"tabs":         strings.Repeat("\t\r", 1000),
	"garbage":      garbage(),
}

func garbage() string {
	b, x := make([]byte, 8000), uint32(1)
	for i := range b {
		x = x*1664525 + 1013904223
		b[i] = byte(x >> 24)
	}
	return string(b)
}

func manyMarks() string {
	var b strings.Builder
	for i := range 3000 {
		fmt.Fprintf(&b, "%c%c", 'a'+i%26, 0x300+i%112)
	}
	return b.String()
}

func manyLinks() string {
	var b strings.Builder
	for i := range 3000 {
		fmt.Fprintf(&b, "\x1b]8;;%d\ax", i)
	}
	return b.String()
}

func oddModes() string {
	var b strings.Builder
	for i := range 500 {
		fmt.Fprintf(&b, "\x1b[?%dh", 3000+i)
	}
	return b.String()
}

func palette() string {
	var b strings.Builder
	for i := range 256 {
		fmt.Fprintf(&b, "\x1b]4;%d;#12345%d\a", i, i%10)
	}
	return b.String()
}

func BenchmarkFeed(b *testing.B) {
	for name, text := range streams {
		for _, size := range [][2]int{{80, 24}, {200, 50}} {
			b.Run(fmt.Sprintf("%s/%dx%d", name, size[0], size[1]), func(b *testing.B) {
				s := New(size[0], size[1], Config{History: 1 << 20})
				b.SetBytes(int64(len(text)))
				for b.Loop() {
					s.Feed([]byte(text))
				}
			})
		}
	}
}

// everyControl returns all that the model knows, with parameters that make it do
// much.
func everyControl() (all []string) {
	with := func(before, after string, params ...string) {
		for _, p := range params {
			all = append(all, before+p+after)
		}
	}
	for c, f := range controls {
		if f != nil {
			all = append(all, string(rune(c)))
		}
	}
	for c, f := range escapes {
		if f != nil {
			all = append(all, "\x1b"+string(rune(c)))
		}
	}
	for c, f := range commands {
		if f != nil {
			with("\x1b[", string(rune(c+0x40)), "", "1", "2", "5", "99999", "2;3", "10;70")
		}
	}
	for k := range rare {
		mark, inter, final := strings.Trim(string(rune(k>>16)), "\x00"), strings.Trim(string(rune(k>>8&255)), "\x00"), string(rune(k&255))
		switch {
		case inter == "$":
			with("\x1b[", "$"+final, "", "2;2;23;79", "1;1;12;80;1;2;1", "1;1;24;40;1;1;2;1", "1;2;24;80;1;1;1;1", "1;1;24;79;1;1;2;1", "65;1;1;24;80", "65;1;2;24;79", "66;;;;",
				"1;1;24;80;1;4;5;7;1;4;5;7;1;4;5;7;0;1;4;5;7")
		case mark == "?" && (final == "h" || final == "l"):
			for _, mode := range []string{"1", "6", "7", "25", "45", "47", "69", "1047", "1048", "1049", "2004"} {
				all = append(all, "\x1b[?"+mode+final, "\x1b[?"+mode+"h\x1b[?"+mode+"l")
			}
		default:
			with("\x1b["+mark, inter+final, "", "1", "2", "5", "7", "69", "99999", "2;3", "10;70")
		}
	}
	with("\x1b[", "m", "1;4;7;31", "38;5;200", "48:2::1:2:3", "4:3", "58;5;3")
	with("\x1b]", "\a", "8;;x", "8;;", "0;t", "4;1;#123", "4;1;x;2;x;3;x;4;x", "104", "10;1;2;3;4;5", "104;1;2;3;4;5;6;7;8", "110", "7;x", "1337;File=inline=1")
	return append(all, "\x1b#8", "\x1b#3", "\x1b(0", "\x1bPq\x1b\\", "\x1b_Ga=T\x1b\\", "\x1bk\x1b\\", "x", "\xff", "日", "é", "e\u0301", "😀\ufe0f", "\u009b", "\x18", "\x7f")
}

// odd are states in which what comes costs most, made from a crowded screen.
var odd = map[string]string{
	"full": "", "margins": "\x1b[?69h\x1b[2;79s", "region": "\x1b[2;20r", "told": palette() + oddModes() + "\x1b]8;;y\a\x1b[1\"q",
}

// crowded is a screen with another look in each cell.
func crowded(cols, rows int) string {
	var b strings.Builder
	for y := range rows {
		for x := range cols {
			fmt.Fprintf(&b, "\x1b[3%dm%c", (x+y)%8, 'a'+(x*y)%26)
		}
	}
	return b.String() + "\x1b[m"
}

func odder(cols, rows int, crowd, state string) *Screen {
	s := New(cols, rows, Config{History: 1 << 18})
	s.Feed([]byte(crowd + odd[state]))
	return s
}

// rate is how many megabytes a second a text takes, over and over, at its best.
func rate(s *Screen, text []byte) (most float64) {
	s.Feed(text)
	s.credit = 0
	for i := 0; i < 15 && (i < 2 || most < 30); i++ {
		n, start := 0, time.Now()
		for time.Since(start) < 100*time.Microsecond {
			s.Feed(text)
			n += len(text)
		}
		most = max(most, float64(n)/time.Since(start).Seconds()/1e6)
	}
	return most
}

// BenchmarkControls tells which control functions are slow, in the state and with
// what around them that is worst.
func BenchmarkControls(b *testing.B) {
	for _, size := range [][2]int{{80, 24}, {200, 50}} {
		b.Run(fmt.Sprintf("%dx%d", size[0], size[1]), func(b *testing.B) {
			worst, crowd := 1e9, crowded(size[0], size[1])
			for _, c := range everyControl() {
				least, where := 1e9, ""
				for state := range odd {
					s := odder(size[0], size[1], crowd, state)
					for _, around := range []string{"%s", "x%s", "\r\n%s", "\x1b[41m%s\x1b[42mx", "\x1b[H日%s", "\x1b[99;99Hx%s"} {
						text := fmt.Sprintf(around, c)
						if r := rate(s, []byte(strings.Repeat(text, 1+2000/len(text)))); r < least {
							least, where = r, fmt.Sprintf("%q, %s", text, state)
						}
					}
				}
				if worst = min(worst, least); least < 20 {
					b.Logf("%.1f MB/s: %s", least, where)
				}
			}
			b.ReportMetric(worst, "MB/s,least")
		})
	}
}

// TestNothingIsSlow: the server looks at all that passes, and a hostile program
// must not make that a hundred times more work than text is.
func TestNothingIsSlow(t *testing.T) {
	crowd := crowded(80, 24)
	plain := rate(odder(80, 24, crowd, "full"), []byte(streams["colors"]))
	for state, texts := range map[string][]string{
		"full": {"\x1b[1;1;24;79;1;1;2;1$r", "\x1b[66;;;;$x", "\x1b[;;;70$z", "\x1b[;;;70${", "\x1b[$v", "\x1b['}", "\x1b[ @", "\r\n\x1b[99999b", "\x1b[41m\x1b[99999S", "x\n", "\x1b[?1049h\x1b[?1049l",
			"\x1b[?J", "日\x1b[99999b"},
		"margins": {"\x1b[99999b\r\n", "x\n", "\x1b[99999S", "\x1b[L", "\x1b[9T", "\x1b[H\x1bM"},
		"told":    {"\x1bc", "\x1b]104\a", "\x1b]104;1;2;3;4;5;6;7;8\a", "\x1b]10;1;2;3;4;5\a", "\x1b[!p", "\x1b[?J", "\x1b[;;;70${"},
	} {
		for _, text := range texts {
			if r := rate(odder(80, 24, crowd, state), []byte(strings.Repeat(text, 1+2000/len(text)))); r < plain/50 {
				t.Errorf("%q, %s: %.1f MB/s, coloured text %.0f", text, state, r, plain)
			}
		}
	}
}

func BenchmarkRedraw(b *testing.B) {
	s := New(80, 24, Config{History: 1 << 20})
	s.Feed([]byte(streams["colors"]))
	for b.Loop() {
		s.Redraw(1000)
	}
}

// TestMemoryIsBounded: whatever a program writes, in any amount.
func TestMemoryIsBounded(t *testing.T) {
	measure := func(text string, times int) int {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		s := New(80, 24, Config{History: 1 << 18})
		for range times {
			s.Feed([]byte(text))
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		runtime.KeepAlive(s)
		return int(after.HeapAlloc) - int(before.HeapAlloc)
	}
	if n := measure("\x1b[H\x1b[2J"+strings.Repeat("\x1b[31mx", 80*24)+"\x1b[?1049h"+strings.Repeat("\x1b[32mx", 80*24), 1); n > 110<<10+1<<18 {
		t.Errorf("an idle session's model with both pages full takes %d bytes", n)
	}
	for name, text := range streams {
		if n := measure(text, 1+(1<<21)/len(text)); n > 2<<20+1<<18 {
			t.Errorf("%s: %d bytes", name, n)
		}
	}
	if n := measure("\x1b]2;"+strings.Repeat("x", 1<<16), 100); n > 200<<10 {
		t.Errorf("an endless string: %d bytes", n)
	}
}
