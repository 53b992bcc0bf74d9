// Package terminfo finds the compiled description of a terminal, as programs
// find it, and puts one where programs of this user find it. The compiled form
// is the same on all systems, so that it can be brought as it is from one to the
// other, and none of them needs a compiler.
package terminfo

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// Request is the request by which a client brings an entry to a session of
// tsshd's, before it asks for the terminal; its payload is an Entry. It wants no
// answer, so it costs no round trip.
const Request = "terminfo@tssh"

// Max is the size of the largest entry; ncurses reads no larger one either.
const Max = 32 << 10

// maxName bounds a terminal's name, which is the name of a file.
const maxName = 64

// Entry is the description of a terminal.
type Entry struct {
	Name string // what TERM says
	Data []byte // compiled
}

// everywhere are the terminals that any system knows.
var everywhere = []string{"ansi", "dumb", "linux", "screen", "screen-256color", "sun", "vt100", "vt102", "vt220", "xterm", "xterm-256color", "xterm-color"}

// Rare tells whether a system may lack the entry of that name, and Find and Keep
// can do something about it.
func Rare(name string) bool {
	return !slices.Contains(everywhere, name) && valid(name)
}

func valid(name string) bool {
	return name != "" && len(name) <= maxName && name[0] != '.' && name[0] != '-' &&
		!strings.ContainsFunc(name, func(r rune) bool {
			return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("+-._", r))
		})
}

// Files are where in a directory of terminfo the entry of that name may be:
// below its first letter, or below that letter's number, which is the way of
// systems whose files' names know no case.
func Files(name string) (letter, number string) {
	return name[:1] + "/" + name, fmt.Sprintf("%02x/%s", name[0], name)
}

// System are the directories of systems and of what is installed on them.
var System = []string{
	"/etc/terminfo", "/lib/terminfo", "/usr/share/terminfo", "/usr/lib/terminfo", "/usr/share/lib/terminfo",
	"/usr/local/share/terminfo", "/usr/pkg/share/terminfo", "/opt/homebrew/share/terminfo", "/opt/local/share/terminfo",
	"/run/current-system/sw/share/terminfo",
}

// apps are where terminals keep their own entry, without telling the system.
var apps = []string{
	"/Applications/kitty.app/Contents/Resources/kitty/terminfo",
	"/Applications/Ghostty.app/Contents/Resources/terminfo",
	"/usr/lib/kitty/terminfo", "/usr/lib64/kitty/terminfo",
}

// directories are those that programs look into, in their order.
func directories(getenv func(string) string, home string) []string {
	var all []string
	if d := getenv("TERMINFO"); d != "" {
		all = append(all, d)
	}
	if home != "" {
		all = append(all, filepath.Join(home, ".terminfo"))
	}
	for _, d := range filepath.SplitList(getenv("TERMINFO_DIRS")) {
		if d != "" { // empty means the system's
			all = append(all, d)
		}
	}
	return append(all, System...)
}

// Find returns the entry of the name that this machine has. ok is false where it
// has none, or none that can be read.
func Find(name string, getenv func(string) string, home string) (e Entry, ok bool) {
	if !valid(name) {
		return e, false
	}
	letter, number := Files(name)
	for _, dir := range append(directories(getenv, home), apps...) {
		for _, file := range []string{letter, number} {
			data, err := read(filepath.Join(dir, file))
			e := Entry{name, data}
			if err == nil && e.Check() == nil {
				return e, true
			}
		}
	}
	return Entry{}, false
}

func read(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, errors.Join(err, fs.ErrInvalid)
	}
	return io.ReadAll(io.LimitReader(f, Max+1))
}

// Check tells whether e is what it says: a compiled entry, term(5), one of whose
// names is its name.
func (e Entry) Check() error {
	const header = 12
	switch {
	case !valid(e.Name):
		return fmt.Errorf("terminfo %q: no name of a terminal", e.Name)
	case len(e.Data) < header || len(e.Data) > Max:
		return fmt.Errorf("terminfo %s: %d bytes", e.Name, len(e.Data))
	}
	if magic := binary.LittleEndian.Uint16(e.Data); magic != 0o432 && magic != 0o1036 { // numbers of 16 bits, of 32
		return fmt.Errorf("terminfo %s: no compiled entry", e.Name)
	}
	size := int(binary.LittleEndian.Uint16(e.Data[2:]))
	if size > len(e.Data)-header {
		return fmt.Errorf("terminfo %s: cut short", e.Name)
	}
	names, _, _ := bytes.Cut(e.Data[header:header+size], []byte{0})
	if !slices.Contains(strings.Split(string(names), "|"), e.Name) {
		return fmt.Errorf("terminfo %s: the entry of another terminal", e.Name)
	}
	return nil
}

// Keep puts e into home, unless programs find one of its name already. What is
// there is never replaced.
func (e Entry) Keep(getenv func(string) string, home string) (kept bool, err error) {
	if err := e.Check(); err != nil {
		return false, err
	}
	letter, number := Files(e.Name)
	for _, dir := range directories(getenv, home) {
		for _, file := range []string{letter, number} {
			if _, err := os.Stat(filepath.Join(dir, file)); err == nil {
				return false, nil
			}
		}
	}
	if !filepath.IsAbs(home) {
		return false, fmt.Errorf("terminfo %s: no home directory", e.Name)
	}
	file := filepath.Join(home, ".terminfo", letter)
	if runtime.GOOS == "darwin" {
		file = filepath.Join(home, ".terminfo", number)
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return false, err
	}
	// Under a name of its own until it is whole, as programs may look at any time.
	part, err := os.CreateTemp(filepath.Join(home, ".terminfo"), ".tssh-")
	if err != nil {
		return false, err
	}
	defer os.Remove(part.Name())
	_, err = part.Write(e.Data)
	if err = errors.Join(err, part.Chmod(0o644), part.Close()); err != nil {
		return false, err
	}
	err = os.Link(part.Name(), file) // which never replaces
	switch {
	case errors.Is(err, fs.ErrExist):
		return false, nil
	case err != nil: // no links in this file system
		if _, there := os.Lstat(file); there == nil {
			return false, nil
		}
		err = os.Rename(part.Name(), file)
	}
	return err == nil, err
}
