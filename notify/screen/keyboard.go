package screen

import "strconv"

// maxKeys is how many levels of flags a terminal keeps; the oldest go.
const maxKeys = 16

// levels are the flags of kitty's keyboard protocol on the page that is shown,
// the ground's first.
func (s *Screen) levels() []int {
	p := s.page()
	if len(p.keys) == 0 {
		p.keys = append(p.keys, 0)
	}
	return p.keys
}

func (s *Screen) pushKeys(v []int) {
	keys := append(s.levels(), v[0]&31)
	if len(keys) > maxKeys {
		keys = append(keys[:1], keys[2:]...)
	}
	s.page().keys = keys
}

func (s *Screen) popKeys(v []int) {
	keys := s.levels()
	s.page().keys = keys[:max(len(keys)-max(v[0], 1), 1)]
}

// changeKeys sets flags, adds some or removes some.
func (s *Screen) changeKeys(v []int) {
	keys := s.levels()
	top, flags := &keys[len(keys)-1], v[0]&31
	switch param(v, 1) {
	case 0, 1:
		*top = flags
	case 2:
		*top |= flags
	case 3:
		*top &^= flags
	}
}

// appendKeys writes the levels for a terminal that has none.
func (p *page) appendKeys(b []byte) []byte {
	for i, flags := range p.keys {
		switch {
		case i > 0:
			b = append(strconv.AppendInt(append(b, "\x1b[>"...), int64(flags), 10), 'u')
		case flags != 0:
			b = append(strconv.AppendInt(append(b, "\x1b[="...), int64(flags), 10), ";1u"...)
		}
	}
	return b
}

// setting is one of xterm's of keys: modifyOtherKeys is the fourth. Which says
// what set it: CSI > m, or f for how the keys are encoded.
type setting struct {
	value, format     int
	valued, formatted bool
	disabled          bool
}

// setOther is XTMODKEYS, or XTFMTKEYS; without a value it resets.
func (s *Screen) setOther(p []int, final byte) {
	if p[0] >= len(s.other) {
		return
	}
	if len(p) == 1 && p[0] == 0 { // all of them
		for i := range s.other {
			s.other[i] = s.other[i].with(0, false, final)
		}
		return
	}
	s.other[p[0]] = s.other[p[0]].with(param(p, 1), len(p) > 1, final)
}

func (o setting) with(value int, set bool, final byte) setting {
	if final == 'f' {
		o.format, o.formatted = value, set
	} else {
		o.value, o.valued, o.disabled = value, set, false
	}
	return o
}

// unsetOther is CSI > n: no such keys at all.
func (s *Screen) unsetOther(p []int) {
	if p[0] < len(s.other) {
		s.other[p[0]].valued, s.other[p[0]].disabled = false, true
	}
}

func (s *Screen) appendOther(b []byte) []byte {
	for i, o := range s.other {
		n := strconv.Itoa(i)
		if o.valued {
			b = append(b, "\x1b[>"+n+";"+strconv.Itoa(o.value)+"m"...)
		}
		if o.disabled {
			b = append(b, "\x1b[>"+n+"n"...)
		}
		if o.formatted {
			b = append(b, "\x1b[>"+n+";"+strconv.Itoa(o.format)+"f"...)
		}
	}
	return b
}
