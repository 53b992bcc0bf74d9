package shell

import (
	"os/exec"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/windows"
)

// Command runs a line by cmd.exe, the system's own and not one of the PATH's.
// cmd takes what follows /c as it is and takes away the first and the last
// quote: quotes within are the line's, which Go's way of passing words would
// put backslashes before.
func Command(line string) *exec.Cmd {
	path := "cmd.exe"
	if dir, err := windows.GetSystemDirectory(); err == nil {
		path = filepath.Join(dir, path)
	}
	cmd := exec.Command(path)
	cmd.SysProcAttr = &syscall.SysProcAttr{CmdLine: `"` + path + `" /d /s /c "` + line + `"`}
	return cmd
}

// InPlace is Command: here no program takes another's place.
func InPlace(line string) *exec.Cmd { return Command(line) }
