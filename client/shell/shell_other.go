//go:build !windows

package shell

import (
	"os"
	"os/exec"
)

// Command runs a line by the user's shell.
func Command(line string) *exec.Cmd {
	name := os.Getenv("SHELL")
	if name == "" {
		name = "/bin/sh"
	}
	return exec.Command(name, "-c", line)
}

// InPlace is Command that runs one program in the shell's place, so that it gets
// the shell's signals.
func InPlace(line string) *exec.Cmd { return Command("exec " + line) }
