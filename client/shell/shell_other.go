//go:build !windows

package shell

import (
	"os"
	"os/exec"
)

// Command runs a line by the user's shell.
func Command(line string) *exec.Cmd { return exec.Command(name(), "-c", line) }

// Interactive is the user's shell itself.
func Interactive() *exec.Cmd { return exec.Command(name()) }

func name() string {
	if shell := os.Getenv("SHELL"); shell != "" {
		return shell
	}
	return "/bin/sh"
}

// InPlace is Command that runs one program in the shell's place, so that it gets
// the shell's signals.
func InPlace(line string) *exec.Cmd { return Command("exec " + line) }
