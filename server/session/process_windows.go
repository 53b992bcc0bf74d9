package session

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// throughShell makes cmd the user's shell, or the shell running a command.
func throughShell(cmd *exec.Cmd, shell string, login bool, command string) {
	cmd.Path = shell
	cmd.Args = []string{filepath.Base(shell)}
	if login {
		return
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{CmdLine: shellLine(shell, command)}
}

// shellLine is how a shell is started for one command. cmd.exe takes its line as
// it is, less the first and the last quote; others take words as C programs do,
// and PowerShell and the shells of Unix have -c in common.
func shellLine(shell, command string) string {
	switch name := strings.ToLower(filepath.Base(shell)); strings.TrimSuffix(name, ".exe") {
	case "cmd":
		return `"` + shell + `" /s /c "` + command + `"`
	case "powershell", "pwsh":
		return `"` + shell + `" -NoLogo -Command ` + syscall.EscapeArg(command)
	}
	return `"` + shell + `" -c ` + syscall.EscapeArg(command)
}

func ownSession(cmd *exec.Cmd) {}

// kill ends a program: Windows has no other signal for it.
func kill(pid int, name string) error {
	if name != "KILL" && name != "TERM" && name != "INT" && name != "HUP" {
		return errors.New("unknown signal")
	}
	p, err := os.FindProcess(pid)
	if err != nil {
		return err
	}
	defer p.Release()
	return p.Kill()
}

// hangup ends a program whose client has gone. It would not notice: a closed
// pipe tells a Windows program little.
func hangup(pid int) { kill(pid, "KILL") }

// howEnded is the ending of a program.
func howEnded(state *os.ProcessState) ending { return exitStatus(uint32(state.ExitCode())) }

// findSFTPServer finds the sftp server of OpenSSH for Windows.
func findSFTPServer() (path string, ok bool) {
	path = filepath.Join(os.Getenv("SystemRoot"), "System32", "OpenSSH", "sftp-server.exe")
	if isFile(path) {
		return path, true
	}
	path, err := exec.LookPath("sftp-server.exe")
	return path, err == nil
}
