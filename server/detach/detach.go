// Package detach takes a process out of the ssh login that started it, so that
// the end of the login does not end it: its own session, no inherited
// descriptors, no standard streams, and out of the login's systemd scope where
// logging out kills what is in there.
package detach

import (
	"os"
	"os/exec"
)

// Command makes a command of our own program that will stand for itself.
func Command(args ...string) (*exec.Cmd, error) {
	path, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(path)
	cmd.Args = append([]string{"tsshd"}, args...) // the name says which program it is
	standAlone(cmd)
	return cmd, nil
}
