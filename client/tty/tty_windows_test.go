package tty

import (
	"os"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"
)

// TestKeysOfTheConsole: what was typed arrives whole, wherever reads cut it.
func TestKeysOfTheConsole(t *testing.T) {
	for _, c := range []struct {
		name  string
		reads [][]uint16
		want  string
	}{
		{"letters", [][]uint16{{'a', 0xe9, 0x20ac, 0x1a, 3}}, "a\u00e9\u20ac\x1a\x03"},
		{"a pair", [][]uint16{{0xd83d, 0xde00, 'x'}}, "\U0001F600x"},
		{"a pair in two reads", [][]uint16{{'x', 0xd83d}, {0xde00}}, "x\U0001F600"},
		{"half a pair", [][]uint16{{0xd83d, 'a'}}, "\uFFFDa"},
		{"half a pair in two reads", [][]uint16{{0xd83d}, {'a', 'b'}}, "\uFFFDab"},
		{"halves", [][]uint16{{0xd83d}, {0xd83d}, {0xde00, 0xde00, 'a'}}, "\uFFFD\U0001F600\uFFFDa"},
	} {
		var in input
		for _, words := range c.reads {
			in.decode(words)
		}
		if string(in.ready) != c.want {
			t.Errorf("%s: %q, want %q", c.name, in.ready, c.want)
		}
	}
}

// TestConsole: raw and back, and its size when that changes.
func TestConsole(t *testing.T) {
	kernel := windows.NewLazySystemDLL("kernel32")
	kernel.NewProc("AllocConsole").Call() // or there is one already
	in, err := os.OpenFile("CONIN$", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("SKIPPED, not tested at all: no console: %v", err)
	}
	defer in.Close()
	out, err := os.OpenFile("CONOUT$", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	mode := func(f *os.File) (m uint32) {
		t.Helper()
		if err := windows.GetConsoleMode(windows.Handle(f.Fd()), &m); err != nil {
			t.Fatal(err)
		}
		return m
	}
	before, screen := mode(in), mode(out)
	term := New(in, out)
	if err := term.Raw(); err != nil {
		t.Fatal(err)
	}
	if m := mode(in); m&(windows.ENABLE_ECHO_INPUT|windows.ENABLE_LINE_INPUT|windows.ENABLE_PROCESSED_INPUT) != 0 || m&windows.ENABLE_VIRTUAL_TERMINAL_INPUT == 0 {
		t.Errorf("raw: %x", m)
	}
	if mode(out)&windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING == 0 {
		t.Errorf("the screen, raw: %x", mode(out))
	}
	if err := term.Restore(); err != nil {
		t.Fatal(err)
	}
	if mode(in) != before || mode(out) != screen {
		t.Errorf("left as %x, %x; were %x, %x", mode(in), mode(out), before, screen)
	}
	size := term.Size()
	changed, stop := term.Resized()
	defer stop()
	window := windows.SmallRect{Right: int16(size.Cols - 11), Bottom: int16(size.Rows - 6)}
	if ok, _, err := kernel.NewProc("SetConsoleWindowInfo").Call(out.Fd(), 1, uintptr(unsafe.Pointer(&window))); ok == 0 {
		t.Fatal(err)
	}
	select {
	case <-changed:
	case <-time.After(10 * time.Second):
		t.Error("a change of the size went unnoticed")
	}
	if now := term.Size(); now.Cols != size.Cols-10 || now.Rows != size.Rows-5 {
		t.Errorf("the size was %v, is %v", size, now)
	}
}
