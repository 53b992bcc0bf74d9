// Package width tells how many columns characters take.
package width

import (
	"sync"
	"unicode"
)

// wide are the characters that take two columns: East Asian wide and full width,
// and emoji.
var wide = &unicode.RangeTable{
	R16: []unicode.Range16{
		{0x1100, 0x115f, 1}, {0x231a, 0x231b, 1}, {0x2329, 0x232a, 1}, {0x23e9, 0x23ec, 1}, {0x23f0, 0x23f3, 3},
		{0x25fd, 0x25fe, 1}, {0x2614, 0x2615, 1}, {0x2648, 0x2653, 1}, {0x267f, 0x2693, 20}, {0x26a1, 0x26a1, 1},
		{0x26aa, 0x26ab, 1}, {0x26bd, 0x26be, 1}, {0x26c4, 0x26c5, 1}, {0x26ce, 0x26d4, 6}, {0x26ea, 0x26ea, 1},
		{0x26f2, 0x26f3, 1}, {0x26f5, 0x26fa, 5}, {0x26fd, 0x2705, 8}, {0x270a, 0x270b, 1}, {0x2728, 0x2728, 1},
		{0x274c, 0x274e, 2}, {0x2753, 0x2755, 1}, {0x2757, 0x2757, 1}, {0x2795, 0x2797, 1}, {0x27b0, 0x27bf, 15},
		{0x2b1b, 0x2b1c, 1}, {0x2b50, 0x2b55, 5}, {0x2e80, 0x303e, 1}, {0x3041, 0x4dbf, 1}, {0x4e00, 0xa4cf, 1},
		{0xa960, 0xa97f, 1}, {0xac00, 0xd7a3, 1}, {0xf900, 0xfaff, 1}, {0xfe10, 0xfe19, 1}, {0xfe30, 0xfe6f, 1},
		{0xff00, 0xff60, 1}, {0xffe0, 0xffe6, 1},
	},
	R32: []unicode.Range32{
		{0x16fe0, 0x16fe4, 1}, {0x17000, 0x18cff, 1}, {0x1aff0, 0x1b2ff, 1}, {0x1f004, 0x1f004, 1}, {0x1f0cf, 0x1f0cf, 1},
		{0x1f18e, 0x1f18e, 1}, {0x1f191, 0x1f19a, 1}, {0x1f200, 0x1f320, 1}, {0x1f32d, 0x1f335, 1}, {0x1f337, 0x1f37c, 1},
		{0x1f37e, 0x1f393, 1}, {0x1f3a0, 0x1f3ca, 1}, {0x1f3cf, 0x1f3d3, 1}, {0x1f3e0, 0x1f3f0, 1}, {0x1f3f4, 0x1f3f4, 1},
		{0x1f3f8, 0x1f43e, 1}, {0x1f440, 0x1f440, 1}, {0x1f442, 0x1f4fc, 1}, {0x1f4ff, 0x1f53d, 1}, {0x1f54b, 0x1f54e, 1},
		{0x1f550, 0x1f567, 1}, {0x1f57a, 0x1f57a, 1}, {0x1f595, 0x1f596, 1}, {0x1f5a4, 0x1f5a4, 1}, {0x1f5fb, 0x1f64f, 1},
		{0x1f680, 0x1f6c5, 1}, {0x1f6cc, 0x1f6cc, 1}, {0x1f6d0, 0x1f6d2, 1}, {0x1f6d5, 0x1f6d7, 1}, {0x1f6dc, 0x1f6df, 1},
		{0x1f6eb, 0x1f6ec, 1}, {0x1f6f4, 0x1f6fc, 1}, {0x1f7e0, 0x1f7eb, 1}, {0x1f7f0, 0x1f7f0, 1}, {0x1f90c, 0x1f93a, 1},
		{0x1f93c, 0x1f945, 1}, {0x1f947, 0x1f9ff, 1}, {0x1fa70, 0x1faff, 1}, {0x20000, 0x3fffd, 1},
	},
}

// widths says of the first 131072 characters, two bits each, how many columns
// they take: to ask Unicode's tables each time costs more than all the rest.
var widths = sync.OnceValue(func() *[1 << 15]byte {
	t := new([1 << 15]byte)
	for i := range t {
		t[i] = 0x55
	}
	set := func(lo, hi, stride, w uint32) {
		for r := max(lo, 0x300); r <= min(hi, 1<<17-1); r += stride {
			t[r>>2] = t[r>>2]&^(3<<(r&3*2)) | byte(w)<<(r&3*2)
		}
	}
	all := func(table *unicode.RangeTable, w uint32) {
		for _, r := range table.R16 {
			set(uint32(r.Lo), uint32(r.Hi), uint32(r.Stride), w)
		}
		for _, r := range table.R32 {
			set(r.Lo, r.Hi, r.Stride, w)
		}
	}
	all(unicode.Mn, 0)
	all(unicode.Me, 0)
	all(unicode.Cf, 0)
	set(0x1160, 0x11ff, 1, 0) // the parts of a Hangul syllable that join
	all(wide, 2)
	return t
})

// Of is how many columns a character takes.
func Of(r rune) int {
	switch {
	case r < 0x300 || r > unicode.MaxRune:
		return 1
	case r < 1<<17:
		return int(widths()[r>>2] >> (r & 3 * 2) & 3)
	case unicode.Is(wide, r):
		return 2
	case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		return 0
	}
	return 1
}

// Disputed tells of characters that some terminals join with their neighbours
// into one, of another width, and others don't: what makes an emoji of a
// character, joins emoji, colours them, and the letters of flags.
func Disputed(r rune) bool {
	return r >= 0x200d && (r == 0x200d || r == 0xfe0f || r >= 0x1f1e6 && r <= 0x1f1ff || r >= 0x1f3fb && r <= 0x1f3ff || r >= 0xe0020 && r <= 0xe007f)
}

// Text is how many columns a text takes.
func Text(text string) (n int) {
	for _, r := range text {
		n += Of(r)
	}
	return n
}
