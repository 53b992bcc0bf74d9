package bootstrap

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"

	"tssh/client/servers"
)

// Binary is the program that may be sent to a server as its tsshd, built for one
// or more kinds of machines. Its files must stay as they are while it is in use.
type Binary struct {
	builds []*build // the first is for a server that does not say what it is
	absent []servers.Server
}

// build is the program for one kind of machine: a file as it runs, or one that
// is compressed as it is sent.
type build struct {
	os, arch string // in Go's words
	path     string
	packed   func() ([]byte, error) // not nil: in place of path

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

// Released is all that this tssh can send: what it was released with, and for
// machines of our own kind the program that runs now, where that has no better.
func Released(store *servers.Store) (*Binary, error) {
	b := &Binary{}
	for _, s := range store.All() {
		if _, err := store.Place(s); err != nil {
			b.absent = append(b.absent, s)
			continue
		}
		one := &build{
			os: s.OS, arch: s.Arch,
			packed: func() ([]byte, error) { return store.Packed(s) },
			sums:   sums{hash: s.Hash, cksum: s.Cksum, size: s.Size},
		}
		one.once.Do(func() {})
		b.builds = append(b.builds, one)
	}
	own := slices.IndexFunc(b.builds, func(o *build) bool { return o.os == runtime.GOOS && o.arch == runtime.GOARCH })
	if own >= 0 {
		one := b.builds[own]
		b.builds = slices.Insert(slices.Delete(b.builds, own, own+1), 0, one)
		return b, nil
	}
	self, err := Self()
	if err != nil {
		return b, err
	}
	b.builds = append(self.builds, b.builds...)
	return b, nil
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
	return &Binary{builds: []*build{{path: path, os: goos, arch: goarch}}}
}

// Prepare computes what Start needs of the files. Called while the login is
// under way it saves Start that time; it need not be called.
func (b *Binary) Prepare() { b.readable() }

// readable returns b without the builds that can't be read, or nil and why.
func (b *Binary) readable() (*Binary, error) {
	var all []*build
	var last error
	for _, one := range b.builds {
		if _, err := one.sum(); err != nil {
			last = err
			continue
		}
		all = append(all, one)
	}
	if all == nil {
		return nil, last
	}
	return &Binary{builds: all, absent: b.absent}, last
}

// sum reads the file once, unless its sums are known.
func (b *build) sum() (sums, error) {
	b.once.Do(func() {
		f, err := os.Open(b.path)
		if err != nil {
			b.err = fmt.Errorf("read our own program: %w", err)
			return
		}
		defer f.Close()
		h, c := sha256.New(), servers.NewChecksum()
		if b.sums.size, err = io.Copy(io.MultiWriter(h, c), f); err != nil {
			b.err = fmt.Errorf("read our own program: %w", err)
			return
		}
		b.sums.hash, b.sums.cksum = hex.EncodeToString(h.Sum(nil)), c.String()
	})
	return b.sums, b.err
}

// open returns what is sent, and its size. It may have been compressed, if the
// server can take that.
func (b *build) open(gzip bool) (r io.ReadCloser, size int64, compressed bool, err error) {
	if b.packed == nil {
		f, err := os.Open(b.path)
		return f, b.sums.size, false, err
	}
	packed, err := b.packed()
	if err != nil {
		return nil, 0, false, err
	}
	if gzip {
		return io.NopCloser(bytes.NewReader(packed)), int64(len(packed)), true, nil
	}
	r, err = servers.Unpack(packed)
	return r, b.sums.size, false, err
}

// systems are the answers of "uname -sm" where the program runs.
func (b *build) systems() []string { return servers.Unames(b.os, b.arch) }

// unknown is what boot.sh calls a system that does not say what it is.
const unknown = "unknown"

// of returns the build for a system, or nil.
func (b *Binary) of(system string) *build {
	if b == nil {
		return nil
	}
	for _, one := range b.builds {
		if system == unknown || slices.Contains(one.systems(), system) {
			return one
		}
	}
	return nil
}

// none says why there is no build for a system, and what to do.
func (b *Binary) none(system string) string {
	if b == nil {
		return ""
	}
	for _, s := range b.absent {
		if slices.Contains(servers.Unames(s.OS, s.Arch), system) {
			return fmt.Sprintf(", and this machine lacks %s; install tssh-servers here", s.File())
		}
	}
	var kinds []string
	for _, one := range b.builds {
		if all := one.systems(); all != nil {
			kernel, _, _ := strings.Cut(all[0], " ")
			kinds = append(kinds, kernel+" "+one.arch)
		}
	}
	if kinds == nil {
		return ", and this tssh has none to send"
	}
	return ", and this tssh has one for " + strings.Join(kinds, ", ") + " only"
}

// table tells boot.sh what could be sent. It is a word for sh between double
// quotes: nothing in it means anything there.
func (b *Binary) table() string {
	var t strings.Builder
	if b == nil {
		return ""
	}
	for _, one := range b.builds {
		all := one.systems()
		is, err := one.sum()
		if all == nil || err != nil {
			continue
		}
		fmt.Fprintf(&t, "%s:%s:%d:%s;", strings.Join(all, "|"), is.hash, (is.size+1023)/1024, is.cksum)
	}
	return t.String()
}
