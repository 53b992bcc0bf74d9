package bootstrap

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"io"
	"math/bits"
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
	sums sums
	err  error
}

// sums are what tells one program from another.
type sums struct {
	hash  string // SHA-256, which names it in caches
	cksum string // what the command cksum says of it, which costs a server less
	size  int64
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
func (b *Binary) Prepare() { _, _ = b.sum() }

// sum reads the file once.
func (b *Binary) sum() (sums, error) {
	b.once.Do(func() {
		f, err := os.Open(b.path)
		if err != nil {
			b.err = fmt.Errorf("read our own program: %w", err)
			return
		}
		defer f.Close()
		h, c := sha256.New(), newCksum()
		if b.sums.size, err = io.Copy(io.MultiWriter(h, c), f); err != nil {
			b.err = fmt.Errorf("read our own program: %w", err)
			return
		}
		b.sums.hash, b.sums.cksum = hex.EncodeToString(h.Sum(nil)), c.String()
	})
	return b.sums, b.err
}

// cksum computes what the command of that name prints. Its CRC is that of
// package crc32 with the bits of each byte, and of the result, in the other
// order, without the inversion before, and with the length behind the data.
type cksum struct {
	crc  uint32
	size uint64
	buf  []byte
}

func newCksum() *cksum { return &cksum{crc: ^uint32(0)} }

// Write never fails.
func (c *cksum) Write(p []byte) (int, error) {
	c.size += uint64(len(p))
	c.add(p)
	return len(p), nil
}

func (c *cksum) add(p []byte) {
	c.buf = c.buf[:0]
	for _, b := range p {
		c.buf = append(c.buf, bits.Reverse8(b))
	}
	c.crc = crc32.Update(c.crc, crc32.IEEETable, c.buf)
}

// String is the line of cksum for its stdin. Nothing is to be written after.
func (c *cksum) String() string {
	for n := c.size; n > 0; n >>= 8 {
		c.add([]byte{byte(n)})
	}
	return fmt.Sprintf("%d %d", bits.Reverse32(c.crc), c.size)
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
