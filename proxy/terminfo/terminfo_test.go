package terminfo

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// compiled is the smallest entry there is: names and nothing else.
func compiled(names string) []byte {
	b := []byte{0x1a, 1, byte(len(names) + 1), 0, 0, 0, 0, 0, 0, 0, 0, 0}
	return append(append(b, names...), 0)
}

func none(string) string { return "" }

func place(t *testing.T, dir, file string, data []byte) {
	t.Helper()
	file = filepath.Join(dir, file)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestRare(t *testing.T) {
	for name, rare := range map[string]bool{
		"xterm-kitty": true, "xterm-ghostty": true, "wezterm": true, "alacritty": true, "tmux-256color": true, "st-256color": true,
		"xterm-256color": false, "linux": false, "dumb": false, "": false,
		"../passwd": false, "a/b": false, ".x": false, "-x": false, "x y": false, "x\n": false, "kitty'": false,
		strings.Repeat("x", 65): false,
	} {
		if Rare(name) != rare {
			t.Errorf("Rare(%q) is %v", name, !rare)
		}
	}
}

func TestFindLooksWherePrograms(t *testing.T) {
	home, app := t.TempDir(), t.TempDir()
	data := compiled("x-test|a terminal")
	if e, ok := Find("x-test", none, home); ok {
		t.Fatalf("found %v where there is none", e)
	}
	place(t, home, ".terminfo/78/x-test", data)
	if e, ok := Find("x-test", none, home); !ok || !bytes.Equal(e.Data, data) {
		t.Fatalf("not found below the letter's number: %v %v", e, ok)
	}
	own := compiled("x-test|x-alias|the terminal's own")
	place(t, app, "x/x-test", own)
	for _, name := range []string{"TERMINFO", "TERMINFO_DIRS"} {
		getenv := func(n string) string {
			if n == name {
				return app
			}
			return ""
		}
		other := t.TempDir()
		if name == "TERMINFO" {
			other = home // it comes first
		}
		if e, ok := Find("x-test", getenv, other); !ok || !bytes.Equal(e.Data, own) {
			t.Errorf("%s: %q %v", name, e.Data, ok)
		}
	}
}

func TestKeepNeverReplaces(t *testing.T) {
	home := t.TempDir()
	e := Entry{"x-test", compiled("x-test")}
	file := filepath.Join(home, ".terminfo", "x", "x-test")
	if runtime.GOOS == "darwin" {
		file = filepath.Join(home, ".terminfo", "78", "x-test")
	}
	if kept, err := e.Keep(none, home); !kept || err != nil {
		t.Fatalf("kept %v, %v", kept, err)
	}
	if got, err := os.ReadFile(file); err != nil || !bytes.Equal(got, e.Data) {
		t.Fatalf("%q, %v", got, err)
	}
	other := Entry{"x-test", compiled("x-test|another")}
	if kept, err := other.Keep(none, home); kept || err != nil {
		t.Fatalf("kept %v, %v where there is one", kept, err)
	}
	if got, _ := os.ReadFile(file); !bytes.Equal(got, e.Data) {
		t.Error("it was replaced")
	}
	left, err := filepath.Glob(filepath.Join(home, ".terminfo", ".tssh-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

func TestKeepLeavesWhatTheSystemHas(t *testing.T) {
	home, system := t.TempDir(), t.TempDir()
	place(t, system, "x/x-test", compiled("x-test"))
	getenv := func(n string) string {
		if n == "TERMINFO_DIRS" {
			return ":" + system
		}
		return ""
	}
	if kept, err := (Entry{"x-test", compiled("x-test")}).Keep(getenv, home); kept || err != nil {
		t.Errorf("kept %v, %v", kept, err)
	}
	if _, err := os.Stat(filepath.Join(home, ".terminfo")); err == nil {
		t.Error("a directory was made for nothing")
	}
}

// A home that can't be written to, or is none, is an error and no harm.
func TestKeepWithoutHome(t *testing.T) {
	e := Entry{"x-test", compiled("x-test")}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, home := range []string{"", "relative", file} {
		if kept, err := e.Keep(none, home); kept || err == nil {
			t.Errorf("%q: kept %v, %v", home, kept, err)
		}
	}
}

// What a client sends is judged before a byte of it is kept.
func TestStrangeEntries(t *testing.T) {
	good := compiled("x-test")
	for what, e := range map[string]Entry{
		"empty":                {"x-test", nil},
		"of another terminal":  {"x-test", compiled("xterm|x-tester")},
		"a name with a way up": {"../x", compiled("../x")},
		"a text":               {"x-test", []byte("#!/bin/sh\necho x-test | x-test\n")},
		"cut":                  {"x-test", good[:14]},
		"a header only":        {"x-test", good[:12]},
		"names past the end":   {"x-test", append([]byte{0x1a, 1, 0xff, 0xff}, good[4:]...)},
		"too large":            {"x-test", append(good[:len(good):len(good)], make([]byte, Max)...)},
	} {
		home := t.TempDir()
		if kept, err := e.Keep(none, home); kept || err == nil {
			t.Errorf("%s: kept %v, %v", what, kept, err)
		}
		if left, _ := os.ReadDir(home); len(left) > 0 {
			t.Errorf("%s: left %v", what, left)
		}
	}
}

func FuzzCheck(f *testing.F) {
	f.Add("x-test", compiled("x-test|a terminal"))
	f.Add("x", []byte{0x1e, 2, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		e := Entry{name, data}
		if e.Check() == nil && !bytes.Contains(data, []byte(name)) {
			t.Errorf("%q was taken for the entry of %q", data, name)
		}
	})
}
