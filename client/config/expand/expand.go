// Package expand replaces the tokens and variables of ssh_config(5) in a value.
package expand

import (
	"errors"
	"fmt"
	"strings"
)

// Unset is the name of a variable that is not there.
type Unset string

func (e Unset) Error() string {
	return "vdollar_percent_expand: env var ${" + string(e) + "} has no value"
}

// Percent replaces %x by what x stands for and %% by %.
func Percent(s string, tokens map[byte]string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			b.WriteByte(s[i])
			continue
		}
		i++
		if i == len(s) {
			return "", errors.New("vdollar_percent_expand: invalid format")
		}
		value, ok := tokens[s[i]]
		switch {
		case s[i] == '%':
			b.WriteByte('%')
		case !ok:
			return "", fmt.Errorf("vdollar_percent_expand: unknown key %%%c", s[i])
		default:
			b.WriteString(value)
		}
	}
	return b.String(), nil
}

// Env replaces ${NAME}, which must be set, or %x if tokens are given; what
// a variable holds is not expanded again.
func Env(s string, getenv func(string) (string, bool), tokens map[byte]string) (string, error) {
	var b strings.Builder
	for s != "" {
		i := strings.Index(s, "${")
		before, name := s, ""
		if i >= 0 {
			before, s = s[:i], s[i+2:]
			end := strings.IndexByte(s, '}')
			if end < 0 {
				return "", fmt.Errorf("vdollar_percent_expand: environment variable '%s' missing closing '}'", s)
			}
			if name, s = s[:end], s[end+1:]; name == "" {
				return "", errors.New("vdollar_percent_expand: zero-length environment variable")
			}
		} else {
			s = ""
		}
		if tokens != nil {
			var err error
			if before, err = Percent(before, tokens); err != nil {
				return "", err
			}
		}
		b.WriteString(before)
		if name == "" {
			continue
		}
		value, ok := getenv(name)
		if !ok {
			return "", Unset(name)
		}
		b.WriteString(value)
	}
	return b.String(), nil
}
