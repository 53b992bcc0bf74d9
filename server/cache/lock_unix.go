//go:build unix

package cache

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

type mode int

const (
	shared    mode = unix.LOCK_SH
	exclusive mode = unix.LOCK_EX
)

// lock opens the file and locks it without waiting. The lock ends with the file.
func lock(path string, m mode) (*os.File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	err = unix.Flock(int(f.Fd()), int(m)|unix.LOCK_NB)
	if err == nil {
		return f, nil
	}
	f.Close()
	if err == unix.EWOULDBLOCK {
		err = errRuns
	}
	return nil, fmt.Errorf("lock %s: %w", path, err)
}
