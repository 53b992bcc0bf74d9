//go:build linux

package e2e_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tssh/proxy/terms"
)

// TestSecretsStayInMemory looks for the session's secret wherever others, or a
// backup, could see it.
func TestSecretsStayInMemory(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	// A tsshd that writes its greeting where we can read it.
	caught := filepath.Join(w.home(), "greeting")
	real := filepath.Join(built, "bin/tsshd")
	spy := w.script("spy", "[ \"$1\" = --offer ] || exec "+real+" \"$@\"\n"+
		real+" \"$@\" --log "+w.home()+"/log >"+caught+"; s=$?; cat "+caught+"; exit $s")
	cmd := w.tssh("--udp", "-vvv", "-E", filepath.Join(w.dir, "log"), "-oTsshdPath="+spy, "server", "echo ready; exec cat")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	w.start(cmd)
	if got := readFull(t, out, make([]byte, 6)); got != "ready\n" {
		t.Fatalf("got %q", got)
	}
	line, err := os.ReadFile(caught)
	if err != nil {
		t.Fatal(err)
	}
	g, found, err := terms.FindGreeting(line)
	if !found || err != nil {
		t.Fatalf("%q: %v", line, err)
	}
	secrets := [][]byte{g.Secret[:], line[len(line)/2-20 : len(line)/2+20], []byte(hex.EncodeToString(g.Secret[:])),
		[]byte(base64.RawStdEncoding.EncodeToString(g.Secret[:])), []byte(base64.RawURLEncoding.EncodeToString(g.Secret[:]))}
	if places := w.search(secrets); len(places) != 1 || places[0] != caught {
		t.Fatalf("found in %q: only %s should hold it, or the search does not work", places, caught)
	}
	if err := os.Remove(caught); err != nil {
		t.Fatal(err)
	}
	for _, place := range w.search(secrets) {
		t.Errorf("the secret is in %s", place)
	}
	stdin.Close()
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

// search returns the files and the visible parts of processes that hold one of
// the secrets.
func (w *world) search(secrets [][]byte) (places []string) {
	look := func(path string) {
		text, err := os.ReadFile(path)
		if err != nil {
			return
		}
		for _, s := range secrets {
			if bytes.Contains(text, s) {
				places = append(places, path)
				return
			}
		}
	}
	for _, ns := range []string{w.client, w.server} {
		for _, pid := range w.processes(ns) {
			for _, part := range []string{"cmdline", "environ"} {
				look(fmt.Sprintf("/proc/%d/%s", pid, part))
			}
		}
	}
	roots := []string{w.dir}
	for _, pid := range w.tsshds() {
		roots = append(roots, fmt.Sprintf("/proc/%d/root/run", pid))
	}
	for _, root := range roots {
		filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
			if err == nil && e.Type().IsRegular() && !strings.HasSuffix(path, "/big") {
				look(path)
			}
			return nil
		})
	}
	return places
}
