//go:build unix

package config

import (
	"os"
	"syscall"
)

// safe reports whether none but the user and root may write a file. Whoever
// else could would choose our commands: Match exec, ProxyCommand.
func safe(info os.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return false
	}
	owned := st.Uid == 0 || int(st.Uid) == os.Getuid()
	return owned && info.Mode().Perm()&0o022 == 0
}
