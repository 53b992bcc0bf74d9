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
	lasting     []prop
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

const (
	maxTitle   = 1024
	maxStack   = 10 // as in xterm
	maxProps   = 300
	maxLasting = 128
)

// Reset is what ESC c leaves: titles stay, colours go.
func (p Props) Reset() Props {
	out := Props{Title: p.Title, icon: p.icon, Shaped: p.Shaped}
	for _, l := range p.lasting {
		if resetOf(l.key) != "" {
			l.value = ""
		}
		out.lasting = append(out.lasting, l)
	}
	return out
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
		for i, v := range strings.Split(string(rest), ";") {
			if n+i <= 19 {
				p.keep(strconv.Itoa(n+i), v)
			}
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
	value = string(Clean([]byte(value), maxTitle))
	list := p.lasting
	if i := slices.IndexFunc(list, func(o prop) bool { return o.key == key }); i >= 0 {
		list[i].value = value
		return
	}
	if len(list) < maxProps && string(Clean([]byte(key), maxLasting)) == key {
		p.lasting = append(list, prop{key, value})
	}
}

// unset is OSC 104 and its like: the colours named, or all.
func (p *Props) unset(prefix, which string) {
	for _, n := range strings.Split(which, ";") {
		for i, l := range p.lasting {
			if strings.HasPrefix(l.key, prefix) && (which == "" || l.key == prefix+n) {
				p.lasting[i].value = ""
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
	for _, l := range p.lasting {
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
	for _, l := range p.lasting {
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
