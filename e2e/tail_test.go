//go:build linux

package e2e_test

import (
	"crypto/sha256"
	"flag"
	"hash"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"
)

var (
	tails    = flag.Int("tails", 3, "how often TestTail runs each command")
	tailSize = flag.Int64("tail-size", 4, "how many MiB the command prints")
)

// TestTail: what a command printed last, right before it ended, is not lost,
// nor is how it ended, on a path that is good or bad.
func TestTail(t *testing.T) {
	t.Parallel()
	for _, path := range []struct{ name, fault string }{
		{"clean", ""},
		{"lossy", "numgen random mod 100 < 1 drop"}, // each way
	} {
		for _, m := range transports() {
			t.Run(path.name+"/"+m.name, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				w.fault(path.fault)
				want := sha256.New()
				f, err := os.Create(filepath.Join(w.home(), "file"))
				if err == nil {
					_, err = io.Copy(io.MultiWriter(f, want), &stream{left: *tailSize << 20, state: 19})
					f.Close()
				}
				if err != nil {
					t.Fatal(err)
				}
				for i := range *tails {
					w.tail(i, append(m.args, placed(), "server", "cat file; echo the end >&2; exit 7"), want)
				}
			})
		}
	}
}

// tail runs a command once and compares all that comes of it.
func (w *world) tail(run int, args []string, want hash.Hash) {
	w.t.Helper()
	var n counter
	got := sha256.New()
	cmd := w.tssh(args...)
	cmd.Stdout = io.MultiWriter(got, &n)
	begin := time.Now()
	r := w.do(cmd)
	w.t.Logf("run %d: %d bytes in %v", run, n.n.Load(), time.Since(begin).Round(time.Millisecond))
	if r.status != 7 || r.err != "the end\n" || n.n.Load() != *tailSize<<20 || string(got.Sum(nil)) != string(want.Sum(nil)) {
		w.t.Errorf("run %d: %d bytes of %d MiB, SHA-256 %x instead of %x, status %d, stderr %q",
			run, n.n.Load(), *tailSize, got.Sum(nil), want.Sum(nil), r.status, r.err)
	}
}
