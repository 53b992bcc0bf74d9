//go:build !windows

package auth

import (
	"os"
	"syscall"
)

// isOurs: only of one's own file can one say that it is too open; others may
// have their reasons.
func isOurs(info os.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(st.Uid) == os.Getuid()
}
