package bootstrap

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"runtime"
	"sync"
)

// Binary is the program that may be sent to a server as its tsshd. It must
// stay as it is while it is in use.
type Binary struct {
	path     string
	os, arch string // in Go's words

	once sync.Once // guards what follows
	hash string
	size int64
	err  error
}

// Self is the program that runs now.
func Self() (*Binary, error) {
	path, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find our own program: %w", err)
	}
	if runtime.GOOS == "linux" {
		path = "/proc/self/exe" // still ours after an upgrade replaced the file
	}
	return NewBinary(path, runtime.GOOS, runtime.GOARCH), nil
}

// NewBinary is the program in a file, built for an operating system and a
// machine as Go names them.
func NewBinary(path, goos, goarch string) *Binary {
	return &Binary{path: path, os: goos, arch: goarch}
}

// Prepare computes what Start needs of the file. Called while the login is
// under way it saves Start that time; it need not be called.
func (b *Binary) Prepare() { _, _, _ = b.sum() }

// sum returns the hash of the file, which names it in caches, and its size.
func (b *Binary) sum() (hash string, size int64, err error) {
	b.once.Do(func() {
		f, err := os.Open(b.path)
		if err != nil {
			b.err = fmt.Errorf("read our own program: %w", err)
			return
		}
		defer f.Close()
		h := sha256.New()
		if b.size, err = io.Copy(h, f); err != nil {
			b.err = fmt.Errorf("read our own program: %w", err)
			return
		}
		b.hash = hex.EncodeToString(h.Sum(nil))
	})
	return b.hash, b.size, b.err
}

// systems are the answers of "uname -sm" where the program runs.
func (b *Binary) systems() []string {
	var kernel string
	switch b.os {
	case "linux":
		kernel = "Linux"
	case "darwin":
		kernel = "Darwin"
	case "freebsd":
		kernel = "FreeBSD"
	default:
		return nil
	}
	machines := []string{b.arch}
	switch b.arch {
	case "amd64":
		machines = []string{"x86_64", "amd64"}
	case "arm64":
		machines = []string{"aarch64", "arm64"}
	case "386":
		machines = []string{"i386", "i486", "i586", "i686"}
	case "arm":
		machines = []string{"armv6l", "armv7l", "armv8l"}
	}
	var all []string
	for _, m := range machines {
		all = append(all, kernel+" "+m)
	}
	return all
}
