package settings

import "strconv"

// maxKeys is how many levels of flags a terminal keeps; the oldest go.
const maxKeys = 16

// Keys are the flags of kitty's keyboard protocol by level, the ground's first.
type Keys []int

// Push begins a level.
func (k *Keys) Push(flags int) {
	if len(*k) == 0 {
		*k = Keys{0}
	}
	*k = append(*k, flags&31)
	if len(*k) > maxKeys {
		*k = append((*k)[:1], (*k)[2:]...)
	}
}

// Pop ends levels, but not the ground.
func (k *Keys) Pop(n int) {
	*k = (*k)[:min(max(len(*k)-max(n, 1), 1), len(*k))]
}

// Change sets flags of the topmost level, adds some or removes some.
func (k *Keys) Change(flags, how int) {
	if len(*k) == 0 {
		*k = Keys{0}
	}
	top := &(*k)[len(*k)-1]
	flags &= 31
	switch how {
	case 0, 1:
		*top = flags
	case 2:
		*top |= flags
	case 3:
		*top &^= flags
	}
}

// Append writes the levels for a terminal that has none.
func (k Keys) Append(b []byte) []byte {
	for i, flags := range k {
		switch {
		case i > 0:
			b = append(strconv.AppendInt(append(b, "\x1b[>"...), int64(flags), 10), 'u')
		case flags != 0:
			b = append(strconv.AppendInt(append(b, "\x1b[="...), int64(flags), 10), ";1u"...)
		}
	}
	return b
}

// Leave goes back to none.
func (k Keys) Leave(b []byte) []byte {
	if n := len(k) - 1; n > 0 {
		b = append(strconv.AppendInt(append(b, "\x1b[<"...), int64(n), 10), 'u')
	}
	if len(k) > 0 && k[0] != 0 {
		b = append(b, "\x1b[=0;1u"...)
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

// Others are the settings of keys by number.
type Others [8]setting

// Set is XTMODKEYS, or XTFMTKEYS; without a value it resets.
func (o *Others) Set(p []int, final byte) {
	if p[0] >= len(o) {
		return
	}
	if len(p) == 1 && p[0] == 0 { // all of them
		for i := range o {
			o[i] = o[i].with(0, false, final)
		}
		return
	}
	value := 0
	if len(p) > 1 {
		value = p[1]
	}
	o[p[0]] = o[p[0]].with(value, len(p) > 1, final)
}

func (o setting) with(value int, set bool, final byte) setting {
	if final == 'f' {
		o.format, o.formatted = value, set
	} else {
		o.value, o.valued, o.disabled = value, set, false
	}
	return o
}

// Unset is CSI > n: no such keys at all.
func (o *Others) Unset(n int) {
	if n < len(o) {
		o[n].valued, o[n].disabled = false, true
	}
}

// Append writes them for a terminal that has none.
func (o *Others) Append(b []byte) []byte {
	for i, v := range o {
		n := strconv.Itoa(i)
		if v.valued {
			b = append(b, "\x1b[>"+n+";"+strconv.Itoa(v.value)+"m"...)
		}
		if v.disabled {
			b = append(b, "\x1b[>"+n+"n"...)
		}
		if v.formatted {
			b = append(b, "\x1b[>"+n+";"+strconv.Itoa(v.format)+"f"...)
		}
	}
	return b
}

// Leave resets what was set.
func (o *Others) Leave(b []byte) []byte {
	for i, v := range o {
		if v.valued || v.disabled {
			b = append(strconv.AppendInt(append(b, "\x1b[>"...), int64(i), 10), 'm')
		}
		if v.formatted {
			b = append(strconv.AppendInt(append(b, "\x1b[>"...), int64(i), 10), 'f')
		}
	}
	return b
}
