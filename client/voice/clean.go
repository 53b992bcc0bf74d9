package voice

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Clean makes a text safe to show, whoever wrote it: what a terminal obeys, and
// bytes that are no characters, which some terminals obey too, are written as
// ssh writes them, \033 for an escape. Lines and tabs stay, and so does writing
// of any language but for what turns its direction round; a carriage return goes,
// lest a line be written over.
func Clean(s string) string {
	if !strings.ContainsFunc(s, obeyed) {
		return s
	}
	var b strings.Builder
	for s != "" {
		r, n := utf8.DecodeRuneInString(s)
		switch {
		case r == '\r':
		case r == utf8.RuneError && n == 1 || obeyed(r) && r != utf8.RuneError:
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

// CleanLine is Clean for what has to stay on one line, such as a name.
func CleanLine(s string) string {
	return strings.NewReplacer("\n", `\012`, "\t", `\011`, "\r", `\015`).Replace(Clean(s))
}

// obeyed reports what may not reach a terminal as it is.
func obeyed(r rune) bool {
	return r != '\n' && r != '\t' && (r == utf8.RuneError || unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp, unicode.Bidi_Control))
}
