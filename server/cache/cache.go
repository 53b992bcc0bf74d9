// Package cache looks after the copies of tsshd that clients sent to this
// account: CACHE/tssh/HASH/tsshd (tsshd.exe), one for each build. A running tsshd holds
// its own copy, and sweeps away those that nothing has run for long.
package cache

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Unused is how long a copy is kept that nothing runs: the machines of one user
// may well have different builds, and take turns.
const Unused = 7 * 24 * time.Hour

// Copy is a tsshd in a cache.
type Copy struct {
	dir string // .../tssh/HASH
}

// Own is the program that runs now. ok is false when it is in no cache.
func Own() (c Copy, ok bool) {
	path, err := os.Executable()
	if err != nil {
		return Copy{}, false
	}
	return at(path)
}

// at recognises a copy by its place, as clients choose it.
func at(path string) (c Copy, ok bool) {
	dir, name := filepath.Split(path)
	dir = filepath.Clean(dir)
	top := filepath.Base(filepath.Dir(dir))
	if name != program || !isHash(filepath.Base(dir)) || top != "tssh" && !strings.HasPrefix(top, "tssh-") {
		return Copy{}, false
	}
	return Copy{dir}, true
}

// isHash tells the hexadecimal SHA-256 of a program from any other name.
func isHash(name string) bool {
	return len(name) == 64 && strings.Trim(name, "0123456789abcdef") == ""
}

// Hold says until release, or until this process ends, that the copy is in use.
func (c Copy) Hold(now time.Time) (release func(), err error) {
	if release, err = hold(c.dir); err != nil {
		return nil, err
	}
	// The directory's time is when the copy was last used.
	if err := os.Chtimes(c.dir, now, now); err != nil {
		release()
		return nil, err
	}
	return release, nil
}

// Sweep removes the other copies in the same cache that nothing runs and
// nothing ran for long, and what uploads left that broke off.
func (c Copy) Sweep(now time.Time) error {
	top := filepath.Dir(c.dir)
	entries, err := os.ReadDir(top)
	if err != nil {
		return err
	}
	var all error
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || !e.IsDir() || !isHash(e.Name()) {
			continue
		}
		dir := filepath.Join(top, e.Name())
		all = errors.Join(all, sweepUploads(dir, now))
		if dir != c.dir && now.Sub(info.ModTime()) > Unused {
			all = errors.Join(all, remove(dir))
		}
	}
	return all
}

// sweepUploads removes the temporary files of uploads that a day has passed over.
func sweepUploads(dir string, now time.Time) error {
	partial, err := filepath.Glob(filepath.Join(dir, program+".*"))
	if err != nil {
		return err
	}
	var all error
	for _, p := range partial {
		if info, err := os.Lstat(p); err == nil && now.Sub(info.ModTime()) > 24*time.Hour {
			all = errors.Join(all, os.Remove(p))
		}
	}
	return all
}
