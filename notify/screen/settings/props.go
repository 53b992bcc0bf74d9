package settings

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
)

// Props are what a terminal is told by strings, and its titles.
type Props struct {
	Title, icon named
	stack       [][2]named // icon, title
	Shape       int        // of the cursor
	Shaped      bool
	lasting     [3]lasting // of the palette, of special colours, and others
}

// named is a title; one that was never set is not known.
type named struct {
	Text string
	set  bool
}

// prop is a string that lasts until another of its key is sent: a colour, the
// directory. Value "" says that it was reset.
type prop struct {
	key, value string
}

// lasting are those of a kind; the first set of them have a value.
type lasting struct {
	list []prop
	set  int
	at   map[string]int // by key
}

// keep notes a value, "" for none.
func (l *lasting) keep(key, value string) {
	i, known := l.at[key]
	if !known {
		if len(l.list) == maxProps || string(Clean([]byte(key), maxLasting)) != key {
			return
		}
		if l.at == nil {
			l.at = map[string]int{}
		}
		i = len(l.list)
		l.list = append(l.list, prop{key: strings.Clone(key)})
		l.at[l.list[i].key] = i
	}
	switch had := i < l.set; {
	case value != "" && !had:
		l.swap(i, l.set)
		i = l.set
		l.set++
	case value == "" && had:
		l.set--
		l.swap(i, l.set)
		i = l.set
	}
	l.list[i].value = value
}

func (l *lasting) swap(i, j int) {
	if i != j {
		l.list[i], l.list[j] = l.list[j], l.list[i]
		l.at[l.list[i].key], l.at[l.list[j].key] = i, j
	}
}

// reset takes all values away.
func (l *lasting) reset() {
	for i := range l.list[:l.set] {
		l.list[i].value = ""
	}
	l.set = 0
}

// kind is where a key is kept.
func kind(key string) int {
	switch {
	case strings.HasPrefix(key, "4;"):
		return 0
	case strings.HasPrefix(key, "5;"):
		return 1
	}
	return 2
}

const (
	maxTitle   = 1024
	maxStack   = 10 // as in xterm
	maxProps   = 300
	maxLasting = 128
)

// Reset is what ESC c leaves: titles stay, colours go.
func (p *Props) Reset() {
	p.lasting[0].reset()
	p.lasting[1].reset()
	for i := 0; i < p.lasting[2].set; {
		if key := p.lasting[2].list[i].key; resetOf(key) != "" {
			p.lasting[2].keep(key, "")
			continue
		}
		i++
	}
	p.stack, p.Shape = nil, 0
}

// Set takes an OSC by its number.
func (p *Props) Set(n int, rest []byte) {
	switch {
	case n <= 2:
		p.name(n, string(Clean(rest, maxTitle)))
	case n == 4 || n == 5:
		pairs := strings.Split(string(rest), ";")
		for i := 0; i+1 < len(pairs); i += 2 {
			p.keep(strconv.Itoa(n)+";"+pairs[i], pairs[i+1])
		}
	case n >= 10 && n <= 19: // several are the ones that follow
		for v := range strings.SplitSeq(string(rest), ";") {
			if n <= 19 {
				p.keep(strconv.Itoa(n), v)
			}
			n++
		}
	case n == 104 || n == 105:
		p.unset(strconv.Itoa(n-100)+";", string(rest))
	case n >= 110 && n <= 119:
		p.keep(strconv.Itoa(n-100), "")
	case n == 7 || n == 22:
		p.keep(strconv.Itoa(n), string(rest))
	case n == 9 && bytes.HasPrefix(rest, []byte("4;")):
		p.keep("9;4", string(rest[2:]))
	}
}

// Clean drops what would end a string or control the terminal.
func Clean(text []byte, limit int) []byte {
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

func (p *Props) name(n int, text string) {
	if n != 2 {
		p.icon = named{text, true}
	}
	if n != 1 {
		p.Title = named{text, true}
	}
}

// Push keeps the titles on their stack.
func (p *Props) Push() {
	if len(p.stack) == maxStack {
		p.stack = slices.Delete(p.stack, 0, 1)
	}
	p.stack = append(p.stack, [2]named{p.icon, p.Title})
}

// Pop takes titles back from the stack: 1 is the icon's only, 2 the window's.
func (p *Props) Pop(which int) {
	if len(p.stack) == 0 {
		return
	}
	last := p.stack[len(p.stack)-1]
	p.stack = p.stack[:len(p.stack)-1]
	if which != 2 {
		p.icon = last[0]
	}
	if which != 1 {
		p.Title = last[1]
	}
}

// keep notes a string that lasts. A question is none.
func (p *Props) keep(key, value string) {
	if strings.Contains(value, "?") || len(key)+len(value) > maxLasting && key != "7" {
		return
	}
	p.lasting[kind(key)].keep(key, string(Clean([]byte(value), maxTitle)))
}

// unset is OSC 104 and its like: the colours named, or all.
func (p *Props) unset(prefix, which string) {
	l := &p.lasting[kind(prefix)]
	if which == "" {
		l.reset()
		return
	}
	for n := range strings.SplitSeq(which, ";") {
		if _, known := l.at[prefix+n]; known {
			l.keep(prefix+n, "")
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

func (p *Props) all() []prop {
	return slices.Concat(p.lasting[0].list, p.lasting[1].list, p.lasting[2].list)
}

// Append writes titles, colours and the cursor's shape.
func (p *Props) Append(b []byte) []byte {
	osc := func(text string) {
		b = append(append(append(b, "\x1b]"...), text...), "\x1b\\"...)
	}
	titles := func(t [2]named) {
		if t[0].set && t[0] == t[1] {
			osc("0;" + t[0].Text)
			return
		}
		if t[0].set {
			osc("1;" + t[0].Text)
		}
		if t[1].set {
			osc("2;" + t[1].Text)
		}
	}
	for _, t := range p.stack {
		titles(t)
		b = append(b, "\x1b[22;0t"...)
	}
	titles([2]named{p.icon, p.Title})
	for _, l := range p.all() {
		switch {
		case l.value != "":
			osc(l.key + ";" + l.value)
		case resetOf(l.key) != "":
			osc(resetOf(l.key))
		default:
			osc(l.key + ";")
		}
	}
	if p.Shaped {
		b = append(strconv.AppendInt(append(b, "\x1b["...), int64(p.Shape), 10), " q"...)
	}
	return b
}

// Leave gives back colours, the cursor's shape and the title that was there
// before.
func (p *Props) Leave(b []byte) []byte {
	for _, l := range p.all() {
		if text := resetOf(l.key); text != "" && l.value != "" {
			b = append(append(append(b, "\x1b]"...), text...), "\x1b\\"...)
		}
	}
	if p.Shaped && p.Shape != 0 {
		b = append(b, "\x1b[0 q"...)
	}
	for range p.stack {
		b = append(b, "\x1b[23;0t"...)
	}
	return b
}
