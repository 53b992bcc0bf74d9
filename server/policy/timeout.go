package policy

import (
	"math"
	"strings"
	"time"
)

// Timeout is a pair of ChannelTimeout: how long channels of the kinds that a
// pattern matches may do nothing.
type Timeout struct {
	Pattern string
	After   time.Duration // 0: for ever
}

// ChannelTimeout is how long a channel of a kind may do nothing; 0 is for ever.
// Sessions are of the kinds "session:shell", "session:command" and
// "session:subsystem:NAME".
func (p *Policy) ChannelTimeout(kind string) time.Duration {
	for _, t := range p.Timeouts { // the first that matches decides
		if match(t.Pattern, kind) {
			return t.After
		}
	}
	return 0
}

// timeouts reads the pairs of ChannelTimeout. What can't be read is left out,
// as sshd would not have started with it.
func timeouts(args []string) []Timeout {
	var list []Timeout
	for _, arg := range args {
		pattern, interval, ok := strings.Cut(arg, "=")
		if after, valid := ParseInterval(interval); ok && valid {
			list = append(list, Timeout{pattern, after})
		}
	}
	return list
}

// ParseInterval reads a time of sshd_config(5): "90", "1h30m", "1w", and fractions
// of seconds, which later releases know.
func ParseInterval(s string) (time.Duration, bool) {
	if s == "" {
		return 0, false
	}
	var total float64 // seconds
	for s != "" {
		n := 0
		for n < len(s) && (s[n] >= '0' && s[n] <= '9' || s[n] == '.') {
			n++
		}
		value, ok := decimal(s[:n])
		if !ok {
			return 0, false
		}
		unit := 1.0
		if s = s[n:]; s != "" {
			switch s[0] {
			case 's', 'S':
			case 'm', 'M':
				unit = 60
			case 'h', 'H':
				unit = 3600
			case 'd', 'D':
				unit = 24 * 3600
			case 'w', 'W':
				unit = 7 * 24 * 3600
			default:
				return 0, false
			}
			s = s[1:]
		}
		total += value * unit
	}
	if total > math.MaxInt32 { // sshd's bound
		return 0, false
	}
	return time.Duration(total * float64(time.Second)), true
}

// decimal reads digits with at most one point among them.
func decimal(s string) (value float64, ok bool) {
	scale := 0.0
	for _, c := range s {
		switch {
		case c == '.' && scale == 0 && ok:
			scale = 1
			continue
		case c == '.':
			return 0, false
		}
		value, ok = value*10+float64(c-'0'), true
		scale *= 10
	}
	if scale > 0 {
		value /= scale
	}
	return value, ok
}
