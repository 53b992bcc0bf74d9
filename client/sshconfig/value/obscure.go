package value

import (
	"strconv"
	"strings"
	"time"
)

// obscureEvery is the grid that keys leave on unless another is asked for, in
// milliseconds.
const obscureEvery = 20

// Obscure takes ObscureKeystrokeTiming: yes, no, or interval:milliseconds.
func Obscure(l *Line) ([]string, error) {
	arg, err := l.One()
	if err != nil {
		return nil, err
	}
	switch arg { // unlike other words, as they stand
	case "yes", "true":
		return []string{"yes"}, nil
	case "no", "false":
		return []string{"no"}, nil
	}
	ms, ok := strings.CutPrefix(arg, "interval:")
	if !ok {
		return nil, l.Errorf("unsupported argument %q", arg)
	}
	n, err := strconv.ParseInt(ms, 10, 32)
	switch {
	case ms == "":
		return nil, l.Errorf("integer value missing.")
	case err != nil:
		return nil, l.Errorf("integer value invalid.")
	case n < 1 || n > 1000:
		return nil, l.Errorf("value out of range.")
	case n == obscureEvery:
		return []string{"yes"}, nil
	}
	return []string{strconv.FormatInt(n, 10)}, nil
}

// ObscureInterval is what a value of Obscure's, or none, says; 0 is no.
func ObscureInterval(v string) time.Duration {
	n := obscureEvery
	switch v {
	case "no":
		n = 0
	case "", "yes":
	default:
		n, _ = strconv.Atoi(v)
	}
	return time.Duration(n) * time.Millisecond
}
