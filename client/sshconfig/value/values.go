package value

import (
	"math"
	"strconv"
	"strings"
	"time"

	"tssh/client/config/endpoint"
	"tssh/client/config/fault"
)

// A Parser takes the arguments of a keyword and returns its values in the form
// in which they are kept, which is the form -G prints but for yes and no.
type Parser func(l *Line) ([]string, error)

// Choice takes one of some words, whatever their case. Each is "word", or
// "word=meaning".
func Choice(words ...string) Parser {
	return func(l *Line) ([]string, error) {
		arg, _ := l.Next()
		if arg == "" {
			return nil, &fault.Error{Lines: []string{l.Where + ": missing argument.", l.Where + ": unsupported option \"\"."}}
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
		return nil, l.Errorf("unsupported option %q.", arg)
	}
}

// Keywords that are on or off, or may be asked about.
var (
	YesNo    = Choice("yes", "no", "true=yes", "false=no")
	YesNoAsk = Choice("yes", "no", "ask", "true=yes", "false=no")
)

// Word takes any one argument.
func Word(l *Line) ([]string, error) {
	arg, err := l.One()
	return []string{arg}, err
}

// Lowered takes one argument in lower case.
func Lowered(l *Line) ([]string, error) {
	arg, err := l.One()
	return []string{strings.ToLower(arg)}, err
}

// Command takes the rest of the line as it stands, quotes, "#" and all.
func Command(l *Line) ([]string, error) {
	l.Args = nil
	return []string{strings.TrimLeft(l.Rest, Blanks+"=")}, nil
}

// Refusal takes the reason why there is to be no connection, and is its end.
func Refusal(l *Line) ([]string, error) {
	if _, err := l.One(); err != nil || !l.Active {
		return nil, err
	}
	return nil, l.Fatalf("RefuseConnection: %s", strings.Trim(strings.TrimLeft(l.Rest, Blanks+"="), `"`))
}

// Integer takes a number from 0.
func Integer(l *Line) ([]string, error) {
	arg, _ := l.Next()
	if arg == "" {
		return nil, l.Errorf("integer value missing.")
	}
	n, err := strconv.ParseInt(arg, 10, 64)
	switch {
	case err != nil && !isRange(err):
		return nil, l.Errorf("integer value invalid.")
	case n > math.MaxInt32:
		return nil, l.Errorf("integer value too large.")
	case n < 0:
		return nil, l.Errorf("integer value too small.")
	}
	return []string{strconv.FormatInt(n, 10)}, nil
}

func isRange(err error) bool {
	n, ok := err.(*strconv.NumError)
	return ok && n.Err == strconv.ErrRange
}

// Seconds takes a time such as 90, 5m or 1h30m, and keeps it in seconds.
// "none" is kept as that.
func Seconds(l *Line) ([]string, error) {
	arg, _ := l.Next()
	if arg == "" {
		return nil, l.Errorf("missing time value.")
	}
	if arg == "none" {
		return []string{"none"}, nil
	}
	n, ok := ParseSeconds(arg)
	if !ok {
		return nil, l.Errorf("invalid time value.")
	}
	return []string{strconv.Itoa(n)}, nil
}

// ParseSeconds reads TIME FORMATS of sshd_config(5): numbers with the units
// s, m, h, d and w, added up.
func ParseSeconds(s string) (int, bool) {
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

// ParseTimeout is ParseSeconds where the last seconds may have a fraction.
func ParseTimeout(s string) (time.Duration, bool) {
	whole, fraction, some := strings.Cut(strings.TrimRight(s, "sS"), ".")
	if !some {
		n, ok := ParseSeconds(s)
		return time.Duration(n) * time.Second, ok
	}
	f, err := strconv.ParseUint(fraction, 10, 63)
	if err != nil || len(fraction) > 9 || len(s)-len(whole)-len(fraction) > 2 {
		return 0, false
	}
	n, ok := ParseSeconds(whole)
	for range 9 - len(fraction) {
		f *= 10
	}
	return time.Duration(n)*time.Second + time.Duration(f), ok
}

// Port takes a number from 1 to 65535, or the name of a service.
func Port(l *Line) ([]string, error) {
	arg, err := l.One()
	if err != nil {
		return nil, err
	}
	n := endpoint.ParsePort(arg)
	if n <= 0 {
		return nil, l.Errorf("Bad port '%s'.", arg)
	}
	return []string{strconv.Itoa(n)}, nil
}

// Duration returns a value of Seconds as a time; "none" is 0.
func Duration(s string) time.Duration {
	n, _ := strconv.Atoi(s) // "none" is 0
	return time.Duration(n) * time.Second
}
