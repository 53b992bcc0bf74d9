//go:build unix

package detach

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

func standAlone(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
}

// Inherited keeps the descriptors that whoever started us left open from
// everything that we start: a forgotten one can keep ssh from closing, and can
// hold what other programs should not see.
func Inherited() {
	if sealRange() == nil {
		return
	}
	for _, dir := range []string{"/proc/self/fd", "/dev/fd"} {
		if sealListed(dir) {
			return
		}
	}
	last := uint64(maxSealed)
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) == nil {
		last = min(last, uint64(limit.Cur))
	}
	for fd := 3; fd < int(last); fd++ {
		unix.CloseOnExec(fd)
	}
}

// maxSealed bounds the descriptors that are tried where none are listed.
const maxSealed = 64 << 10

// sealListed takes the descriptors that dir lists. FreeBSD's /dev/fd has but the
// first three unless fdescfs is mounted there; a true list has at least the one by
// which it is read.
func sealListed(dir string) bool {
	names, err := filepath.Glob(dir + "/*")
	if err != nil {
		return false
	}
	listed := false
	for _, name := range names {
		if fd, err := strconv.Atoi(filepath.Base(name)); err == nil && fd > 2 {
			unix.CloseOnExec(fd)
			listed = true
		}
	}
	return listed
}

// Streams replaces stdin, stdout and stderr by /dev/null, and gives what stdout
// was before: who reads that waits for us to close it.
func Streams() (stdout *os.File, err error) {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer null.Close()
	fd, err := unix.FcntlInt(1, unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return nil, fmt.Errorf("keep stdout: %w", err)
	}
	stdout = os.NewFile(uintptr(fd), "stdout")
	for fd := range 3 {
		if err := dup2(int(null.Fd()), fd); err != nil {
			stdout.Close()
			return nil, fmt.Errorf("let go of descriptor %d: %w", fd, err)
		}
	}
	return stdout, nil
}

// Ended tells whether surely no process has the number pid.
func Ended(pid string) bool {
	n, err := strconv.Atoi(pid)
	return err == nil && n > 0 && unix.Kill(n, 0) == unix.ESRCH
}
