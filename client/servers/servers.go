// Package servers knows the builds of tsshd that this tssh may send to servers:
// of the same source and release, one for each kind of machine.
//
// A release's tssh holds two of them, and of all others the checksum. These are
// files, tsshd-OS-ARCH.gz, of one package. Whoever may write where such a file
// is looked for could otherwise have any program run on the user's servers; so
// who owns it is no matter: one that is not of this very release, bit for bit, is
// never sent. A build that knows no checksums (make alone) sends itself only.
package servers

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// Manifest is the name of the file that lists what a release has.
const Manifest = "manifest"

// Server is tsshd for one kind of machine.
type Server struct {
	OS, Arch string // in Go's words
	Hash     string // SHA-256 of the program, in hex
	Cksum    string // what the command cksum says of it: CRC and size
	Size     int64  // of the program, in bytes
	Packed   string // SHA-256 of the file, in hex: the program by gzip, as it is sent
}

// File is the name of the file.
func (s Server) File() string { return "tsshd-" + s.OS + "-" + s.Arch + ".gz" }

// Line is the server's line in a manifest.
func (s Server) Line() string {
	return strings.Join([]string{s.OS, s.Arch, s.Hash, s.Cksum, s.Packed}, " ") + "\n"
}

// Parse reads a manifest.
func Parse(manifest string) ([]Server, error) {
	var all []Server
	for line := range strings.Lines(manifest) {
		f := strings.Fields(line)
		if len(f) != 6 || len(f[2]) != 2*sha256.Size || len(f[5]) != 2*sha256.Size {
			return nil, fmt.Errorf("manifest of servers: bad line %q", strings.TrimSpace(line))
		}
		s := Server{OS: f[0], Arch: f[1], Hash: f[2], Cksum: f[3] + " " + f[4], Packed: f[5]}
		if _, err := fmt.Sscan(f[4], &s.Size); err != nil {
			return nil, fmt.Errorf("manifest of servers: bad size in %q", strings.TrimSpace(line))
		}
		all = append(all, s)
	}
	return all, nil
}

// Store is where builds are. The zero value has none.
type Store struct {
	embedded fs.FS // nil: none
	dirs     []string
	all      []Server
}

// Release is what this program was released with.
func Release() *Store {
	if bundle == nil {
		return &Store{}
	}
	return New(bundle, dirs())
}

// New returns what the manifest in embedded lists. A file that is not there too
// is looked for in dirs, the first of which wins.
func New(embedded fs.FS, dirs []string) *Store {
	text, err := fs.ReadFile(embedded, Manifest)
	if err != nil {
		return &Store{}
	}
	all, err := Parse(string(text))
	if err != nil {
		return &Store{}
	}
	return &Store{embedded: embedded, dirs: dirs, all: all}
}

// All lists the servers of the release, whether they are here or not.
func (s *Store) All() []Server { return s.all }

// Dirs are where files are looked for.
func (s *Store) Dirs() []string { return s.dirs }

// ErrAbsent says that a server's file is nowhere.
var ErrAbsent = errors.New("not on this machine")

// Place says where a server's file is: "" when it is in the program, otherwise a
// path. It does not look into the file.
func (s *Store) Place(server Server) (path string, err error) {
	if _, err := fs.Stat(s.embedded, server.File()); err == nil {
		return "", nil
	}
	for _, dir := range s.dirs {
		path := filepath.Join(dir, server.File())
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s: %w", server.File(), ErrAbsent)
}

// Packed returns a server's file as it is sent.
func (s *Store) Packed(server Server) ([]byte, error) {
	path, err := s.Place(server)
	if err != nil {
		return nil, err
	}
	if path == "" {
		return fs.ReadFile(s.embedded, server.File())
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	// What is checked is what is sent: the file may be another one by then.
	packed, err := io.ReadAll(io.LimitReader(f, server.Size+1)) // gzip does not make it larger
	if err != nil {
		return nil, err
	}
	if sum := sha256.Sum256(packed); hex.EncodeToString(sum[:]) != server.Packed {
		return nil, fmt.Errorf("%s is not of this release of tssh, so it is not sent", path)
	}
	return packed, nil
}

// Unpack reads the program out of what Packed returned.
func Unpack(packed []byte) (io.ReadCloser, error) { return gzip.NewReader(bytes.NewReader(packed)) }

// dirs are where files of the package for all servers are: beside the program,
// where a package puts them for a program in its bin, and where a user or the
// system keeps data.
func dirs() []string {
	var all []string
	if exe, err := os.Executable(); err == nil {
		if real, err := filepath.EvalSymlinks(exe); err == nil {
			exe = real
		}
		bin := filepath.Dir(exe)
		all = append(all, bin, filepath.Join(filepath.Dir(bin), "share", "tssh"))
	}
	if runtime.GOOS == "windows" {
		for _, name := range []string{"LOCALAPPDATA", "ProgramData"} {
			if dir := os.Getenv(name); dir != "" {
				all = append(all, filepath.Join(dir, "tssh"))
			}
		}
		return all
	}
	data := os.Getenv("XDG_DATA_HOME")
	if home, err := os.UserHomeDir(); err == nil && !filepath.IsAbs(data) {
		data = filepath.Join(home, ".local", "share")
	}
	system := os.Getenv("XDG_DATA_DIRS")
	if system == "" {
		system = "/usr/local/share:/usr/share"
	}
	for _, dir := range append([]string{data}, filepath.SplitList(system)...) {
		if filepath.IsAbs(dir) {
			all = append(all, filepath.Join(dir, "tssh"))
		}
	}
	return all
}
