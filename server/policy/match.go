package policy

import (
	"net/netip"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// Login is who logged in and from where: what Match lines ask for.
type Login struct {
	User      string
	Groups    func() []string // asked only when a Match line wants to know
	Addr      netip.Addr
	Name      func() string // of the client's host, where sshd looks for it (UseDNS); nil or "": the address
	LocalAddr netip.Addr
	LocalPort int

	// For the names of files of keys.
	Home string
	UID  int
}

// match says whether s is matched by a pattern with * and ?.
func match(pattern, s string) bool {
	star, mark := -1, 0
	i, j := 0, 0
	for j < len(s) {
		switch {
		case i < len(pattern) && pattern[i] == '*':
			star, mark = i, j
			i++
		case i < len(pattern) && (pattern[i] == '?' || pattern[i] == s[j]):
			i++
			j++
		case star >= 0: // let the last star have one more
			mark++
			i, j = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[i:], "*") == ""
}

// verdict is what a list of patterns says of a string.
type verdict int

const (
	none verdict = iota
	positive
	negated
)

// matchList judges by a comma list in which a negated pattern decides at once.
func matchList(list, s string, matches func(pattern, s string) bool) verdict {
	v := none
	for pattern := range strings.SplitSeq(list, ",") {
		pattern, negative := strings.CutPrefix(pattern, "!")
		if !matches(pattern, s) {
			continue
		}
		if negative {
			return negated
		}
		v = positive
	}
	return v
}

func isAll(args []string) bool { return len(args) == 1 && strings.EqualFold(args[0], "all") }

// matchLine judges the arguments of a Match line; ok is false when
// they can't be understood.
func (l Login) matchLine(args []string) (applies, ok bool) {
	if isAll(args) {
		return true, true
	}
	applies, ok = true, len(args) > 0
	for len(args) > 0 {
		criterion, list, _ := strings.Cut(args[0], "=")
		args = args[1:]
		// A "=" may stand between the two, with spaces or without.
		for list == "" && len(args) > 0 {
			list, args = strings.TrimPrefix(args[0], "="), args[1:]
		}
		if list == "" {
			return false, false
		}
		meets, known := l.meets(strings.ToLower(criterion), list)
		if !known {
			return false, false
		}
		applies = applies && meets
	}
	return applies && ok, ok
}

// meets judges one criterion.
func (l Login) meets(criterion, list string) (meets, known bool) {
	switch criterion {
	case "user":
		return matchList(list, l.User, match) == positive, true
	case "group":
		return l.inGroup(list), true
	case "host": // sshd has a name here only with UseDNS; else the address
		return matchList(strings.ToLower(list), l.host(), match) == positive, true
	case "address":
		return matchAddr(list, l.Addr), true
	case "localaddress":
		return matchAddr(list, l.LocalAddr), true
	case "localport":
		return list == strconv.Itoa(l.LocalPort), true
	case "rdomain", "invalid-user":
		return false, true
	}
	return false, false
}

func (l Login) host() string {
	if l.Name != nil {
		if name := l.Name(); name != "" {
			return strings.ToLower(name)
		}
	}
	return l.Addr.Unmap().String()
}

func (l Login) inGroup(list string) bool {
	if l.Groups == nil {
		return false
	}
	groups := l.Groups()
	if runtime.GOOS == "windows" { // names are in small letters there, and may be written in others, or with the slash of Unix
		list = strings.ReplaceAll(strings.ToLower(list), "/", `\`)
	}
	verdicts := make([]verdict, len(groups))
	for i, g := range groups {
		if verdicts[i] = matchList(list, g, match); verdicts[i] == negated {
			return false
		}
	}
	return slices.Contains(verdicts, positive)
}

// matchAddr judges by a list of CIDR prefixes and of patterns.
func matchAddr(list string, addr netip.Addr) bool {
	addr = addr.Unmap()
	return matchList(list, addr.String(), func(pattern, s string) bool {
		if prefix, err := netip.ParsePrefix(pattern); err == nil {
			return prefix.Contains(addr)
		}
		if a, err := netip.ParseAddr(pattern); err == nil {
			return a.Unmap() == addr
		}
		return match(strings.ToLower(pattern), s)
	}) == positive
}
