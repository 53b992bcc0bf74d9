package value

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// These keywords have a form of their own.

// EscapeChar takes a character, ^X or none, and keeps what -G prints.
func EscapeChar(l *Line) ([]string, error) {
	arg, err := l.One()
	switch {
	case err != nil:
		return nil, err
	case arg == "none" || len(arg) == 1:
		return []string{arg}, nil
	case len(arg) == 2 && arg[0] == '^' && arg[1] >= 64 && arg[1] < 128:
		return []string{string(rune(arg[1] & 31))}, nil
	}
	return nil, l.Errorf("Bad escape character.")
}

// ExitKey takes ^x or none: a key that means something to programs is not asked
// for by a mere letter.
func ExitKey(l *Line) ([]string, error) {
	arg, err := l.One()
	switch {
	case err != nil:
		return nil, err
	case arg == "none":
		return []string{arg}, nil
	case len(arg) == 2 && arg[0] == '^' && arg[1] >= 64 && arg[1] < 127 && arg[1]&31 != 13 && arg[1]&31 != 27: // Enter, and where arrows begin
		return []string{strings.ToLower(arg)}, nil
	}
	return nil, l.Errorf("bad %s %q: a key with Control is wanted, as ^d, or none", l.Key, arg)
}

// Mask takes a file mode in octal.
func Mask(l *Line) ([]string, error) {
	arg, _ := l.Next()
	if arg == "" {
		return nil, l.Errorf("Missing StreamLocalBindMask argument.")
	}
	n, err := strconv.ParseUint(arg, 8, 32)
	if err != nil || n > 0o777 {
		return nil, l.Errorf("Bad mask.")
	}
	return []string{fmt.Sprintf("0%o", n)}, nil
}

// RekeyLimit takes "default" or a size, and a time or "none"; both are kept as
// numbers, 0 being the default.
func RekeyLimit(l *Line) ([]string, error) {
	arg, err := l.One()
	if err != nil {
		return nil, err
	}
	size, interval := int64(0), 0
	if arg != "default" {
		var ok bool
		if size, ok = parseSize(arg); !ok {
			return nil, l.Errorf("Bad number '%s': Invalid argument", arg)
		}
		if size != 0 && size < 16 {
			return nil, l.Errorf("RekeyLimit too small")
		}
	}
	if arg, ok := l.Next(); ok && arg != "none" {
		if interval, ok = ParseSeconds(arg); !ok {
			return nil, l.Errorf("invalid time value.")
		}
	}
	return []string{strconv.FormatInt(size, 10), strconv.Itoa(interval)}, nil
}

// Kept takes one or two sizes up to most: of terminals' output, and of other programs'
// (where that is missing, pipes). 0 alone is 0 for both.
func Kept(pipes, most int64) func(*Line) ([]string, error) {
	return func(l *Line) ([]string, error) {
		sizes := []string{"", strconv.FormatInt(pipes, 10)}
		for i := range sizes {
			var arg string
			if i == 0 {
				var err error
				if arg, err = l.One(); err != nil {
					return nil, err
				}
			} else if next, ok := l.Next(); ok {
				arg = next
			} else {
				break
			}
			n, ok := parseSize(arg)
			if !ok || n > most {
				return nil, l.refuse(arg, "a number of bytes, or with K, M or G behind it, for terminals, and another one for commands without")
			}
			sizes[i] = strconv.FormatInt(n, 10)
			if i == 0 && n == 0 {
				sizes[1] = "0"
			}
		}
		return sizes, nil
	}
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

// AddKeys takes yes, no, ask, confirm [time], or a time.
func AddKeys(l *Line) ([]string, error) {
	arg, _ := l.Next()
	if arg == "" {
		return nil, l.Errorf("missing argument.")
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
		if arg, ok := l.Next(); ok {
			n, ok := ParseSeconds(arg)
			if !ok {
				return nil, l.Errorf("invalid time value.")
			}
			return []string{low, strconv.Itoa(n)}, nil
		}
		return []string{low}, nil
	}
	n, ok := ParseSeconds(arg)
	switch {
	case !ok:
		return nil, l.Errorf("unsupported option")
	case n == 0:
		return []string{"yes"}, nil
	}
	return []string{strconv.Itoa(n)}, nil
}

// extra refuses a second argument in the words ssh has for it here.
func extra(l *Line) error {
	if len(l.Args) > 0 {
		return l.Errorf("unsupported option")
	}
	return nil
}

// Persist takes yes, no, or a time; 0 is for ever.
func Persist(l *Line) ([]string, error) {
	arg, _ := l.Next()
	switch arg {
	case "":
		return nil, l.Errorf("Missing ControlPersist argument.")
	case "yes", "true":
		return []string{"yes"}, nil
	case "no", "false":
		return []string{"no"}, nil
	}
	n, ok := ParseSeconds(arg)
	switch {
	case !ok:
		return nil, l.Errorf("Bad ControlPersist argument.")
	case n == 0:
		return []string{"yes"}, nil
	}
	return []string{strconv.Itoa(n)}, nil
}

// LogLevel keeps the name ssh prints: SILENT for QUIET, DEBUG for DEBUG1.
func LogLevel(l *Line) ([]string, error) {
	arg, _ := l.Next()
	switch up := strings.ToUpper(arg); up {
	case "QUIET", "SILENT":
		return []string{"SILENT"}, nil
	case "DEBUG", "DEBUG1":
		return []string{"DEBUG"}, nil
	case "FATAL", "ERROR", "INFO", "VERBOSE", "DEBUG2", "DEBUG3":
		return []string{up}, nil
	}
	return nil, l.Errorf("unsupported log level '%s'", orNone(arg))
}

// Facility takes the name of a facility of syslog.
func Facility(l *Line) ([]string, error) {
	arg, _ := l.Next()
	switch up := strings.ToUpper(arg); up {
	case "DAEMON", "USER", "AUTH", "AUTHPRIV", "LOCAL0", "LOCAL1", "LOCAL2",
		"LOCAL3", "LOCAL4", "LOCAL5", "LOCAL6", "LOCAL7":
		return []string{up}, nil
	}
	return nil, l.Errorf("unsupported log facility '%s'", orNone(arg))
}

func orNone(s string) string {
	if s == "" {
		return "<NONE>"
	}
	return s
}

// Digest takes the name of a hash.
func Digest(l *Line) ([]string, error) {
	arg, err := l.One()
	if err != nil {
		return nil, err
	}
	switch up := strings.ToUpper(arg); up {
	case "MD5", "SHA1", "SHA256", "SHA384", "SHA512":
		return []string{up}, nil
	}
	return nil, l.Errorf("Invalid hash algorithm %q.", arg)
}
