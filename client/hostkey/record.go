package hostkey

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
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
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return err
	}
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

// rewrite replaces a file by what edit makes of its lines: it gets each line
// with its parsed entry, if it is one, and says whether the line stays. More
// lines are added at the end. The old file is kept as name.old, as ssh does.
func rewrite(name string, stays func(text string, e entry, ok bool) bool, more string) error {
	old, err := os.ReadFile(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	var b strings.Builder
	lines := bufio.NewScanner(bytes.NewReader(old))
	lines.Buffer(nil, 1<<20)
	for n := 1; lines.Scan(); n++ {
		e, ok := parseEntry(lines.Text())
		e.file, e.line = name, n
		if stays(lines.Text(), e, ok) {
			b.WriteString(lines.Text() + "\n")
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("read %s: %w", name, err)
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
