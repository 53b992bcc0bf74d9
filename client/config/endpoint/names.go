package endpoint

import "strings"

// ValidHost reports whether a host of the command line may be used: it could be
// put into a command for a shell, so nothing of a shell's syntax is let through.
func ValidHost(s string) bool {
	if strings.HasPrefix(s, "-") {
		return false
	}
	for i := 0; i < len(s); i++ {
		if s[i] <= ' ' || s[i] == 0x7f || strings.IndexByte("'`\"$\\;&<>|(){},", s[i]) >= 0 {
			return false
		}
	}
	return true
}

// ValidTyped reports whether a login name of the command line may be used.
// Beyond ValidUser it has nothing that shells expand within quotes. A backslash
// is let through, for names of domains ("DOMAIN\name"): before what may follow it here a
// shell takes it for itself within double quotes, and drops it without.
func ValidTyped(s string) bool { return ValidUser(s) && !strings.Contains(s, "$") }

// ValidUser reports whether a login name may be used; see ValidHost.
func ValidUser(s string) bool {
	if strings.HasPrefix(s, "-") || strings.HasSuffix(s, "\\") {
		return false
	}
	space := false
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c < ' ' || c == 0x7f || strings.IndexByte("'`\";&<>|(){}", c) >= 0 {
			return false
		}
		if space && c == '-' { // would be an option of a command
			return false
		}
		space = c == ' '
	}
	return true
}

// DomainFault says in ssh's words why s is no domain name; "" when it is one.
func DomainFault(s string) string {
	quoted := "domain name \"" + s + "\" "
	if s == "" {
		return "empty domain name"
	}
	if c := s[0] | 0x20; (c < 'a' || c > 'z') && (s[0] < '0' || s[0] > '9') && s[0] != '_' {
		return quoted + "starts with invalid character"
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		letter := c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9'
		if !letter && c != '.' && c != '-' && c != '_' {
			return quoted + "contains invalid characters"
		}
		if c == '.' && i > 0 && s[i-1] == '.' {
			return quoted + "contains consecutive separators"
		}
	}
	return ""
}
