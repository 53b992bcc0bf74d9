package detach

import (
	"os"
	"path/filepath"
	"testing"
)

func TestWhoIsKilledAtLogout(t *testing.T) {
	dir := t.TempDir()
	drop := filepath.Join(dir, "logind.conf.d")
	os.Mkdir(drop, 0o700)
	main := filepath.Join(dir, "logind.conf")
	for _, test := range []struct {
		main, drop string
		user       string
		want       bool
	}{
		{"[Login]\n#KillUserProcesses=yes\n", "", "bob", false},
		{"[Login]\nKillUserProcesses=yes\n", "", "bob", true},
		{"[Login]\nKillUserProcesses=yes\n", "", "root", false},
		{"[Login]\nKillUserProcesses=yes\nKillExcludeUsers=\n", "", "root", true},
		{"[Login]\nKillUserProcesses=yes\nKillOnlyUsers=alice\n", "", "bob", false},
		{"[Login]\nKillUserProcesses=no\n", "[Login]\nKillUserProcesses = on\n", "bob", true},
	} {
		os.WriteFile(main, []byte(test.main), 0o600)
		os.WriteFile(filepath.Join(drop, "x.conf"), []byte(test.drop), 0o600)
		if got := killsUser(logindSettings(main, drop), test.user); got != test.want {
			t.Errorf("%q and %q: %s killed: %v", test.main, test.drop, test.user, got)
		}
	}
}

func TestInSession(t *testing.T) {
	for cgroup, want := range map[string]bool{
		"0::/user.slice/user-1000.slice/session-3.scope\n":                         true,
		"1:name=systemd:/user.slice/user-1000.slice/session-c1.scope\n0::/\n":      true,
		"0::/user.slice/user-1000.slice/user@1000.service/app.slice/run-1.scope\n": false,
		"0::/system.slice/ssh.service\n":                                           false,
		"":                                                                         false,
	} {
		if got := inSession(cgroup); got != want {
			t.Errorf("%q: %v", cgroup, got)
		}
	}
}
