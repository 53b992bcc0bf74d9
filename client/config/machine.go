package config

import (
	"runtime"
	"strings"

	"tssh/proxy/nss"
)

// Machine is what tokens, variables and ~ stand for: whose machine this is.
type Machine struct {
	User     string // login name of who runs us: %u
	UID      string // %i
	Home     string // %d
	Hostname string // with its domain where it has one: %l

	Getenv func(name string) (string, bool)
}

// Tilde replaces a leading ~ or ~user by a home directory, as ssh does.
func (m *Machine) Tilde(path string) (string, error) {
	rest, ok := strings.CutPrefix(path, "~")
	if !ok {
		return path, nil
	}
	if runtime.GOOS == "windows" && strings.HasPrefix(rest, `\`) { // as people write it there
		rest = "/" + rest[1:]
	}
	name, rest, _ := strings.Cut(rest, "/")
	home := m.Home
	if name != "" {
		u, err := nss.Lookup(name)
		if err != nil {
			return "", &Error{Lines: []string{"tilde_expand: No such user " + name}}
		}
		home = u.Home
	}
	return strings.TrimSuffix(home, "/") + "/" + strings.TrimLeft(rest, "/"), nil
}
