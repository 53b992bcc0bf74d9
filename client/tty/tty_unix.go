//go:build unix

package tty

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
)

// state is what Raw changed.
type state struct{ termios unix.Termios }

// input needs nothing here: a raw terminal is read like a file.
type input struct{}

func (*input) read(f *os.File, p []byte) (int, error) { return f.Read(p) }

func makeRaw(in, _ *os.File) (*state, error) {
	tio, err := unix.IoctlGetTermios(int(in.Fd()), getTermios)
	if err != nil {
		return nil, fmt.Errorf("tcgetattr: %w", err)
	}
	s := &state{termios: *tio}
	// The same flags as ssh: CSIZE and PARENB stay, for serial lines of seven bits.
	tio.Iflag |= unix.IGNPAR
	tio.Iflag &^= unix.ISTRIP | unix.INLCR | unix.IGNCR | unix.ICRNL | unix.IXON | unix.IXANY | unix.IXOFF | iuclc
	tio.Lflag &^= unix.ISIG | unix.ICANON | unix.ECHO | unix.ECHOE | unix.ECHOK | unix.ECHONL | unix.IEXTEN
	tio.Oflag &^= unix.OPOST
	tio.Cc[unix.VMIN], tio.Cc[unix.VTIME] = 1, 0
	if err := unix.IoctlSetTermios(int(in.Fd()), setTermiosDrained, tio); err != nil {
		return nil, fmt.Errorf("tcsetattr: %w", err)
	}
	return s, nil
}

func restore(in, _ *os.File, s *state) error {
	if err := unix.IoctlSetTermios(int(in.Fd()), setTermiosDrained, &s.termios); err != nil {
		return fmt.Errorf("tcsetattr: %w", err)
	}
	return nil
}

func modes(in *os.File, s *state) []byte {
	if s == nil {
		tio, err := unix.IoctlGetTermios(int(in.Fd()), getTermios)
		if err != nil {
			return []byte{opEnd}
		}
		s = &state{termios: *tio}
	}
	tio := &s.termios
	w := &settings{
		input: uint64(tio.Iflag), output: uint64(tio.Oflag), control: uint64(tio.Cflag), local: uint64(tio.Lflag),
		chars: tio.Cc[:], disabled: vdisable,
	}
	w.ispeed, w.ospeed = speeds(tio)
	t := modeTable()
	return t.encode(w)
}

// size asks the input, as ssh does, and then the output: with "tssh host
// </dev/null" and -tt only the screen knows.
func size(in, out *os.File) Size {
	for _, f := range []*os.File{in, out} {
		if f == nil {
			continue
		}
		if ws, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ); err == nil {
			return Size{Cols: int(ws.Col), Rows: int(ws.Row), Width: int(ws.Xpixel), Height: int(ws.Ypixel)}
		}
	}
	return Size{}
}

// Resized yields a value when the size may have changed, until stop is called.
func (t *Terminal) Resized() (changed <-chan os.Signal, stop func()) {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGWINCH)
	return c, func() { signal.Stop(c) }
}

// Settings are those of a terminal.
func Settings(fd int) (*unix.Termios, error) { return unix.IoctlGetTermios(fd, getTermios) }

// SetSettings changes those of a terminal when all output is out, and forgets
// what was typed and not read.
func SetSettings(fd int, s *unix.Termios) error {
	return unix.IoctlSetTermios(fd, setTermiosFlushed, s)
}

func stop() error {
	_, err := Stop(syscall.SIGTSTP)
	return err
}

// Remember keeps the settings of the program's terminal, for restore to put them
// back from anywhere; in the background they are another's.
func Remember() (restore func()) {
	use := func(do func(fd int)) {
		fd, err := unix.Open("/dev/tty", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NOCTTY, 0)
		if err != nil {
			return
		}
		defer unix.Close(fd)
		if job, err := unix.IoctlGetInt(fd, unix.TIOCGPGRP); err == nil && job == unix.Getpgrp() {
			do(fd)
		}
	}
	var before *unix.Termios
	use(func(fd int) { before, _ = Settings(fd) })
	return func() {
		if before != nil {
			use(func(fd int) { unix.IoctlSetTermios(fd, setTermiosDrained, before) })
		}
	}
}
