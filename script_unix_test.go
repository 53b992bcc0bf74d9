//go:build unix

package main

import (
	"os"
	"os/exec"

	"github.com/creack/pty"
)

// terminals says that a program can be run on a terminal here.
const terminals = true

func startOnTerminal(cmd *exec.Cmd) (*os.File, error) {
	return pty.StartWithSize(cmd, &pty.Winsize{Rows: 24, Cols: 80})
}
