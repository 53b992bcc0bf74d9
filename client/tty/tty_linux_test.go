package tty

import (
	"os"
	"testing"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"

	"tssh/proxy/needs"
)

// terminal opens a pty and returns the end that a program would have.
func terminal(t *testing.T) *os.File {
	t.Helper()
	master, slave, err := pty.Open()
	needs.Nothing(t, err)
	t.Cleanup(func() { master.Close(); slave.Close() })
	if err := pty.Setsize(slave, &pty.Winsize{Rows: 30, Cols: 90, X: 900, Y: 600}); err != nil {
		t.Fatal(err)
	}
	return slave
}

func settingsOf(t *testing.T, f *os.File) unix.Termios {
	t.Helper()
	tio, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return *tio
}

func TestRawAndBack(t *testing.T) {
	f := terminal(t)
	before := settingsOf(t, f)
	term := New(f, f)
	modes := string(term.Modes())
	if err := term.Raw(); err != nil {
		t.Fatal(err)
	}
	raw := settingsOf(t, f)
	if raw.Lflag&(unix.ECHO|unix.ISIG|unix.ICANON|unix.IEXTEN) != 0 || raw.Oflag&unix.OPOST != 0 || raw.Iflag&(unix.ICRNL|unix.IXON) != 0 {
		t.Errorf("raw: %+v", raw)
	}
	if string(term.Modes()) != modes {
		t.Error("the modes sent are those of raw mode")
	}
	if err := term.Raw(); err != nil { // again: must not save the raw state
		t.Fatal(err)
	}
	for range 2 {
		if err := term.Restore(); err != nil {
			t.Fatal(err)
		}
	}
	if after := settingsOf(t, f); after != before {
		t.Errorf("before %+v\nafter  %+v", before, after)
	}
	if s := term.Size(); s != (Size{Cols: 90, Rows: 30, Width: 900, Height: 600}) {
		t.Errorf("size %+v", s)
	}
}

func TestPanicLeavesTheTerminalInOrder(t *testing.T) {
	f := terminal(t)
	before := settingsOf(t, f)
	term := New(f, f)
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was lost")
			}
		}()
		defer term.Guard()
		term.Raw()
		panic("some mistake")
	}()
	if after := settingsOf(t, f); after != before {
		t.Errorf("before %+v\nafter  %+v", before, after)
	}
}

func TestNoTerminal(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	term := New(r, w)
	if IsTerminal(r) || term.Raw() == nil || term.Size() != (Size{}) || string(term.Modes()) != "\x00" {
		t.Error("a pipe was taken for a terminal")
	}
}
