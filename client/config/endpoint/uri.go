package endpoint

import (
	"net/netip"
	"strconv"
	"strings"
)

// ParseURI reads ssh://[user[;parameters]@]host[:port][/]. There is no path.
// Port is 0 when the URI names none; uri is false for what is no such URI at
// all, and ok for what is a wrong one.
func ParseURI(s string) (user, host string, port int, uri, ok bool) {
	s, uri = strings.CutPrefix(s, "ssh://")
	if !uri {
		return "", "", 0, false, false
	}
	if name, rest, found := strings.Cut(s, "@"); found {
		name, _, _ = strings.Cut(name, ";")
		if user, ok = unescape(name); !ok || user == "" {
			return "", "", 0, true, false
		}
		s = rest
	}
	s, path, _ := strings.Cut(s, "/")
	end := strings.IndexByte(s, ':')
	if strings.HasPrefix(s, "[") {
		if end = strings.IndexByte(s, ']') + 1; end == 0 || end < len(s) && s[end] != ':' {
			return "", "", 0, true, false
		}
	}
	digits, ported := "", false
	if host = s; end >= 0 {
		host = s[:end]
		digits, ported = strings.CutPrefix(s[end:], ":")
	}
	if ported && digits != "" {
		if port = ParsePort(digits); port <= 0 {
			return "", "", 0, true, false
		}
	}
	if bare, bracketed := strings.CutPrefix(host, "["); bracketed {
		host = strings.TrimSuffix(bare, "]")
		if _, err := netip.ParseAddr(host); err == nil {
			return user, host, port, true, path == ""
		}
	}
	if path != "" || DomainFault(host) != "" {
		return "", "", 0, true, false
	}
	return user, strings.TrimSuffix(host, "."), port, true, true
}

// unescape undoes %XX, and a plus for a space; a zero byte or half an escape is
// refused.
func unescape(s string) (string, bool) {
	var b strings.Builder
	for ; s != ""; s = s[1:] {
		switch s[0] {
		case '+':
			b.WriteByte(' ')
			continue
		case '%':
		default:
			b.WriteByte(s[0])
			continue
		}
		if len(s) < 3 {
			return "", false
		}
		n, err := strconv.ParseUint(s[1:3], 16, 8)
		if err != nil || n == 0 {
			return "", false
		}
		b.WriteByte(byte(n))
		s = s[2:]
	}
	return b.String(), true
}

// escape writes a name so that unescape reads it, whatever is in it.
func escape(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i] | 0x20; c >= 'a' && c <= 'z' || s[i] >= '0' && s[i] <= '9' {
			b.WriteByte(s[i])
		} else {
			b.WriteString("%" + strconv.FormatUint(uint64(s[i])|0x100, 16)[1:])
		}
	}
	return b.String()
}
