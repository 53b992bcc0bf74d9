package visible

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Where the help of both programs ends, and where what an option does begins.
const (
	width = 80
	right = 31
)

// Option is a line of help, or several: an option as it is typed, and what it
// does, cut at words.
func Option(typed, does string) string {
	head := fmt.Sprintf("  %-*s", right-2, typed)
	if utf8.RuneCountInString(head) > right {
		head += "\n" + strings.Repeat(" ", right)
	}
	return head + Fold(does, right)
}

// Fold cuts a text at words so that no line of it passes the end of the help. It
// begins at the column indent, and so does every further line.
func Fold(text string, indent int) string {
	var b strings.Builder
	at := indent
	for i, word := range strings.Fields(text) {
		n := utf8.RuneCountInString(word)
		switch {
		case i == 0:
		case at+1+n > width:
			b.WriteString("\n" + strings.Repeat(" ", indent))
			at = indent
		default:
			b.WriteByte(' ')
			at++
		}
		b.WriteString(word)
		at += n
	}
	return b.String() + "\n"
}
