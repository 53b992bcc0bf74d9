package pty

import (
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// Places in what the kernel tells of a process (sys/user.h) where pointers have 64
// bits: others have other sizes, and are not read.
const (
	procSize  = 1088 // KINFO_PROC_SIZE, which ki_structsize begins with
	commAt    = 447  // ki_comm
	commSize  = 20
	cwdPathAt = 368 // kf_path of a kinfo_file, which ends it
)

// running returns the name and the directory of a process.
func running(pid int) (name, dir string) {
	p, err := unix.SysctlRaw("kern.proc.pid", pid)
	if err != nil || len(p) < procSize || binary.NativeEndian.Uint32(p) != procSize {
		return "", ""
	}
	if f, err := unix.SysctlRaw("kern.proc.cwd", pid); err == nil && len(f) > cwdPathAt {
		dir = unix.ByteSliceToString(f[cwdPathAt:])
	}
	return unix.ByteSliceToString(p[commAt : commAt+commSize]), dir
}
