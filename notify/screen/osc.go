package screen

import (
	"bytes"
	"strconv"

	"tssh/notify/screen/escape"
	"tssh/notify/screen/settings"
)

// operating takes an OSC without its introducer and terminator.
func (s *Screen) operating(text []byte) {
	number, rest, _ := bytes.Cut(text, []byte{';'})
	n, err := strconv.Atoi(string(number))
	switch {
	case err != nil:
	case n == 8:
		if _, address, ok := bytes.Cut(rest, []byte{';'}); !ok || len(address) == 0 {
			rest = nil
		}
		s.linkTo(string(settings.Clean(rest, escape.MaxText)))
	case n == 1337:
		if bytes.HasPrefix(rest, []byte("FileEnd")) || bytes.Contains(rest, []byte("inline=1")) &&
			(bytes.HasPrefix(rest, []byte("File=")) || bytes.HasPrefix(rest, []byte("MultipartFile="))) {
			s.picture()
		}
	default:
		s.props.Set(n, rest)
	}
}

// window is XTWINOPS, of which the stack of titles lasts.
func (s *Screen) window(p []int) {
	which := param(p, 1)
	switch {
	case p[0] == 22 && which <= 2:
		s.props.Push()
	case p[0] == 23 && which <= 2:
		s.props.Pop(which)
	}
}

// device takes the beginning of a DCS or APC without its introducer: pictures
// matter.
func (s *Screen) device(introducer byte, text []byte) {
	switch introducer {
	case 'P':
		if i := bytes.IndexFunc(text, func(r rune) bool { return r >= 0x40 }); i >= 0 && text[i] == 'q' && !bytes.ContainsAny(text[:i], "$+") {
			s.picture() // sixel; $q and +q are questions
		} else if i >= 0 && text[i] == 'p' && bytes.IndexByte(text[:i], '=') < 0 && i < 4 {
			s.picture() // ReGIS, or tmux's control mode
		}
	case '_':
		if len(text) == 0 || text[0] != 'G' {
			return
		}
		keys, _, _ := bytes.Cut(text[1:], []byte{';'})
		shows := false
		for _, k := range bytes.Split(keys, []byte{','}) {
			shows = shows || string(k) == "a=T" || string(k) == "a=p" || string(k) == "a=f"
		}
		if shows {
			s.picture()
		}
	}
}

// picture is called for one: it covers nobody knows how many rows, and where
// the cursor is then depends on the size of a cell.
func (s *Screen) picture() {
	s.forget()
	s.page().anchored = false
	s.asked.void = true
}
