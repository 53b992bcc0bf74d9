package tty

import (
	"bytes"
	"testing"
)

func TestModesOfATerminal(t *testing.T) {
	tab := table{
		chars:   []char{{1, 0}, {5, 1}},
		input:   []flag{{36, 0x10}},
		local:   []flag{{50, 1}, {53, 2}},
		output:  []flag{{70, 1}},
		control: []flag{{91, 0x30}},
	}
	got := tab.encode(&settings{input: 0x10, local: 2, output: 1, control: 0x30, chars: []byte{3, 0}, ispeed: 9600, ospeed: 38400})
	want := []byte{
		129, 0, 0, 0x96, 0, // out 38400
		128, 0, 0, 0x25, 0x80, // in 9600
		1, 0, 0, 0, 3, // intr ^C
		5, 0, 0, 0, 255, // eof: none
		36, 0, 0, 0, 1,
		50, 0, 0, 0, 0,
		53, 0, 0, 0, 1,
		70, 0, 0, 0, 1,
		91, 0, 0, 0, 1,
		0,
	}
	if !bytes.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}
