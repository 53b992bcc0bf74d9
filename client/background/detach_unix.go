//go:build unix

package background

import (
	"os"
	"os/exec"

	"golang.org/x/sys/unix"
)

// stageFD is where a child finds the pipe.
const stageFD = 3

func passPipe(c *exec.Cmd, w *os.File) { c.ExtraFiles = []*os.File{w} }

// detach leaves the terminal and its session.
func detach(quiet bool) error {
	// The child of a shell's job is no group leader, so this works; where it
	// is one already there is nothing to leave.
	if _, err := unix.Setsid(); err != nil && err != unix.EPERM {
		return err
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer null.Close()
	fds := []int{0}
	if quiet {
		fds = []int{0, 1, 2}
	}
	for _, fd := range fds {
		if err := dup2(int(null.Fd()), fd); err != nil {
			return err
		}
	}
	return nil
}
