package config

import (
	"fmt"
	"strings"
)

const blanks = " \t\r\n"

// line is one line of a file, or an option of the command line, being read.
type line struct {
	where  string // "FILE line N", for complaints
	file   string
	number int
	ours   bool // behind the mark that hides our keys from ssh

	key    string // lower case
	name   string // as documented
	rest   string // what follows it, as it stands
	args   []string
	active bool     // the block applies to the host in question
	set    *Setting // the flag it comes from, or nil
}

// errorf is a complaint about this line.
func (l *line) errorf(format string, args ...any) error {
	return &Error{Lines: []string{l.where + ": " + fmt.Sprintf(format, args...)}}
}

// fatalf is a complaint after which nothing more is read.
func (l *line) fatalf(format string, args ...any) error {
	return &Error{Lines: []string{l.where + ": " + fmt.Sprintf(format, args...)}, fatal: true}
}

// next takes the next argument.
func (l *line) next() (string, bool) {
	if len(l.args) == 0 {
		return "", false
	}
	arg := l.args[0]
	l.args = l.args[1:]
	return arg, true
}

// one takes an argument that must be there.
func (l *line) one() (string, error) {
	arg, _ := l.next()
	if arg == "" {
		return "", l.errorf("Missing argument.")
	}
	return arg, nil
}

// cutKey takes the keyword off a line, and the blanks, or the one "=", behind
// it. The keyword may be quoted, wholly or in part.
func cutKey(s string) (key, rest string, ok bool) {
	s = strings.TrimLeft(s, blanks)
	i := strings.IndexAny(s, blanks+"\"=")
	if i < 0 {
		return strings.ToLower(s), "", true
	}
	if s[i] == '"' {
		end := strings.IndexByte(s[i+1:], '"')
		if end < 0 {
			return "", "", false
		}
		key, rest = s[:i]+s[i+1:i+1+end], strings.TrimLeft(s[i+1+end+1:], blanks)
		return strings.ToLower(key), rest, true
	}
	key, rest = s[:i], strings.TrimLeft(s[i+1:], blanks)
	if s[i] != '=' && strings.HasPrefix(rest, "=") {
		rest = strings.TrimLeft(rest[1:], blanks)
	}
	return strings.ToLower(key), rest, true
}

// split takes the words of a line apart: quotes of both kinds join blanks, a
// backslash escapes quotes, itself and, outside quotes, a space; a word that
// begins with "#" ends the line.
func split(s string) (words []string, ok bool) {
	for i := 0; i < len(s); {
		if s[i] == ' ' || s[i] == '\t' {
			i++
			continue
		}
		if s[i] == '#' {
			break
		}
		var b strings.Builder
		quote := byte(0)
		for ; i < len(s); i++ {
			c := s[i]
			switch {
			case c == '\\' && i+1 < len(s) && escapable(s[i+1], quote):
				i++
				b.WriteByte(s[i])
			case quote == 0 && (c == ' ' || c == '\t'):
				goto end
			case quote == 0 && (c == '"' || c == '\''):
				quote = c
			case quote != 0 && c == quote:
				quote = 0
			default:
				b.WriteByte(c)
			}
		}
	end:
		if quote != 0 {
			return nil, false
		}
		words = append(words, b.String())
	}
	return words, true
}

func escapable(c, quote byte) bool {
	return c == '\'' || c == '"' || c == '\\' || quote == 0 && c == ' '
}

// prefixMark hides our keys from ssh, which takes such a line for a comment.
const prefixMark = "#!!"

// readLine takes a line of a file apart. It returns nil for one that says
// nothing, and an error for one that cannot be read.
func readLine(file string, number int, text string) (*line, error) {
	l := &line{where: fmt.Sprintf("%s line %d", file, number), file: file, number: number}
	text = strings.TrimRight(text, blanks+"\f")
	text = strings.TrimLeft(text, blanks)
	if after, ok := strings.CutPrefix(text, prefixMark); ok && strings.TrimLeft(after, " \t") != after {
		text, l.ours = strings.TrimLeft(after, " \t"), true
	}
	if text == "" || text[0] == '#' {
		return nil, nil
	}
	var ok bool
	if text[0] == '=' { // as ssh's own reader has it
		text = text[1:]
		l.key, _, _ = cutKey(text)
		return nil, l.errorf("no argument after keyword %q", l.key)
	}
	if l.key, l.rest, ok = cutKey(text); !ok || l.key == "" {
		return nil, nil
	}
	if l.rest == "" {
		return nil, l.errorf("no argument after keyword %q", l.key)
	}
	if l.args, ok = split(l.rest); !ok {
		return nil, l.errorf("invalid quotes")
	}
	return l, nil
}
