package config

import (
	"fmt"
	"math"
	"net"
	"strconv"
	"strings"
	"time"
)

// A parser takes the arguments of a keyword and returns its values in the form
// in which they are kept, which is the form -G prints but for yes and no.
type parser func(e *evaluator, l *line) ([]string, error)

// choice takes one of some words, whatever their case. Each is "word", or
// "word=meaning".
func choice(words ...string) parser {
	return func(_ *evaluator, l *line) ([]string, error) {
		arg, _ := l.next()
		if arg == "" {
			return nil, &Error{Lines: []string{l.where + ": missing argument.", l.where + ": unsupported option \"\"."}}
		}
		for _, w := range words {
			word, meaning, other := strings.Cut(w, "=")
			if !other {
				meaning = word
			}
			if strings.EqualFold(arg, word) {
				return []string{meaning}, nil
			}
		}
		return nil, l.errorf("unsupported option %q.", arg)
	}
}

var (
	yesNo    = choice("yes", "no", "true=yes", "false=no")
	yesNoAsk = choice("yes", "no", "ask", "true=yes", "false=no")
)

// word takes any one argument.
func word(_ *evaluator, l *line) ([]string, error) {
	arg, err := l.one()
	return []string{arg}, err
}

// lowered takes one argument in lower case.
func lowered(_ *evaluator, l *line) ([]string, error) {
	arg, err := l.one()
	return []string{strings.ToLower(arg)}, err
}

// command takes the rest of the line as it stands, quotes, "#" and all.
func command(_ *evaluator, l *line) ([]string, error) {
	l.args = nil
	return []string{strings.TrimLeft(l.rest, blanks+"=")}, nil
}

func integer(_ *evaluator, l *line) ([]string, error) {
	arg, _ := l.next()
	if arg == "" {
		return nil, l.errorf("integer value missing.")
	}
	n, err := strconv.ParseInt(arg, 10, 64)
	switch {
	case err != nil && !isRange(err):
		return nil, l.errorf("integer value invalid.")
	case n > math.MaxInt32:
		return nil, l.errorf("integer value too large.")
	case n < 0:
		return nil, l.errorf("integer value too small.")
	}
	return []string{strconv.FormatInt(n, 10)}, nil
}

func isRange(err error) bool {
	n, ok := err.(*strconv.NumError)
	return ok && n.Err == strconv.ErrRange
}

// seconds takes a time such as 90, 5m or 1h30m, and keeps it in seconds.
// "none" is kept as that.
func seconds(_ *evaluator, l *line) ([]string, error) {
	arg, _ := l.next()
	if arg == "" {
		return nil, l.errorf("missing time value.")
	}
	if arg == "none" {
		return []string{"none"}, nil
	}
	n, ok := parseSeconds(arg)
	if !ok {
		return nil, l.errorf("invalid time value.")
	}
	return []string{strconv.Itoa(n)}, nil
}

// parseSeconds reads TIME FORMATS of sshd_config(5): numbers with the units
// s, m, h, d and w, added up.
func parseSeconds(s string) (int, bool) {
	units := map[byte]int64{'s': 1, 'm': 60, 'h': 3600, 'd': 86400, 'w': 604800}
	total := int64(0)
	for s != "" {
		i := 0
		for i < len(s) && s[i] >= '0' && s[i] <= '9' {
			i++
		}
		n, err := strconv.ParseInt(s[:i], 10, 32)
		if err != nil {
			return 0, false
		}
		unit := int64(1)
		if i < len(s) {
			if unit = units[s[i]|0x20]; unit == 0 {
				return 0, false
			}
			i++
		}
		if total += n * unit; total > math.MaxInt32 {
			return 0, false
		}
		s = s[i:]
	}
	return int(total), true
}

// port takes a number from 1 to 65535, or the name of a service.
func port(_ *evaluator, l *line) ([]string, error) {
	arg, err := l.one()
	if err != nil {
		return nil, err
	}
	n := parsePort(arg)
	if n <= 0 {
		return nil, l.errorf("Bad port '%s'.", arg)
	}
	return []string{strconv.Itoa(n)}, nil
}

