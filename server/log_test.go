package server

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A line of the log is one of ours, whatever the client calls a thing.
func TestClientWritesNoLinesOfTheLog(t *testing.T) {
	name := filepath.Join(t.TempDir(), "log")
	logf, err := logTo(name)
	if err != nil {
		t.Fatal(err)
	}
	logf("forward: %s: %v", "a\nthe client has come\x1b[2J", errors.New("listen unix b\r\nc: no"))
	said, err := os.ReadFile(name)
	if err != nil || strings.Count(string(said), "\n") != 1 || strings.ContainsAny(string(said), "\x1b\r") {
		t.Errorf("%q, %v", said, err)
	}
}
