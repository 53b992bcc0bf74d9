package endpoint

import (
	"net"
	"strconv"
	"strings"
)

// ParsePort returns a port from 0 to 65535, or -1.
func ParsePort(s string) int {
	s = strings.TrimLeft(s, " \t\r\n") // as of "$(wc -l)": C's numbers may have some
	if n, err := strconv.ParseInt(s, 10, 32); err == nil {
		if n < 0 || n > 65535 {
			return -1
		}
		return int(n)
	}
	if s == "" || strings.Trim(s, "0123456789+-") == "" {
		return -1
	}
	// A name; the library would take a number in any form too.
	if n, err := net.LookupPort("tcp", s); err == nil && s[0] > '9' {
		return n
	}
	return -1
}
