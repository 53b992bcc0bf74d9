package cache

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/windows"
)

const program = "tsshd.exe"

// hold has nothing to do: Windows removes no file of a program that runs.
func hold(string) (release func(), err error) { return func() {}, nil }

// remove takes a copy away, unless it runs.
func remove(dir string) error {
	err := os.Remove(filepath.Join(dir, program))
	switch {
	case errors.Is(err, windows.ERROR_ACCESS_DENIED) || errors.Is(err, windows.ERROR_SHARING_VIOLATION):
		return nil
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return err
	}
	return os.Remove(dir)
}
