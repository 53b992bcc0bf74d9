package sftp

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/pkg/sftp"
)

// connect gives a client of a server with the arguments.
func connect(t *testing.T, args ...string) *sftp.Client {
	t.Helper()
	here, there := net.Pipe()
	done := make(chan error, 1)
	go func() {
		done <- Serve(there, args)
		there.Close()
	}()
	c, err := sftp.NewClientPipe(here, here)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Close()
		here.Close()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return c
}

func TestFilesComeAndGo(t *testing.T) {
	dir := t.TempDir()
	c := connect(t, "-d", dir, "-l", "INFO")
	data := bytes.Repeat([]byte("0123456789"), 100000)
	f, err := c.Create("file")
	if err != nil {
		t.Fatal(err)
	}
	f.Write(data)
	f.Close()
	if got, err := os.ReadFile(filepath.Join(dir, "file")); err != nil || !bytes.Equal(got, data) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	if err := c.PosixRename("file", "other"); err != nil {
		t.Error(err)
	}
}

func TestReadOnly(t *testing.T) {
	dir := t.TempDir()
	c := connect(t, "-R", "-d", dir)
	if _, err := c.Create(filepath.Join(dir, "file")); err == nil {
		t.Error("wrote")
	}
	if err := c.Mkdir(filepath.Join(dir, "dir")); err == nil {
		t.Error("made a directory")
	}
}

// TestRestrictionsNotKept: an administrator who lists requests gets what was asked for or nothing.
func TestRestrictionsNotKept(t *testing.T) {
	for _, args := range [][]string{{"-P", "write"}, {"-p", "read"}, {"-u", "9"}} {
		here, there := net.Pipe()
		here.Close()
		if err := Serve(there, args); err == nil {
			t.Errorf("%q is served", args)
		}
	}
}
