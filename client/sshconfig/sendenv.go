package sshconfig

import (
	"slices"
	"strings"

	"tssh/client/sshconfig/pattern"
	"tssh/client/sshconfig/value"
)

// sendEnv collects patterns; one behind "-" takes out those it matches.
func sendEnv(e *evaluator, l *value.Line) ([]string, error) {
	names := slices.Clone(e.values[l.Key])
	for _, arg := range l.Args {
		if arg == "" || strings.Contains(arg, "=") {
			return nil, l.Errorf("Invalid environment name.")
		}
		if gone, ok := strings.CutPrefix(arg, "-"); ok {
			names = slices.DeleteFunc(names, func(n string) bool { return pattern.Match(n, gone) })
		} else {
			names = append(names, arg)
		}
	}
	l.Args = nil
	if l.Active {
		e.values[l.Key] = names
	}
	return nil, nil
}
