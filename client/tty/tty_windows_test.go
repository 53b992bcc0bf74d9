package tty

import "testing"

// TestKeysOfTheConsole: what was typed arrives whole, wherever reads cut it.
func TestKeysOfTheConsole(t *testing.T) {
	for _, c := range []struct {
		name  string
		reads [][]uint16
		want  string
	}{
		{"letters", [][]uint16{{'a', 0xe9, 0x20ac, 0x1a, 3}}, "a\u00e9\u20ac\x1a\x03"},
		{"a pair", [][]uint16{{0xd83d, 0xde00, 'x'}}, "\U0001F600x"},
		{"a pair in two reads", [][]uint16{{'x', 0xd83d}, {0xde00}}, "x\U0001F600"},
		{"half a pair", [][]uint16{{0xd83d, 'a'}}, "\uFFFDa"},
		{"half a pair in two reads", [][]uint16{{0xd83d}, {'a', 'b'}}, "\uFFFDab"},
		{"halves", [][]uint16{{0xd83d}, {0xd83d}, {0xde00, 0xde00, 'a'}}, "\uFFFD\U0001F600\uFFFDa"},
	} {
		var in input
		for _, words := range c.reads {
			in.decode(words)
		}
		if string(in.ready) != c.want {
			t.Errorf("%s: %q, want %q", c.name, in.ready, c.want)
		}
	}
}
