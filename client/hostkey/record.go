package hostkey

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// appendLine adds lines to a known_hosts file in one write, so that logins at
// the same time don't mix theirs.
func appendLine(name, lines string) error {
	if name == os.DevNull {
		return nil
	}
	makeUserDir(name)
	f, err := os.OpenFile(name, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	if end, err := f.Seek(0, 2); err == nil && end > 0 {
		last := make([]byte, 1)
		if _, err := f.ReadAt(last, end-1); err == nil && last[0] != '\n' {
			lines = "\n" + lines
		}
	}
	if _, err := f.WriteString(lines); err != nil {
		return err
	}
	return f.Close()
}

// makeUserDir makes ~/.ssh, if that is where a file is to be, and no other
// directory: the name of one that is not there is most likely mistyped.
func makeUserDir(name string) {
	home, err := os.UserHomeDir()
	if err == nil && filepath.Dir(name) == filepath.Join(home, ".ssh") {
		os.Mkdir(filepath.Dir(name), 0o700) // whoever opens the file says what is wrong
	}
}

// rewrite replaces a file by those of its lines that stay, as they are, and more
// behind them. What is no entry stays. The old file is kept as name.old, as ssh
// does; one that is not there is not made.
func rewrite(name string, stays func(entry) bool, more string) error {
	old, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var b strings.Builder
	for line := range strings.Lines(string(old)) {
		if e, ok := parseEntry(line); !ok || stays(e) {
			b.WriteString(line)
		}
	}
	if text := b.String(); more != "" && text != "" && !strings.HasSuffix(text, "\n") {
		b.WriteString("\n")
	}
	b.WriteString(more)
	if b.String() == string(old) {
		return nil
	}
	target := name
	if real, err := filepath.EvalSymlinks(name); err == nil {
		target = real // a link to a file elsewhere stays one
	}
	if len(old) > 0 {
		os.Remove(target + ".old")
		if err := os.Link(target, target+".old"); err != nil {
			os.WriteFile(target+".old", old, 0o600)
		}
	}
	f, err := os.CreateTemp(filepath.Dir(target), filepath.Base(target)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	if info, err := os.Stat(target); err == nil {
		f.Chmod(info.Mode().Perm())
	}
	if _, err := f.WriteString(b.String()); err != nil {
		f.Close()
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), target)
}
