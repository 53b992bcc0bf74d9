package pty

import (
	"fmt"
	"os"
	"strings"
)

// running returns the name and the directory of a process.
func running(pid int) (name, dir string) {
	comm, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	dir, _ = os.Readlink(fmt.Sprintf("/proc/%d/cwd", pid))
	return strings.TrimSuffix(string(comm), "\n"), dir
}
