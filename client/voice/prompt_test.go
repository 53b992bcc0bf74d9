//go:build unix

package voice

import (
	"os"
	"path/filepath"
	"testing"
)

// TestQuestionsAreCleaned for the window of SSH_ASKPASS too.
func TestQuestionsAreCleaned(t *testing.T) {
	program := filepath.Join(t.TempDir(), "ask")
	if err := os.WriteFile(program, []byte("#!/bin/sh\nprintf '%s\\n' \"$1\"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SSH_ASKPASS", program)
	t.Setenv("SSH_ASKPASS_REQUIRE", "force")
	got, err := Ask("Add key \x1b[8mhidden\x1b]0;x\a? ", Confirm)
	if want := `Add key \033[8mhidden\033]0;x\007? `; err != nil || got != want {
		t.Errorf("asked %q, %v", got, err)
	}
}
