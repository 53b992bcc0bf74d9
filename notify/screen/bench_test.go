package screen

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
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
