package voice

import (
	"os"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/windows"
)

var kernel = windows.NewLazySystemDLL("kernel32")

// key is an INPUT_RECORD of one key that goes down.
type key struct {
	kind    uint16 // 1: a key
	_       uint16
	down    int32
	count   uint16
	virtual uint16
	scan    uint16
	char    uint16
	control uint32
}

// types puts keys into the queue of a console.
func types(t *testing.T, in *os.File, text string) {
	t.Helper()
	var keys []key
	for _, c := range windows.StringToUTF16(text) {
		if c != 0 {
			k := key{kind: 1, down: 1, count: 1, char: c}
			if c == '\r' {
				k.virtual = windows.VK_RETURN
			}
			keys = append(keys, k)
		}
	}
	var n uint32
	if ok, _, err := kernel.NewProc("WriteConsoleInputW").Call(in.Fd(), uintptr(unsafe.Pointer(&keys[0])), uintptr(len(keys)), uintptr(unsafe.Pointer(&n))); ok == 0 {
		t.Fatal(err)
	}
}

// screen is what a console shows in its first lines.
func screen(t *testing.T, out *os.File) string {
	t.Helper()
	text := make([]uint16, 800)
	var n uint32
	if ok, _, err := kernel.NewProc("ReadConsoleOutputCharacterW").Call(out.Fd(), uintptr(unsafe.Pointer(&text[0])), uintptr(len(text)), 0, uintptr(unsafe.Pointer(&n))); ok == 0 {
		t.Fatal(err)
	}
	return windows.UTF16ToString(text[:n])
}

// TestConsoleNeverShowsASecret: and the console is left as it was.
func TestConsoleNeverShowsASecret(t *testing.T) {
	kernel.NewProc("AllocConsole").Call() // or there is one already
	in, out, err := openTerminal()
	if err != nil {
		t.Skipf("SKIPPED, not tested at all: no console: %v", err)
	}
	defer in.Close()
	defer out.Close()
	var before, after uint32
	if err := windows.GetConsoleMode(windows.Handle(in.Fd()), &before); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		question, answer string
		kind             Kind
	}{{"Password: ", "gehêim 77", Secret}, {"User? ", "shown", Plain}} {
		types(t, in, c.answer+"\r")
		if got, err := Ask(c.question, c.kind); err != nil || got != c.answer {
			t.Errorf("%s%q, %v", c.question, got, err)
		}
	}
	if text := screen(t, out); !strings.Contains(text, "Password: ") || strings.Contains(text, "77") || !strings.Contains(text, "User? shown") {
		t.Errorf("the screen is %q", text)
	}
	if windows.GetConsoleMode(windows.Handle(in.Fd()), &after); after != before {
		t.Errorf("the console's mode was %x, is %x", before, after)
	}
}
