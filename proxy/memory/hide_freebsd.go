package memory

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// Hide keeps our memory out of core files and from debuggers of the same user,
// until the process runs another program.
func Hide() {
	const self, traceControl = 0, 7 // P_PID, PROC_TRACE_CTL
	disable := int32(2)             // PROC_TRACE_CTL_DISABLE
	unix.Syscall6(unix.SYS_PROCCTL, self, uintptr(unix.Getpid()), traceControl, uintptr(unsafe.Pointer(&disable)), 0, 0)
}
