package voice

import (
	"os"

	"golang.org/x/sys/windows"
)

func openTerminal() (in, out *os.File, err error) {
	in, err = os.OpenFile("CONIN$", os.O_RDWR, 0)
	if err != nil {
		return nil, nil, err
	}
	out, err = os.OpenFile("CONOUT$", os.O_RDWR, 0)
	if err != nil {
		in.Close()
		return nil, nil, err
	}
	return in, out, nil
}

// prepare hides what is typed, or shows it.
func prepare(in *os.File, secret bool) (restore func(), err error) {
	h := windows.Handle(in.Fd())
	var before uint32
	if err := windows.GetConsoleMode(h, &before); err != nil {
		return nil, err
	}
	now := before | windows.ENABLE_LINE_INPUT | windows.ENABLE_PROCESSED_INPUT | windows.ENABLE_ECHO_INPUT
	if secret {
		now &^= windows.ENABLE_ECHO_INPUT
	}
	if err := windows.SetConsoleMode(h, now); err != nil {
		return nil, err
	}
	return func() { windows.SetConsoleMode(h, before) }, nil
}

func caught() []os.Signal { return []os.Signal{os.Interrupt} }

func suspend(os.Signal) bool { return false } // there is no job control

func die(os.Signal) { os.Exit(255) }
