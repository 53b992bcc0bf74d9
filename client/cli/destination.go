package cli

import (
	"strconv"
	"strings"

	"tssh/client/config/endpoint"
)

// destination reads [user@]host or ssh://[user@]host[:port]. What was said by
// an option before stands; what follows later does not. Whether the names may
// be used is for config.Resolve to judge.
func (r *reader) destination(arg string) error {
	user, host, port, uri, ok := endpoint.ParseURI(arg)
	if uri && !ok {
		return &Error{Usage: true}
	}
	if !uri {
		host = arg
		if i := strings.LastIndexByte(arg, '@'); i >= 0 {
			if i == 0 {
				return &Error{Usage: true}
			}
			user, host = arg[:i], arg[i+1:]
		}
	}
	r.host = true
	if user != "" {
		r.set("User", user)
	}
	if port != 0 {
		r.set("Port", strconv.Itoa(port))
	}
	r.cmd.Destination = host
	return nil
}
