// Package pattern matches names as ssh_config(5) has it under PATTERNS.
package pattern

import "strings"

// Match reports whether all of s matches p, in which "*" stands for any number
// of bytes and "?" for one.
func Match(s, p string) bool {
	star, from := -1, 0 // the last "*" of p, and where in s it ends for now
	i, j := 0, 0
	for i < len(s) {
		switch {
		case j < len(p) && p[j] == '*':
			star, from = j, i
			j++
		case j < len(p) && (p[j] == '?' || p[j] == s[i]):
			i++
			j++
		case star >= 0:
			// Let the last star swallow one byte more. Earlier stars need not
			// be tried again: what follows them matched already.
			from++
			i, j = from, star+1
		default:
			return false
		}
	}
	return strings.Trim(p[j:], "*") == ""
}

// MatchList matches s against a comma-separated list of patterns: 1 when one
// matches, -1 when a pattern behind "!" does, whatever else the list says, and
// 0 when none does.
func MatchList(s, list string) int {
	found := 0
	for _, p := range strings.Split(list, ",") {
		p, negated := strings.CutPrefix(p, "!")
		switch {
		case p == "" || !Match(s, p):
		case negated:
			return -1
		default:
			found = 1
		}
	}
	return found
}

// MatchFold is MatchList without regard to case, for names in the DNS.
func MatchFold(s, list string) int {
	return MatchList(strings.ToLower(s), strings.ToLower(list))
}
