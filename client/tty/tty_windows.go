package tty

import (
	"fmt"
	"io"
	"os"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/sys/windows"
)

// resizeCheck is how often the console is asked for its size: it tells of a
// change only in the queue of key records, which virtual terminal input replaces.
const resizeCheck = 250 * time.Millisecond

// state is what Raw changed.
type state struct{ in, out uint32 }

// input decodes what the console gives, which is UTF-16.
type input struct {
	high  uint16 // the first half of a surrogate pair, 0: none
	ready []byte // decoded and not yet read
}

// read reads keys. os.File would take ^Z for the end of the input.
func (s *input) read(f *os.File, p []byte) (int, error) {
	var mode uint32
	if windows.GetConsoleMode(windows.Handle(f.Fd()), &mode) != nil {
		return f.Read(p)
	}
	for len(s.ready) == 0 {
		var buf [1024]uint16
		var n uint32
		if err := windows.ReadConsole(windows.Handle(f.Fd()), &buf[0], uint32(len(buf)), &n, nil); err != nil {
			return 0, fmt.Errorf("read console: %w", err)
		}
		if n == 0 {
			return 0, io.EOF
		}
		s.decode(buf[:n])
	}
	n := copy(p, s.ready)
	s.ready = s.ready[n:]
	return n, nil
}

// decode makes UTF-8 of words. Half a pair alone becomes U+FFFD, and takes
// nothing of what follows it along.
func (s *input) decode(words []uint16) {
	if s.high != 0 {
		words = append([]uint16{s.high}, words...)
		s.high = 0
	}
	if n := len(words); n > 0 && words[n-1]&^0x3ff == 0xd800 { // the other half is still to come
		s.high, words = words[n-1], words[:n-1]
	}
	for _, r := range utf16.Decode(words) {
		s.ready = utf8.AppendRune(s.ready, r)
	}
}

func makeRaw(in, out *os.File) (*state, error) {
	s := &state{}
	if err := windows.GetConsoleMode(windows.Handle(in.Fd()), &s.in); err != nil {
		return nil, fmt.Errorf("console mode: %w", err)
	}
	raw := s.in&^(windows.ENABLE_ECHO_INPUT|windows.ENABLE_LINE_INPUT|windows.ENABLE_PROCESSED_INPUT) | windows.ENABLE_VIRTUAL_TERMINAL_INPUT
	if err := windows.SetConsoleMode(windows.Handle(in.Fd()), raw); err != nil {
		return nil, fmt.Errorf("set console mode: %w", err)
	}
	if windows.GetConsoleMode(windows.Handle(out.Fd()), &s.out) == nil {
		vt := s.out | windows.ENABLE_PROCESSED_OUTPUT | windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING
		err := windows.SetConsoleMode(windows.Handle(out.Fd()), vt|windows.DISABLE_NEWLINE_AUTO_RETURN)
		if err != nil { // consoles that know sequences and not this are asked for less
			err = windows.SetConsoleMode(windows.Handle(out.Fd()), vt)
		}
		if err != nil {
			windows.SetConsoleMode(windows.Handle(in.Fd()), s.in)
			return nil, fmt.Errorf("set console mode of the screen: %w", err)
		}
	}
	return s, nil
}

func restore(in, out *os.File, s *state) error {
	if s.out != 0 {
		windows.SetConsoleMode(windows.Handle(out.Fd()), s.out)
	}
	if err := windows.SetConsoleMode(windows.Handle(in.Fd()), s.in); err != nil {
		return fmt.Errorf("set console mode: %w", err)
	}
	return nil
}

// modes are those of a usual terminal: a console has none of its own.
func modes(*os.File, *state) []byte {
	t := table{
		chars:   []char{{1, 0}, {2, 1}, {3, 2}, {4, 3}, {5, 4}, {8, 5}, {9, 6}, {10, 7}},
		input:   []flag{{36, 1}, {38, 1}, {41, 1}, {42, 1}},
		local:   []flag{{50, 1}, {51, 1}, {53, 1}, {54, 1}, {55, 1}, {59, 1}, {60, 1}, {61, 1}},
		output:  []flag{{70, 1}, {72, 1}},
		control: []flag{{91, 1}},
	}
	return t.encode(&settings{
		input: 1, output: 1, control: 1, local: 1, ispeed: 38400, ospeed: 38400,
		chars: []byte{3, 28, 127, 21, 4, 17, 19, 26},
	})
}

// size is the console's, also where the output goes to a file.
func size(_, out *os.File) Size {
	var b windows.ConsoleScreenBufferInfo
	if windows.GetConsoleScreenBufferInfo(windows.Handle(out.Fd()), &b) != nil {
		screen, err := os.OpenFile("CONOUT$", os.O_RDWR, 0)
		if err != nil {
			return Size{}
		}
		defer screen.Close()
		if windows.GetConsoleScreenBufferInfo(windows.Handle(screen.Fd()), &b) != nil {
			return Size{}
		}
	}
	return Size{Cols: int(b.Window.Right-b.Window.Left) + 1, Rows: int(b.Window.Bottom-b.Window.Top) + 1}
}

// Resized yields a value when the size may have changed, until stop is called.
func (t *Terminal) Resized() (changed <-chan os.Signal, stop func()) {
	c := make(chan os.Signal, 1)
	done := make(chan struct{})
	ended := make(chan struct{})
	last := t.Size()
	go func() {
		defer close(ended)
		tick := time.NewTicker(resizeCheck)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
			}
			if now := t.Size(); now != last {
				last = now
				select {
				case c <- os.Interrupt:
				default:
				}
			}
		}
	}()
	return c, func() { close(done); <-ended }
}

// stop can't be: there is no job control.
func stop() error { return fmt.Errorf("suspend: not possible on this system") }
