package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// Scripts for what the system's ssh may be too old for. Each has, under "said",
// what a newer one answered: what its -G prints beside the defaults, which are
// another matter, or its complaint. RECORD names an ssh, whose answers are then
// written down.
func TestConfigurationsReadAsNewerSSHReadsThem(t *testing.T) {
	t.Setenv("LETTER", "q")
	record := os.Getenv("RECORD")
	scripts, _ := filepath.Glob("testdata/recent/*.txtar")
	if len(scripts) < 8 {
		t.Fatalf("%d configurations, want 8 at least", len(scripts))
	}
	for _, name := range scripts {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			dir := unpack(t, a)
			run := ours
			if record != "" {
				run = func(args []string) said { return theirs(t, record, args) }
			}
			var got strings.Builder
			want := ""
			at := -1
			for i, f := range a.Files {
				switch f.Name {
				case "runs":
					for line := range strings.Lines(string(f.Data)) {
						fmt.Fprintf(&got, "$ %s%s", line, answer(t, run, dir, argv(t, strings.TrimSpace(line), dir)))
					}
				case "said":
					want, at = string(f.Data), i
				}
			}
			if record != "" {
				a.Files[at].Data = []byte(got.String()) // made by hand, empty
				if err := os.WriteFile(name, txtar.Format(a), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if got.String() != want {
				t.Errorf("ours:\n%s\nssh's:\n%s", got.String(), want)
			}
		})
	}
}

// answer is what -G says to a configuration and not without one.
func answer(t *testing.T, run func([]string) said, dir string, args []string) string {
	t.Helper()
	s := run(append([]string{"-G", "-F", filepath.Join(dir, "config")}, args...))
	usual := slices.Collect(strings.Lines(run(append([]string{"-G", "-F", "none"}, args...)).out))
	var b strings.Builder
	for line := range strings.Lines(relevant(s.err)) {
		b.WriteString("! " + line)
	}
	for line := range strings.Lines(s.out) {
		if !slices.Contains(usual, line) {
			b.WriteString(line)
		}
	}
	if s.status != 0 {
		fmt.Fprintf(&b, "exit %d\n", s.status)
	}
	return strings.ReplaceAll(b.String(), dir, "DIR")
}
