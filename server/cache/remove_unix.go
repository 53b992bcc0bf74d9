//go:build unix

package cache

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

const program = "tsshd"

// hold locks a copy, which others may do too.
func hold(dir string) (release func(), err error) {
	f, err := lock(dir, unix.LOCK_SH)
	if err != nil {
		return nil, err
	}
	return func() { f.Close() }, nil
}

// lock opens the file and locks it without waiting. The lock ends with the file.
func lock(dir string, mode int) (*os.File, error) {
	path := filepath.Join(dir, program)
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), mode|unix.LOCK_NB); err != nil {
		f.Close()
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return f, nil
}

// remove takes a copy away, unless it runs.
func remove(dir string) error {
	f, err := lock(dir, unix.LOCK_EX)
	switch {
	case errors.Is(err, unix.EWOULDBLOCK):
		return nil
	case errors.Is(err, fs.ErrNotExist):
		return os.Remove(dir)
	case err != nil:
		return err
	}
	defer f.Close() // a tsshd that starts meanwhile waits for us, and runs on without its file
	return errors.Join(os.Remove(filepath.Join(dir, program)), os.Remove(dir))
}
