package escape

import (
	"strings"
	"testing"
)

func TestQuietDropsQuestions(t *testing.T) {
	for _, question := range []string{
		"\x1b[c", "\x1b[>c", "\x1b[=c", "\x1b[0c", "\x1b[6n", "\x1b[5n", "\x1b[?6n", "\x1b[?u", "\x1b[?2026$p", "\x1b[4$p", "\x1b[>q", "\x1b[>0q",
		"\x1b[14t", "\x1b[18t", "\x1b[21t", "\x1b[x", "\x1b[1;1;1;1;2;2*y", "\x1b]11;?\a", "\x1b]4;1;?\x1b\\", "\x1b]52;c;?\a", "\x1bP$qm\x1b\\",
		"\x1b[\x1b[c", "\x1b\x1b[6n",
		"\x1bP+q544e\x1b\\", "\x1b_Gi=1,a=q;AAAA\x1b\\", "\x1bZ", "\x05", "\u009bc", "\u009d11;?\u009c", "\x1b[?4m", "\x1b[1\x056n",
	} {
		var q Quiet
		if got := string(q.Append(nil, []byte("a"+question+"b"))); got != "ab" {
			t.Errorf("%q: %q is left", question, got)
		}
	}
}

func TestQuietLeavesTheRest(t *testing.T) {
	for _, text := range append(strings.Split("a|hello world|\r\n|\b|\t|日本|e\u0301|😀|\x1b[H|\x1b[2J|\x1b[3;6r|\x1b[?6h|\x1b[4h|\x1b(0|\x0e|\x1b[31m|\x1b[38:2::9:8:7m|\x1bM|\x1b7|\x1b[?1049h|\x1b[999b|\x1b]0;title\a|"+
		"\x1b]8;;\x1b\\|\x1bP1$r\x1b\\|\x1b[#|\x1b[!p|\x1b[2'}|\x1b[2 @|\x1b[1;1;3;4;1;4;6$v|\x1b[1\"q|\x1bN|\x1b*0|\x1b[23;0t|\x1b[>5u|\x1b[=2;2u|\x1b]4;1;#123456\a|\x1b]110\a|\x1b[?2026h|\x1b[?1006s|\x1bc|\x1b#8", "|"), "é日\u00a0", "\x1b]0;what?\a", "\x1b]8;;http://x/?q\x1b\\", "\x1b[22;0t", "\x1b[8;24;80t", "\x1bPq#0~~\x1b\\",
		"\x1b]52;c;aGk=\a", "\x1bP"+strings.Repeat("x", 3*MaxText)+"\x1b\\", "\x1b[4 q", "\x1b[3\x18x") {
		for size := 1; size < 4; size++ {
			var q Quiet
			var got []byte
			for rest := text + "."; rest != ""; rest = rest[min(size, len(rest)):] {
				got = q.Append(got, []byte(rest[:min(size, len(rest))]))
			}
			if got = append(got, q.Rest()...); string(got) != text+"." {
				t.Errorf("%.40q in pieces of %d: %.80q", text, size, got)
			}
		}
	}
}

// TestQuietMakesNoQuestions of what is left around one.
func TestQuietMakesNoQuestions(t *testing.T) {
	for text, want := range map[string]string{
		"\x1b\x1b[c[6n": "[6n", "\xc2\x1b[c\x9bc": "\ufffd\x9bc", "\xc2\x05\x9bc": "\ufffd\x9bc", "\x1b]0;a\x1b[cb": "\x1b]0;a\x1b\\b", "\x1b]0;a\x1b[31m": "\x1b]0;a\x1b\\\x1b[31m",
	} {
		var q Quiet
		if got := string(q.Append(nil, []byte(text))); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func FuzzQuiet(f *testing.F) {
	f.Add([]byte("\x1b[6n\x1b]11;?\a"))
	f.Fuzz(func(t *testing.T, p []byte) {
		var q, again Quiet
		once := q.Append(nil, p)
		if twice := append(again.Append(nil, once), again.Rest()...); string(twice) != string(once) {
			t.Fatalf("%q: %q, then %q", p, once, twice)
		}
	})
}
