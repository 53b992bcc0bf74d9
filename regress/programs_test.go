//go:build linux

package regress

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestPrograms runs what people put on top of ssh, each as a script of
// programs/, in both modes, with tssh where ssh was: programs that ask no PATH
// have its name built in. A script that ends with 77 says what it lacks.
func TestPrograms(t *testing.T) {
	scripts, err := filepath.Glob("programs/*.sh")
	if err != nil || len(scripts) < 2 {
		t.Fatalf("no scripts: %v", err)
	}
	lib, err := filepath.Abs("programs/lib.sh")
	if err != nil {
		t.Fatal(err)
	}
	box := newSandbox(t)
	box.tsshd = box.client
	must := ""
	if everything() {
		must = "yes"
	}
	slots := make(chan struct{}, max(*jobs, 1))
	for _, mode := range []string{"tcp", "udp"} {
		for _, script := range scripts {
			name := strings.TrimSuffix(filepath.Base(script), ".sh")
			if name == "lib" {
				continue
			}
			script, _ := filepath.Abs(script)
			t.Run(mode+"/"+name, func(t *testing.T) {
				t.Parallel()
				slots <- struct{}{}
				defer func() { <-slots }()
				box.program(t, script, "lib="+lib, "mode="+mode, "stock="+box.stock, "must="+must)
			})
		}
	}
}

func (s *sandbox) program(t *testing.T, script string, env ...string) {
	t.Helper()
	dir := s.fresh()
	if err := os.MkdirAll(filepath.Join(dir, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := os.Symlink(s.client, filepath.Join(dir, "bin", "ssh")); err != nil {
		t.Fatal(err)
	}
	out, err := s.run(t.Context(), dir, s.client, env, 3*time.Minute, "sh", script)
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == 77 {
		t.Skip(lastLine(out))
	}
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
