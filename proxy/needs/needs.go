// Package needs skips tests for which something is missing on this machine, and says
// so; where CI=true nothing may be, and they fail. Only tests import it.
package needs

import (
	"os"
	"os/exec"
	"testing"
)

// Programs asks for programs, by name or by path.
func Programs(t testing.TB, programs ...string) {
	t.Helper()
	for _, p := range programs {
		_, err := exec.LookPath(p)
		Nothing(t, err)
	}
}

// Nothing asks for no err, which tells what is missing.
func Nothing(t testing.TB, err error) {
	t.Helper()
	switch {
	case err == nil:
	case os.Getenv("CI") == "true":
		t.Fatal(err)
	default:
		t.Skipf("SKIPPED, not tested at all: %v", err)
	}
}
