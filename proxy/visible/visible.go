// Package visible makes text safe to show on a terminal, whoever wrote it. What
// the other end says ends up there: in errors, logs and questions.
package visible

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Text writes what a terminal obeys, and bytes that are no characters, which
// some terminals obey too, as ssh writes them: \033 for an escape. Lines and tabs
// stay, and so does writing of any language but for what turns its direction
// round; a carriage return goes unless it ends a line, lest a line be written over.
func Text(s string) string {
	if !strings.ContainsFunc(s, obeyed) {
		return s
	}
	var b strings.Builder
	for s != "" {
		r, n := utf8.DecodeRuneInString(s)
		switch {
		case r == '\r' && !strings.HasPrefix(s, "\r\n"):
		case r != '\r' && r != utf8.RuneError && obeyed(r), r == utf8.RuneError && n == 1:
			for _, c := range []byte(s[:n]) {
				fmt.Fprintf(&b, `\%03o`, c)
			}
		default:
			b.WriteString(s[:n])
		}
		s = s[n:]
	}
	return b.String()
}

// Line is Text for what has to stay on one line, such as a name.
func Line(s string) string { return Text(oneLine.Replace(s)) }

var oneLine = strings.NewReplacer("\n", `\012`, "\t", `\011`, "\r", `\015`) // making one costs 6 KB

// Word is a name as a shell takes it, quoted where it must be.
func Word(s string) string {
	if s != "" && !strings.ContainsFunc(s, func(c rune) bool {
		return !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.ContainsRune("-_.,/@+:=%", c))
	}) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// obeyed reports whether a character needs a look.
func obeyed(r rune) bool {
	return r != '\n' && r != '\t' && (r == utf8.RuneError || unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp, unicode.Bidi_Control))
}
