package detach

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// TestMain also stands for tsshd, and says which environment it found.
func TestMain(m *testing.M) {
	if os.Getenv("DETACH_TEST_ENVIRON") != "" {
		os.Stdout.WriteString(strings.Join(LoginEnviron(), "\n"))
		return
	}
	os.Exit(m.Run())
}

func TestLoginEnvironIsTheOneOfTheLoginShell(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		line string
		want bool
	}{
		"a startup file exports":          {"export DETACH_TEST_ENVIRON=1 LEAK=1; sh -c '\"$0\"; :' " + self + "; :", true},
		"the shell is of another session": {"export DETACH_TEST_ENVIRON=1 SSH_CONNECTION=other; sh -c '\"$0\"; :' " + self + "; :", false},
	} {
		cmd := exec.Command("sh", "-c", c.line)
		cmd.Env = []string{"SSH_CONNECTION=192.0.2.1 1 192.0.2.2 22", "KEPT=1", "PATH=" + os.Getenv("PATH")}
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(string(out), "KEPT=1"); got != c.want || strings.Contains(string(out), "LEAK") {
			t.Errorf("%s: %q", name, out)
		}
	}
}
