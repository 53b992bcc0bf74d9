//go:build unix

package cache

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// add puts a copy into a cache that was last used at a time.
func add(t *testing.T, top, digit string, used time.Time, files ...string) Copy {
	t.Helper()
	dir := filepath.Join(top, strings.Repeat(digit, 64))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, f := range append(files, "tsshd") {
		path := filepath.Join(dir, f)
		if err := os.WriteFile(path, nil, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, used, used); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chtimes(dir, used, used); err != nil {
		t.Fatal(err)
	}
	c, ok := at(filepath.Join(dir, "tsshd"))
	if !ok {
		t.Fatalf("%s is no copy", dir)
	}
	return c
}

func there(c Copy) bool {
	_, err := os.Stat(filepath.Join(c.dir, "tsshd"))
	return err == nil
}

func TestSweepLeavesWhatRunsAndWhatIsUsed(t *testing.T) {
	top := filepath.Join(t.TempDir(), "tssh")
	now := time.Now()
	long := now.Add(-Unused - time.Hour)
	own := add(t, top, "a", long, "tsshd.123")
	old := add(t, top, "b", long, "tsshd.124")
	runs := add(t, top, "c", long)
	recent := add(t, top, "d", now.Add(-time.Hour), "tsshd.125")
	foreign := filepath.Join(top, "notes")
	if err := os.WriteFile(foreign, nil, 0o600); err != nil {
		t.Fatal(err)
	}

	release, err := runs.Hold(long)
	if err != nil {
		t.Fatal(err)
	}
	if err := own.Sweep(now); err != nil {
		t.Error(err)
	}
	if there(old) || !there(own) || !there(runs) || !there(recent) {
		t.Errorf("left: old %v, own %v, running %v, recent %v", there(old), there(own), there(runs), there(recent))
	}
	if _, err := os.Stat(foreign); err != nil {
		t.Errorf("a file of the user: %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(top, "*/tsshd.*")); len(left) != 1 || filepath.Dir(left[0]) != recent.dir {
		t.Errorf("broken uploads: %q", left)
	}
	release()
	if err := own.Sweep(now); err != nil || there(runs) {
		t.Errorf("after it ended: there %v, %v", there(runs), err)
	}
}

func TestHoldMarksTheUse(t *testing.T) {
	now := time.Now()
	c := add(t, filepath.Join(t.TempDir(), "tssh-1000"), "e", now.Add(-2*Unused))
	release, err := c.Hold(now)
	if err != nil {
		t.Fatal(err)
	}
	release()
	if info, err := os.Stat(c.dir); err != nil || now.Sub(info.ModTime()) > time.Minute {
		t.Errorf("%v, %v", info.ModTime(), err)
	}
}

func TestOtherPlacesAreNoCache(t *testing.T) {
	hash := strings.Repeat("0", 64)
	for _, path := range []string{
		"/usr/bin/tsshd", "/home/a/.cache/tssh/tsshd", "/home/a/" + hash + "/tsshd",
		"/home/a/.cache/tssh/" + hash + "/tssh", "/home/a/.cache/tssh/" + hash[1:] + "g/tsshd",
	} {
		if _, ok := at(path); ok {
			t.Errorf("%s was taken for a copy", path)
		}
	}
}
