package detach

import (
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/windows"
)

// standAlone lets the process out of the job in which sshd keeps its login,
// and off its console.
func standAlone(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{
		HideWindow:    true,
		CreationFlags: windows.CREATE_NEW_PROCESS_GROUP | windows.CREATE_BREAKAWAY_FROM_JOB | windows.DETACHED_PROCESS,
	}
}

// Inherited does nothing: Windows hands on what is named only.
func Inherited() {}

// Streams closes stdin and stderr and gives stdout, for which who reads it waits.
func Streams() (stdout *os.File, err error) {
	os.Stdin.Close()
	os.Stderr.Close()
	return os.Stdout, nil
}

// Ended tells whether surely no process has the number pid. Here it does not know.
func Ended(string) bool { return false }
