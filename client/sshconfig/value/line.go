// Package value reads the lines of ssh_config(5): a keyword, and the words, lists,
// numbers and times behind it, with the complaints that ssh has about each.
package value

import (
	"fmt"
	"strings"

	"tssh/client/config/fault"
)

// Blanks are what words are apart by.
const Blanks = " \t\r\n"

// Line is one line of a file, or an option of the command line, being read.
type Line struct {
	Where  string // "FILE line N", for complaints
	File   string
	Number int
	Ours   bool // behind the mark that hides our keys from ssh
	Flag   bool // what a flag sets: one argument, taken as it is

	Key    string // lower case
	Name   string // as documented
	Rest   string // what follows it, as it stands
	Args   []string
	Active bool // the block applies to the host in question
}

// Errorf is a complaint about this line.
func (l *Line) Errorf(format string, args ...any) error {
	return &fault.Error{Lines: []string{l.Where + ": " + fmt.Sprintf(format, args...)}}
}

// Fatalf is a complaint after which nothing more is read.
func (l *Line) Fatalf(format string, args ...any) error {
	return &fault.Error{Lines: []string{l.Where + ": " + fmt.Sprintf(format, args...)}, Fatal: true}
}

// Next takes the next argument.
func (l *Line) Next() (string, bool) {
	if len(l.Args) == 0 {
		return "", false
	}
	arg := l.Args[0]
	l.Args = l.Args[1:]
	return arg, true
}

// One takes an argument that must be there.
func (l *Line) One() (string, error) {
	arg, _ := l.Next()
	if arg == "" {
		return "", l.Errorf("Missing argument.")
	}
	return arg, nil
}

// cutKey takes the keyword off a line, and the blanks, or the one "=", behind
// it. The keyword may be quoted, wholly or in part.
func cutKey(s string) (key, rest string, ok bool) {
	s = strings.TrimLeft(s, Blanks)
	i := strings.IndexAny(s, Blanks+"\"=")
	if i < 0 {
		return strings.ToLower(s), "", true
	}
	if s[i] == '"' {
		end := strings.IndexByte(s[i+1:], '"')
		if end < 0 {
			return "", "", false
		}
		key, rest = s[:i]+s[i+1:i+1+end], strings.TrimLeft(s[i+1+end+1:], Blanks)
		return strings.ToLower(key), rest, true
	}
	key, rest = s[:i], strings.TrimLeft(s[i+1:], Blanks)
	if s[i] != '=' && strings.HasPrefix(rest, "=") {
		rest = strings.TrimLeft(rest[1:], Blanks)
	}
	return strings.ToLower(key), rest, true
}

// Split takes the words of a line apart: quotes of both kinds join blanks, a
// backslash escapes quotes, itself and, outside quotes, a space; a word that
// begins with "#" ends the line.
func Split(s string) (words []string, ok bool) {
	for i := 0; i < len(s); {
		if s[i] == ' ' || s[i] == '\t' {
			i++
			continue
		}
		if s[i] == '#' {
			break
		}
		word, rest, ok := take(s[i:], " \t")
		if !ok {
			return nil, false
		}
		i = len(s) - len(rest)
		words = append(words, word)
	}
	return words, true
}

func escapable(c, quote byte) bool {
	return c == '\'' || c == '"' || c == '\\' || quote == 0 && c == ' '
}

// Mark hides our keys from ssh, which takes such a line for a comment.
const Mark = "#!!"

// Read takes a line of a file apart. It returns nil for one that says
// nothing, and an error for one that cannot be read.
func Read(file string, number int, text string) (*Line, error) {
	l := &Line{Where: fmt.Sprintf("%s line %d", file, number), File: file, Number: number}
	text = strings.TrimRight(text, Blanks+"\f")
	text = strings.TrimLeft(text, Blanks)
	if after, ok := strings.CutPrefix(text, Mark); ok && strings.TrimLeft(after, " \t") != after {
		text, l.Ours = strings.TrimLeft(after, " \t"), true
	}
	if text == "" || text[0] == '#' {
		return nil, nil
	}
	var ok bool
	if text[0] == '=' { // as ssh's own reader has it
		text = text[1:]
		l.Key, _, _ = cutKey(text)
		return nil, l.Errorf("no argument after keyword %q", l.Key)
	}
	if l.Key, l.Rest, ok = cutKey(text); !ok || l.Key == "" {
		return nil, nil
	}
	if l.Rest == "" {
		return nil, l.Errorf("no argument after keyword %q", l.Key)
	}
	if l.Args, ok = Split(l.Rest); !ok {
		return nil, l.Errorf("invalid quotes")
	}
	return l, nil
}

// Attribute takes a word off a Match line: an attribute, which "=" may bind to
// its value. "" is the end of the line.
func Attribute(s string) (word, rest string, ok bool) {
	s = strings.TrimLeft(s, Blanks)
	word, rest, ok = take(s, Blanks+"=")
	if !ok || word == "" || s[0] == '#' {
		return "", "", ok
	}
	trimmed := strings.TrimLeft(rest, Blanks)
	return word, strings.TrimPrefix(trimmed, "="), true
}

// Argument takes the value of an attribute; ok is false where there is none. It
// is quoted as other words are, and "" can be one.
func Argument(s string) (word, rest string, ok bool) {
	s = strings.TrimLeft(s, Blanks)
	if s == "" || s[0] == '#' {
		return "", "", false
	}
	return take(s, Blanks)
}

// take reads quotes and escapes up to one of the bytes that end a word.
func take(s, ends string) (word, rest string, ok bool) {
	var b strings.Builder
	quote := byte(0)
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '\\' && i+1 < len(s) && escapable(s[i+1], quote):
			i++
			b.WriteByte(s[i])
		case quote == 0 && strings.IndexByte(ends, c) >= 0:
			return b.String(), s[i:], true
		case quote == 0 && (c == '"' || c == '\''):
			quote = c
		case quote != 0 && c == quote:
			quote = 0
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), "", quote == 0
}
