package detach

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"tssh/proxy/nss"
)

// Endangered says whether systemd will kill us when the user logs out: because
// we are in the login's scope, or because the user's manager, in whose care we
// are, ends with the last login.
func Endangered() bool {
	cgroup, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return false
	}
	u, err := nss.Current()
	if err != nil {
		return false
	}
	switch {
	case inSession(string(cgroup)):
		return loginKills(u.Name)
	case strings.Contains(string(cgroup), "/user@"):
		_, err := os.Stat(filepath.Join("/var/lib/systemd/linger", u.Name))
		return err != nil
	}
	return false
}

// Scope gives the command line before ours that starts us out of the login's
// scope; nil when there is none.
func Scope() []string {
	run, err := exec.LookPath("systemd-run")
	if err != nil || os.Getenv("XDG_RUNTIME_DIR") == "" {
		return nil
	}
	return []string{run, "--user", "--scope", "--quiet", "--collect", "--"}
}

// inSession says whether a cgroup is that of a login.
func inSession(cgroup string) bool {
	return slices.ContainsFunc(strings.FieldsFunc(cgroup, func(r rune) bool { return r == '/' || r == '\n' }), func(part string) bool {
		return strings.HasPrefix(part, "session-") && strings.HasSuffix(part, ".scope")
	})
}

// loginKills says whether logind kills the processes of a user who logs out.
func loginKills(name string) bool {
	return killsUser(logindSettings(
		"/usr/lib/systemd/logind.conf", "/usr/lib/systemd/logind.conf.d", "/usr/local/lib/systemd/logind.conf.d",
		"/run/systemd/logind.conf.d", "/etc/systemd/logind.conf", "/etc/systemd/logind.conf.d"), name)
}

func killsUser(settings map[string]string, name string) bool {
	if on := strings.ToLower(settings["KillUserProcesses"]); on != "yes" && on != "true" && on != "1" && on != "on" {
		return false
	}
	exclude, ok := settings["KillExcludeUsers"]
	if !ok {
		exclude = "root"
	}
	if slices.Contains(strings.Fields(exclude), name) {
		return false
	}
	only := strings.Fields(settings["KillOnlyUsers"])
	return len(only) == 0 || slices.Contains(only, name)
}

// logindSettings reads files and directories of them, the later ones overruling.
func logindSettings(places ...string) map[string]string {
	settings := make(map[string]string)
	for _, place := range places {
		names := []string{place}
		if strings.HasSuffix(place, ".d") {
			names, _ = filepath.Glob(filepath.Join(place, "*.conf"))
		}
		for _, name := range names {
			readSettings(name, settings)
		}
	}
	return settings
}

func readSettings(name string, settings map[string]string) {
	f, err := os.Open(name)
	if err != nil {
		return
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		line := strings.TrimSpace(lines.Text())
		if key, value, ok := strings.Cut(line, "="); ok && !strings.HasPrefix(line, "#") && !strings.HasPrefix(line, ";") {
			settings[strings.TrimSpace(key)] = strings.TrimSpace(value)
		}
	}
}
