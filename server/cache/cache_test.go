package cache

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"os"
	"os/exec"
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
	for _, f := range append(files, program) {
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
	c, ok := at(filepath.Join(dir, program))
	if !ok {
		t.Fatalf("%s is no copy", dir)
	}
	return c
}

// temp is a directory for a test. Wine can't remove one as testing does.
func temp(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "cache")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func there(c Copy) bool {
	_, err := os.Stat(filepath.Join(c.dir, program))
	return err == nil
}

// TestMain is also the program in a copy, which runs until its input ends.
func TestMain(m *testing.M) {
	c, ok := Own()
	if !ok {
		os.Exit(m.Run())
	}
	if _, err := c.Hold(time.Now()); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("holds")
	io.Copy(io.Discard, os.Stdin)
}

// run puts a program into a copy and runs it until end.
func run(t *testing.T, c Copy) (end func()) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(c.dir, program), text, 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(filepath.Join(c.dir, program))
	in, err1 := cmd.StdinPipe()
	out, err2 := cmd.StdoutPipe()
	if err := cmp.Or(err1, err2, cmd.Start()); err != nil {
		t.Fatal(err)
	}
	end = func() {
		in.Close()
		cmd.Wait()
	}
	t.Cleanup(end)
	if line, err := bufio.NewReader(out).ReadString('\n'); strings.TrimSpace(line) != "holds" {
		t.Fatalf("%q, %v", line, err)
	}
	return end
}

func TestSweepLeavesWhatRunsAndWhatIsUsed(t *testing.T) {
	top := filepath.Join(temp(t), "tssh")
	now := time.Now()
	long := now.Add(-Unused - time.Hour)
	own := add(t, top, "a", long, program+".123")
	old := add(t, top, "b", long, program+".124")
	runs := add(t, top, "c", long)
	recent := add(t, top, "d", now.Add(-time.Hour), program+".part")
	foreign := filepath.Join(top, "notes")
	if err := os.WriteFile(foreign, nil, 0o600); err != nil {
		t.Fatal(err)
	}

	end := run(t, runs)
	if err := os.Chtimes(runs.dir, long, long); err != nil {
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
	if left, _ := filepath.Glob(filepath.Join(top, "*/"+program+".*")); len(left) != 1 || filepath.Dir(left[0]) != recent.dir {
		t.Errorf("broken uploads: %q", left)
	}
	end()
	if err := own.Sweep(now); err != nil || there(runs) {
		t.Errorf("after it ended: there %v, %v", there(runs), err)
	}
}

func TestHoldMarksTheUse(t *testing.T) {
	now := time.Now()
	c := add(t, filepath.Join(temp(t), "tssh-1000"), "e", now.Add(-2*Unused))
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
		"/usr/bin/tsshd", "/home/a/.cache/tssh/tsshd", "/home/a/" + hash + "/tsshd", "/home/a/.cache/tssh/" + hash[1:] + "g/tsshd",
	} {
		path = filepath.FromSlash(strings.TrimSuffix(path, "tsshd") + program)
		if _, ok := at(path); ok {
			t.Errorf("%s was taken for a copy", path)
		}
	}
	if path := filepath.Join("/home/a/.cache/tssh", hash, "tssh"); isCopy(path) || !isCopy(path+strings.TrimPrefix(program, "tssh")) {
		t.Errorf("%s", path)
	}
}

func isCopy(path string) bool {
	_, ok := at(path)
	return ok
}
