package value

import (
	"strconv"
	"strings"
)

// Provider takes a path, or $NAME for what a variable holds.
func Provider(l *Line) ([]string, error) {
	arg, err := l.One()
	if err != nil {
		return nil, err
	}
	if name, ok := strings.CutPrefix(arg, "$"); ok && !ValidEnvName(name) {
		return nil, l.Errorf("Invalid environment name %s.", arg)
	}
	return []string{arg}, nil
}

// ValidEnvName reports whether a variable of the environment could be called s.
func ValidEnvName(s string) bool {
	if s == "" {
		return false
	}
	return strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_") == ""
}

// TunnelDevice takes local[:remote], each a number or any.
func TunnelDevice(l *Line) ([]string, error) {
	arg, err := l.One()
	if err != nil {
		return nil, err
	}
	local, remote, both := strings.Cut(arg, ":")
	if !both {
		remote = "any"
	}
	for _, s := range []string{local, remote} {
		if n, err := strconv.ParseUint(s, 10, 31); s != "any" && (err != nil || n > 0x7ffffffd) {
			return nil, l.Errorf("Bad tun device.")
		}
	}
	return []string{local + ":" + remote}, nil
}

// FirstWord takes the first argument and leaves the others out, as ssh does.
func FirstWord(l *Line) ([]string, error) {
	arg, err := l.One()
	l.Args = nil
	return []string{arg}, err
}
