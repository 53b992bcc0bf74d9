package algorithm

import (
	"slices"
	"strings"

	"tssh/client/sshconfig/pattern"
)

// Valid reports whether a list of the user's names only algorithms that exist.
// A list behind a minus may name anything; wildcards stand for signatures only.
func Valid(k Kind, spec string) bool {
	if strings.HasPrefix(spec, "-") {
		return true
	}
	if strings.HasPrefix(spec, "+") || strings.HasPrefix(spec, "^") {
		spec = spec[1:]
	}
	return ValidNames(k, spec)
}

// ValidNames is Valid for a list without a mark before it.
func ValidNames(k Kind, list string) bool {
	if list == "" {
		return false
	}
	for _, name := range strings.Split(list, ",") {
		switch {
		case name == "" || slices.Contains(sets[k].known, name):
		case k >= Signature && strings.ContainsAny(name, "*?") && matchesAny(sets[k].known, name):
		default:
			return false
		}
	}
	return true
}

func matchesAny(names []string, p string) bool {
	return slices.ContainsFunc(names, func(n string) bool { return pattern.Match(n, p) })
}

// Assemble returns what a valid list of the user's comes to: "+" adds to the
// defaults, "-" takes from them, "^" moves to their head, and anything else
// replaces them. Some of it may be beyond this program; see Able.
func Assemble(k Kind, spec string) []string {
	defaults := slices.Clone(sets[k].defaults)
	if spec == "" {
		return defaults
	}
	rest := spec[1:]
	switch spec[0] {
	case '+':
		return unique(append(defaults, expand(k, rest)...))
	case '^':
		return unique(append(expand(k, rest), defaults...))
	case '-':
		return slices.DeleteFunc(defaults, func(n string) bool {
			return pattern.MatchList(n, rest) > 0
		})
	}
	return unique(expand(k, spec))
}

// expand replaces wildcards in a list by the names they stand for.
func expand(k Kind, list string) []string {
	all := sets[k].known
	var names []string
	for _, p := range strings.Split(list, ",") {
		for _, n := range all {
			if pattern.Match(n, p) {
				names = append(names, n)
			}
		}
	}
	return names
}

// unique drops what stood before, keeping the order.
func unique(names []string) []string {
	var once []string
	for _, n := range names {
		if !slices.Contains(once, n) {
			once = append(once, n)
		}
	}
	return once
}
