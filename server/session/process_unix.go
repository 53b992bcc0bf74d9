//go:build unix

package session

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/crypto/ssh"
	"golang.org/x/sys/unix"
)

// throughShell makes cmd the user's shell, a login shell (which a dash
// before its name tells it) or one that runs a command.
func throughShell(cmd *exec.Cmd, shell string, login bool, command string) {
	cmd.Path = shell
	if login {
		cmd.Args = []string{"-" + filepath.Base(shell)}
	} else {
		cmd.Args = []string{filepath.Base(shell), "-c", command}
	}
}

// ownSession keeps a program without a terminal away from any terminal of ours.
func ownSession(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }

// kill sends the signal of an SSH name to the process group of pid.
func kill(pid int, name string) error {
	if !strings.Contains(" ABRT ALRM FPE HUP ILL INT KILL PIPE QUIT SEGV TERM USR1 USR2 ", " "+name+" ") {
		return errors.New("unknown signal")
	}
	return syscall.Kill(-pid, unix.SignalNum("SIG"+name))
}

// hangup leaves a program without terminal alone, as sshd does: it notices when it reads or writes.
func hangup(pid int) {}

// howEnded is the ending of a program.
func howEnded(state *os.ProcessState) ending {
	status, ok := state.Sys().(syscall.WaitStatus)
	if !ok || !status.Signaled() {
		return exitStatus(uint32(max(state.ExitCode(), 0)))
	}
	return ending{"exit-signal", ssh.Marshal(struct {
		Name          string
		Core          bool
		Message, Lang string
	}{signalName(status.Signal()), status.CoreDump(), "", ""})}
}

// signalName is the name that RFC 4254 has for a signal, or one of OpenSSH's kind.
func signalName(sig syscall.Signal) string {
	name := strings.TrimPrefix(unix.SignalName(sig), "SIG")
	switch name {
	case "ABRT", "ALRM", "FPE", "HUP", "ILL", "INT", "KILL", "PIPE", "QUIT", "SEGV", "TERM", "USR1", "USR2":
		return name
	}
	return "SIG@openssh.com"
}

// findSFTPServer finds OpenSSH's sftp server, which does what its internal one does.
func findSFTPServer() (path string, ok bool) {
	for _, dir := range []string{"/usr/lib/openssh", "/usr/libexec/openssh", "/usr/lib/ssh", "/usr/libexec",
		"/usr/local/libexec", "/usr/lib64/ssh", "/usr/lib64/misc", "/opt/homebrew/libexec"} {
		if name := filepath.Join(dir, "sftp-server"); isFile(name) {
			return name, true
		}
	}
	path, err := exec.LookPath("sftp-server")
	return path, err == nil
}
