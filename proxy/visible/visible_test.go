package visible

import "testing"

func TestTextShowsWhatATerminalWouldObey(t *testing.T) {
	for in, want := range map[string]string{
		"":                          "",
		"two\nlines\tand a tab":     "two\nlines\tand a tab",
		"Grüße, 東京 👩‍💻 \ue0b0":      "Grüße, 東京 👩‍💻 \ue0b0",
		"\x1b]0;title\a":            `\033]0;title\007`,
		"over\rwritten\r\n":         "overwritten\r\n",
		"\u009b2J":                  `\302\2332J`,
		"\x9b2J\xff":                `\2332J\377`,
		"a\x00\x7f\b":               `a\000\177\010`,
		"user\u202etxt.exe":         `user\342\200\256txt.exe`,
		"line\u2028sep":             `line\342\200\250sep`,
		"\ufffd":                    "\ufffd",
		"cut \xe6\x9d":              `cut \346\235`,
		"\xed\xa0\x80 is no letter": `\355\240\200 is no letter`,
	} {
		if got := Text(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	if got := Line("a\nb\tc\r\x1b"); got != `a\012b\011c\015\033` {
		t.Errorf("a line: %q", got)
	}
}

func TestWordIsOneToAShell(t *testing.T) {
	for in, want := range map[string]string{
		"work": "work", "a@b:7": "a@b:7", "": "''", "a b": "'a b'", "it's": `'it'\''s'`, "$(x)": "'$(x)'", "~": "'~'", "é": "'é'",
	} {
		if got := Word(in); got != want {
			t.Errorf("%q: %s, not %s", in, got, want)
		}
	}
}

func TestHelpFitsATerminal(t *testing.T) {
	for _, c := range []struct{ typed, does, want string }{
		{"-C", "compress", "  -C                           compress\n"},
		{"-O ctl_cmd", "tell a master: check, conninfo, channels, forward, cancel, exit, stop, proxy",
			"  -O ctl_cmd                   tell a master: check, conninfo, channels,\n" +
				"                               forward, cancel, exit, stop, proxy\n"},
		{"--an-option-that-is-long=value-of-it", "does this", "  --an-option-that-is-long=value-of-it\n" +
			"                               does this\n"},
	} {
		if got := Option(c.typed, c.does); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
	if got := Fold("one two", 0); got != "one two\n" {
		t.Errorf("%q", got)
	}
}
