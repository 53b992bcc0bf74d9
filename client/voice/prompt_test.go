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

// TestAskpassThatCannotRunIsNamed, as else only a denial is seen, of a password
// that nobody was asked for.
func TestAskpassThatCannotRunIsNamed(t *testing.T) {
	closed := filepath.Join(t.TempDir(), "closed")
	if err := os.WriteFile(closed, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SSH_ASKPASS_REQUIRE", "force")
	for program, why := range map[string]string{"/nonexistent/ask": "No such file or directory", closed: "Permission denied"} {
		t.Setenv("SSH_ASKPASS", program)
		file, err := os.CreateTemp(t.TempDir(), "")
		if err != nil {
			t.Fatal(err)
		}
		before := os.Stderr
		os.Stderr = file
		answer, err := Ask("Password: ", Secret)
		os.Stderr = before
		file.Close()
		if answer != "" || err == nil {
			t.Errorf("answered %q, %v", answer, err)
		}
		if said, _ := os.ReadFile(file.Name()); string(said) != "ssh_askpass: exec("+program+"): "+why+"\r\n" {
			t.Errorf("said %q", said)
		}
	}
}
