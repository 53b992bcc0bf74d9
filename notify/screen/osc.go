package screen

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
)

// props are what a terminal is told by strings, and its titles.
type props struct {
	title, icon named
	stack       [][2]named // icon, title
	shape       int        // of the cursor
	shaped      bool
	lasting     []prop
}

// named is a title; one that was never set is not known.
type named struct {
	text string
	set  bool
}

// prop is a string that lasts until another of its key is sent: a colour, the
// directory. Value "" says that it was reset.
type prop struct {
	key, value string
}

const (
	maxTitle   = 1024
	maxStack   = 10 // as in xterm
	maxProps   = 300
	maxLasting = 128
)

// reset is what ESC c leaves: titles stay, colours go.
func (p props) reset() props {
	out := props{title: p.title, icon: p.icon, shaped: p.shaped}
	for _, l := range p.lasting {
		if resetOf(l.key) != "" {
			l.value = ""
		}
		out.lasting = append(out.lasting, l)
	}
	return out
}

// operating takes an OSC without its introducer and terminator.
func (s *Screen) operating(text []byte) {
	number, rest, _ := bytes.Cut(text, []byte{';'})
	n, err := strconv.Atoi(string(number))
	if err != nil {
		return
	}
	switch {
	case n <= 2:
		s.title(n, string(clean(rest, maxTitle)))
	case n == 8:
		if _, address, ok := bytes.Cut(rest, []byte{';'}); !ok || len(address) == 0 {
			rest = nil
		}
		s.linkTo(string(clean(rest, maxText)))
	case n == 4 || n == 5:
		pairs := strings.Split(string(rest), ";")
		for i := 0; i+1 < len(pairs); i += 2 {
			s.keepProp(strconv.Itoa(n)+";"+pairs[i], pairs[i+1])
		}
	case n >= 10 && n <= 19: // several are the ones that follow
		for i, v := range strings.Split(string(rest), ";") {
			if n+i <= 19 {
				s.keepProp(strconv.Itoa(n+i), v)
			}
		}
	case n == 104 || n == 105:
		s.resetProps(strconv.Itoa(n-100)+";", string(rest))
	case n >= 110 && n <= 119:
		s.keepProp(strconv.Itoa(n-100), "")
	case n == 7 || n == 22:
		s.keepProp(strconv.Itoa(n), string(rest))
	case n == 9 && bytes.HasPrefix(rest, []byte("4;")):
		s.keepProp("9;4", string(rest[2:]))
	case n == 1337 && bytes.HasPrefix(rest, []byte("File=")):
		if bytes.Contains(rest, []byte("inline=1")) {
			s.picture()
		}
	case n == 1337 && (bytes.HasPrefix(rest, []byte("MultipartFile=")) && bytes.Contains(rest, []byte("inline=1")) || bytes.HasPrefix(rest, []byte("FileEnd"))):
		s.picture()
	}
}

// clean drops what would end a string or control the terminal.
func clean(text []byte, limit int) []byte {
	text = text[:min(len(text), limit)]
	if bytes.IndexFunc(text, isControl) < 0 {
		return text
	}
	return bytes.Map(func(r rune) rune {
		if isControl(r) {
			return -1
		}
		return r
	}, text)
}

func isControl(r rune) bool { return r < 0x20 || r >= 0x7f && r < 0xa0 }

func (s *Screen) title(n int, text string) {
	if n != 2 {
		s.props.icon = named{text, true}
	}
	if n != 1 {
		s.props.title = named{text, true}
	}
}

// window is XTWINOPS, of which the stack of titles lasts.
func (s *Screen) window(p []int) {
	which, t := param(p, 1), &s.props
	switch {
	case p[0] == 22 && which <= 2:
		if len(t.stack) == maxStack {
			t.stack = slices.Delete(t.stack, 0, 1)
		}
		t.stack = append(t.stack, [2]named{t.icon, t.title})
	case p[0] == 23 && which <= 2 && len(t.stack) > 0:
		last := t.stack[len(t.stack)-1]
		t.stack = t.stack[:len(t.stack)-1]
		if which != 2 {
			t.icon = last[0]
		}
		if which != 1 {
			t.title = last[1]
		}
	}
}

// keepProp notes a string that lasts. A question is none.
func (s *Screen) keepProp(key, value string) {
	if strings.Contains(value, "?") || len(key)+len(value) > maxLasting && key != "7" {
		return
	}
	value = string(clean([]byte(value), maxTitle))
	list := s.props.lasting
	if i := slices.IndexFunc(list, func(p prop) bool { return p.key == key }); i >= 0 {
		list[i].value = value
		return
	}
	if len(list) < maxProps && string(clean([]byte(key), maxLasting)) == key {
		s.props.lasting = append(list, prop{key, value})
	}
}

// resetProps is OSC 104 and its like: the colours named, or all.
func (s *Screen) resetProps(prefix, which string) {
	for _, n := range strings.Split(which, ";") {
		for i, p := range s.props.lasting {
			if strings.HasPrefix(p.key, prefix) && (which == "" || p.key == prefix+n) {
				s.props.lasting[i].value = ""
			}
		}
	}
}

// resetOf is the string that resets what key names, "" where there is none.
func resetOf(key string) string {
	kind, which, _ := strings.Cut(key, ";")
	switch n, _ := strconv.Atoi(kind); {
	case n == 4 || n == 5:
		return strconv.Itoa(n+100) + ";" + which
	case n >= 10 && n <= 19:
		return strconv.Itoa(n + 100)
	}
	return ""
}

// appendProps writes titles, colours and the cursor's shape.
func (s *Screen) appendProps(b []byte) []byte {
	osc := func(text string) {
		b = append(append(append(b, "\x1b]"...), text...), "\x1b\\"...)
	}
	titles := func(t [2]named) {
		if t[0].set && t[0] == t[1] {
			osc("0;" + t[0].text)
			return
		}
		if t[0].set {
			osc("1;" + t[0].text)
		}
		if t[1].set {
			osc("2;" + t[1].text)
		}
	}
	for _, t := range s.props.stack {
		titles(t)
		b = append(b, "\x1b[22;0t"...)
	}
	titles([2]named{s.props.icon, s.props.title})
	for _, p := range s.props.lasting {
		switch {
		case p.value != "":
			osc(p.key + ";" + p.value)
		case resetOf(p.key) != "":
			osc(resetOf(p.key))
		default:
			osc(p.key + ";")
		}
	}
	if s.props.shaped {
		b = append(strconv.AppendInt(append(b, "\x1b["...), int64(s.props.shape), 10), " q"...)
	}
	return b
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
