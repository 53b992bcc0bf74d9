package session

import (
	"strings"
	"testing"

	"tssh/client/config"
)

func TestEscapes(t *testing.T) {
	for _, c := range []struct{ typed, sent, commands string }{
		{"~.", "", "."},                    // the start counts as after a newline
		{"a~.", "a~.", ""},                 // in a line it means nothing
		{"a\r~.", "a\r", "."},              //
		{"a\n~?b~?", "a\nb~?", "?"},        // a command does not end the line's start
		{"~~.", "~.", ""},                  // typed twice: itself
		{"~x", "~x", ""},                   // unknown: both
		{"\r~", "\r", ""},                  // waits for what follows
		{"~?~#~vx", "x", "?#v"},            // several
		{"~s", "~s", ""},                   // not without a status to show
		{"~\x1a\r~\r~.", "\r~\r", "\x1a."}, // ~ and a newline: the newline counts
	} {
		for _, step := range []int{1, 2, 100} { // however the bytes come
			e := escapes{char: '~', afterNewline: true}
			var sent, commands strings.Builder
			for rest := []byte(c.typed); len(rest) > 0; {
				chunk := rest[:min(step, len(rest))]
				rest = rest[len(chunk):]
				for len(chunk) > 0 {
					s, command, after := e.next(chunk)
					sent.Write(s)
					if command != 0 {
						commands.WriteByte(command)
					}
					chunk = after
				}
			}
			if sent.String() != c.sent || commands.String() != c.commands {
				t.Errorf("%q by %d: sent %q, commands %q", c.typed, step, sent.String(), commands.String())
			}
		}
	}
}

func TestNoEscapeCharacter(t *testing.T) {
	e := escapes{char: -1, afterNewline: true}
	if sent, command, _ := e.next([]byte("~.")); string(sent) != "~." || command != 0 {
		t.Errorf("sent %q, command %q", sent, command)
	}
}

func TestConnectionIsDescribed(t *testing.T) {
	var out strings.Builder
	r := &run{host: &config.Host{EscapeChar: '~'}, Options: Options{Stderr: &out,
		Info: func() []string { return []string{"Connection", "  cipher x"} }}}
	e := escapes{char: '~', ownEscapes: r.ownEscapes(), afterNewline: true}
	if _, command, _ := e.next([]byte("~I")); command != 'I' || !r.escape(command) {
		t.Fatalf("~I is %q", command)
	}
	if want := "~I\r\nConnection\r\n  cipher x\r\n"; out.String() != want {
		t.Errorf("printed %q", out.String())
	}
}
