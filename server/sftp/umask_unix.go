//go:build unix

package sftp

import "syscall"

func umask(mask int) { syscall.Umask(mask) }
