package pty

import "golang.org/x/sys/unix"

// running returns the name of a process. Its directory only libproc tells, which
// needs C.
func running(pid int) (name, dir string) {
	p, err := unix.SysctlKinfoProc("kern.proc.pid", pid)
	if err != nil {
		return "", ""
	}
	return unix.ByteSliceToString(p.Proc.P_comm[:]), ""
}
