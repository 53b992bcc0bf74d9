package cli

import (
	"net/netip"
	"strconv"
	"strings"

	"tssh/client/config/pattern"
)

// destination reads [user@]host or ssh://[user@]host[:port]. What was said by
// an option before stands; what follows later does not.
func (r *reader) destination(arg string) error {
	host, user, port := arg, "", ""
	if rest, ok := strings.CutPrefix(arg, "ssh://"); ok {
		if host, user, port, ok = splitURI(rest); !ok {
			return &Error{Usage: true}
		}
	} else if i := strings.LastIndexByte(arg, '@'); i >= 0 {
		if i == 0 {
			return &Error{Usage: true}
		}
		user, host = arg[:i], arg[i+1:]
	}
	r.host = true
	if user != "" {
		r.set("User", user)
	}
	if port != "" {
		r.set("Port", port)
	}
	r.cmd.Destination = host
	if host != "" && !pattern.ValidHost(host) {
		return &Error{Text: "hostname contains invalid characters"}
	}
	return nil
}

// splitURI takes [user[;params]@]host[:port][/] apart. There is no path.
func splitURI(s string) (host, user, port string, ok bool) {
	if i := strings.LastIndexByte(s, '@'); i >= 0 {
		user, _, _ = strings.Cut(s[:i], ";")
		if user, ok = unescape(user); !ok || user == "" {
			return "", "", "", false
		}
		s = s[i+1:]
	}
	s, path, _ := strings.Cut(s, "/")
	if path != "" {
		return "", "", "", false
	}
	host = s
	if strings.HasPrefix(s, "[") {
		i := strings.IndexByte(s, ']')
		if i < 0 {
			return "", "", "", false
		}
		host, s = s[1:i], s[i+1:]
		if _, err := netip.ParseAddr(host); err != nil || s != "" && s[0] != ':' {
			return "", "", "", false
		}
	} else if i := strings.IndexByte(s, ':'); i >= 0 {
		host, s = s[:i], s[i:]
	} else {
		s = ""
	}
	if s != "" {
		port = s[1:]
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return "", "", "", false
		}
	}
	return host, user, port, host != ""
}

// unescape undoes %XX; a zero byte or half an escape is refused.
func unescape(s string) (string, bool) {
	var b strings.Builder
	for ; s != ""; s = s[1:] {
		if s[0] != '%' {
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
