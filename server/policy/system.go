package policy

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// SystemFile is where sshd looks for its configuration when it isn't told: a
// matter of how it was built, so the places of the systems are tried in turn.
func SystemFile() string {
	if runtime.GOOS == "windows" {
		return filepath.Join(os.Getenv("ProgramData"), "ssh", "sshd_config")
	}
	const usual = "/etc/ssh/sshd_config"
	for _, name := range []string{
		usual,
		"/usr/etc/ssh/sshd_config",       // SUSE's, where the administrator has none
		"/usr/local/etc/ssh/sshd_config", // FreeBSD's port
		"/usr/local/etc/sshd_config",     // of who built it
		"/opt/homebrew/etc/ssh/sshd_config",
		"/usr/pkg/etc/ssh/sshd_config",
		"/etc/openssh/sshd_config", // ALT Linux
	} {
		if _, err := os.Stat(name); err == nil {
			return name
		}
	}
	return usual
}

// includeDir is where sshd looks for the relative names of Include, wherever
// the file is in which they stand.
func includeDir() string {
	if file := SystemFile(); !strings.HasPrefix(file, "/usr/etc/") {
		return filepath.Dir(file)
	}
	return "/etc/ssh"
}

// globFiles are the files of a pattern as the C library finds them, sorted: a
// dot at the beginning of a name must stand in the pattern too, or an editor's
// leftovers would be read.
func globFiles(pattern string) ([]string, error) {
	names, err := filepath.Glob(strings.ReplaceAll(pattern, "[!", "[^"))
	wanted := strings.Split(pattern, string(filepath.Separator))
	kept := names[:0]
	for _, name := range names {
		parts := strings.Split(name, string(filepath.Separator))
		hidden := false
		for i, part := range parts {
			hidden = hidden || strings.HasPrefix(part, ".") && (i >= len(wanted) || !strings.HasPrefix(wanted[i], "."))
		}
		if !hidden {
			kept = append(kept, name)
		}
	}
	return kept, err
}
