// Package absence says how long a session waits for a client that is away: as long as
// the client asks, and no longer than the administrator lets it.
package absence

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"tssh/proxy"
	"tssh/server/policy"
)

// File is the administrator's: only root can write it, other than the
// environment, in which sshd's SetEnv and PAM may set the same, and a user's
// own files too. So the shorter of the two holds. Like sshd_config it is advice to
// who has a shell and could run another program in our place.
func File() string {
	if runtime.GOOS == "windows" {
		return filepath.Join(os.Getenv("ProgramData"), "tssh", "tsshd.conf")
	}
	return "/etc/tssh/tsshd.conf"
}

// Allowed is how long a client may be silent that asks for a time, 0 for the
// default. A word that is not empty is for the user: it says that it is less than
// asked, or what can't be read.
func Allowed(asked time.Duration, file, env string) (allowed time.Duration, word string) {
	if allowed = asked; allowed <= 0 {
		allowed = proxy.DefaultAlive
	}
	var trouble []string
	cap := func(value, where string) {
		limit, ok := policy.ParseInterval(value)
		switch {
		case !ok || limit <= 0:
			trouble = append(trouble, fmt.Sprintf("%s: %q is no time", where, value))
		case limit < allowed:
			allowed = limit
			word = fmt.Sprintf("the session ends here when it is offline for %s, not for %s (%s)", limit, asked, where)
			if asked <= 0 {
				word = "" // nobody asked for more
			}
		}
	}
	if env != "" {
		cap(env, "TSSHD_MAX_ALIVE")
	}
	text, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		trouble = append(trouble, err.Error())
	}
	for line := range strings.Lines(string(text)) {
		line, _, _ := strings.Cut(line, "#")
		switch f := strings.Fields(strings.Replace(line, "=", " ", 1)); {
		case len(f) == 0:
		case len(f) == 2 && strings.EqualFold(f[0], "MaxAlive"):
			cap(f[1], file)
		default:
			trouble = append(trouble, fmt.Sprintf("%s: %q is not understood", file, strings.TrimSpace(line)))
		}
	}
	if word != "" {
		trouble = append(trouble, word)
	}
	return allowed, strings.Join(trouble, "; ")
}