// parsePort returns a port from 0 to 65535, or -1.
func parsePort(s string) int {
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

// escapeChar takes a character, ^X or none, and keeps what -G prints.
func escapeChar(_ *evaluator, l *line) ([]string, error) {
	arg, err := l.one()
	switch {
	case err != nil:
		return nil, err
	case arg == "none" || len(arg) == 1:
		return []string{arg}, nil
	case len(arg) == 2 && arg[0] == '^' && arg[1] >= 64 && arg[1] < 128:
		return []string{string(rune(arg[1] & 31))}, nil
	}
	return nil, l.errorf("Bad escape character.")
}

func mask(_ *evaluator, l *line) ([]string, error) {
	arg, _ := l.next()
	if arg == "" {
		return nil, l.errorf("Missing StreamLocalBindMask argument.")
	}
	n, err := strconv.ParseUint(arg, 8, 32)
	if err != nil || n > 0o777 {
		return nil, l.errorf("Bad mask.")
	}
	return []string{fmt.Sprintf("0%o", n)}, nil
}

// rekeyLimit takes "default" or a size, and a time or "none"; both are kept as
// numbers, 0 being the default.
func rekeyLimit(_ *evaluator, l *line) ([]string, error) {
	arg, err := l.one()
	if err != nil {
		return nil, err
	}
	size, interval := int64(0), 0
	if arg != "default" {
		var ok bool
		if size, ok = parseSize(arg); !ok {
			return nil, l.errorf("Bad number '%s': Invalid argument", arg)
		}
		if size != 0 && size < 16 {
			return nil, l.errorf("RekeyLimit too small")
		}
	}
	if arg, ok := l.next(); ok && arg != "none" {
		if interval, ok = parseSeconds(arg); !ok {
			return nil, l.errorf("invalid time value.")
		}
	}
	return []string{strconv.FormatInt(size, 10), strconv.Itoa(interval)}, nil
}

// parseSize reads a number with K, M, G, T, P or E behind it.
func parseSize(s string) (int64, bool) {
	scale := 0
	if i := strings.IndexAny("kmgtpe", strings.ToLower(s[max(0, len(s)-1):])); s != "" && i >= 0 {
		scale, s = i+1, s[:len(s)-1]
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 || n > math.MaxInt64>>(10*scale) {
		return 0, false
	}
	return n << (10 * scale), true
}

// addKeys takes yes, no, ask, confirm [time], or a time.
func addKeys(_ *evaluator, l *line) ([]string, error) {
	arg, _ := l.next()
	if arg == "" {
		return nil, l.errorf("missing argument.")
	}
	low := strings.ToLower(arg)
	switch low {
	case "true":
		return []string{"yes"}, nil
	case "false":
		return []string{"no"}, nil
	case "yes", "no", "ask":
		return []string{low}, extra(l)
	case "confirm":
		if arg, ok := l.next(); ok {
			n, ok := parseSeconds(arg)
			if !ok {
				return nil, l.errorf("invalid time value.")
			}
			return []string{low, strconv.Itoa(n)}, nil
		}
		return []string{low}, nil
	}
	n, ok := parseSeconds(arg)
	switch {
	case !ok:
		return nil, l.errorf("unsupported option")
	case n == 0:
		return []string{"yes"}, nil
	}
	return []string{strconv.Itoa(n)}, nil
}

// extra refuses a second argument in the words ssh has for it here.
func extra(l *line) error {
	if len(l.args) > 0 {
		return l.errorf("unsupported option")
	}
	return nil
}

// persist takes yes, no, or a time; 0 is for ever.
func persist(_ *evaluator, l *line) ([]string, error) {
	arg, _ := l.next()
	switch arg {
	case "":
		return nil, l.errorf("Missing ControlPersist argument.")
	case "yes", "true":
		return []string{"yes"}, nil
	case "no", "false":
		return []string{"no"}, nil
	}
	n, ok := parseSeconds(arg)
	switch {
	case !ok:
		return nil, l.errorf("Bad ControlPersist argument.")
	case n == 0:
		return []string{"yes"}, nil
	}
	return []string{strconv.Itoa(n)}, nil
}

// logLevel keeps the name ssh prints: SILENT for QUIET, DEBUG for DEBUG1.
func logLevel(_ *evaluator, l *line) ([]string, error) {
	arg, _ := l.next()
	switch up := strings.ToUpper(arg); up {
	case "QUIET", "SILENT":
		return []string{"SILENT"}, nil
	case "DEBUG", "DEBUG1":
		return []string{"DEBUG"}, nil
	case "FATAL", "ERROR", "INFO", "VERBOSE", "DEBUG2", "DEBUG3":
		return []string{up}, nil
	}
	return nil, l.errorf("unsupported log level '%s'", orNone(arg))
}

func facility(_ *evaluator, l *line) ([]string, error) {
	arg, _ := l.next()
	switch up := strings.ToUpper(arg); up {
	case "DAEMON", "USER", "AUTH", "AUTHPRIV", "LOCAL0", "LOCAL1", "LOCAL2",
		"LOCAL3", "LOCAL4", "LOCAL5", "LOCAL6", "LOCAL7":
		return []string{up}, nil
	}
	return nil, l.errorf("unsupported log facility '%s'", orNone(arg))
}

func orNone(s string) string {
	if s == "" {
		return "<NONE>"
	}
	return s
}

func digest(_ *evaluator, l *line) ([]string, error) {
	arg, err := l.one()
	if err != nil {
		return nil, err
	}
	switch up := strings.ToUpper(arg); up {
	case "MD5", "SHA1", "SHA256", "SHA384", "SHA512":
		return []string{up}, nil
	}
	return nil, l.errorf("Invalid hash algorithm %q.", arg)
}

func durationOf(s string) time.Duration {
	n, _ := strconv.Atoi(s) // "none" is 0
	return time.Duration(n) * time.Second
}
