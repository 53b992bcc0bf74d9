// Package settings has what a program tells a terminal and that changes nothing on
// its screen: modes, titles, colours, the keyboard. It is remembered, to tell it
// to another terminal (Append), or to take it back (Leave).
package settings

import (
	"slices"
	"strconv"
)

// Modes are those that a program set or reset.
type Modes struct {
	List   []Mode // in order
	set    bool   // since a reset
	parked []Mode // kept by CSI ? s
}

// Mode is one that a program set or reset.
type Mode struct {
	Number   int
	ANSI, On bool
}

// maxModes is far more than there are.
const maxModes = 48

// Set notes a mode. Those that are on are wanted most when there is no room.
func (m *Modes) Set(number int, ansi, on bool) {
	if !ansi && transient[number] {
		return
	}
	now := Mode{number, ansi, on}
	m.set = true
	for i, o := range m.List {
		if o.Number == number && o.ANSI == ansi {
			copy(m.List[i:], m.List[i+1:])
			m.List[len(m.List)-1] = now
			return
		}
	}
	if len(m.List) == maxModes {
		off := slices.IndexFunc(m.List, func(o Mode) bool { return !o.On })
		if off < 0 {
			return
		}
		m.List = slices.Delete(m.List, off, off+1)
	}
	m.List = append(m.List, now)
}

// On tells whether a private mode was set.
func (m *Modes) On(number int) bool {
	return slices.Contains(m.List, Mode{Number: number, On: true})
}

// transient are the modes that are no state to be put back: pages, the saved
// cursor, and the change to 132 columns, which clears the screen.
var transient = map[int]bool{3: true, 47: true, 1047: true, 1048: true, 1049: true}

// Reset is ESC c: all are off now, by the program's own will.
func (m *Modes) Reset() {
	m.parked = nil
	if !m.set {
		return
	}
	m.set = false
	for i := range m.List {
		o := &m.List[i]
		o.On = !o.ANSI && (o.Number == 7 || o.Number == 25)
	}
}

// Park keeps how a private mode is now.
func (m *Modes) Park(number int, on bool) {
	i := slices.IndexFunc(m.parked, func(o Mode) bool { return o.Number == number })
	if i < 0 {
		if len(m.parked) == maxModes {
			return
		}
		i = len(m.parked)
		m.parked = append(m.parked, Mode{})
	}
	m.parked[i] = Mode{Number: number, On: on}
}

// Unpark tells how a mode was when it was parked.
func (m *Modes) Unpark(number int) (on, ok bool) {
	i := slices.IndexFunc(m.parked, func(o Mode) bool { return o.Number == number })
	return i >= 0 && m.parked[i].On, i >= 0
}

// Append writes what sets the mode, or resets it.
func (m Mode) Append(b []byte) []byte {
	b = append(b, "\x1b["...)
	final := byte('l')
	if m.On {
		final = 'h'
	}
	if !m.ANSI {
		b = append(b, '?')
	}
	return append(strconv.AppendInt(b, int64(m.Number), 10), final)
}

// lastingModes are the modes that a terminal has off by default and whose lasting on
// spoils it for the next program: application keys, mouse, focus, paste.
var lastingModes = []int{1, 5, 9, 45, 66, 1000, 1001, 1002, 1003, 1004, 1005, 1006, 1015, 1016, 2004, 2027, 2031, 2048, 9001}

// AppendOff switches off what may be on from before, and is not here.
func (m *Modes) AppendOff(b []byte) []byte {
	for _, number := range lastingModes {
		if !m.On(number) {
			b = Mode{Number: number}.Append(b)
		}
	}
	return b
}

// Leave switches off what lasts.
func (m *Modes) Leave(b []byte) []byte {
	for _, number := range lastingModes {
		if m.On(number) {
			b = Mode{Number: number}.Append(b)
		}
	}
	return b
}

// AppendParked parks again what is parked, in a terminal that is as at first.
func (m *Modes) AppendParked(b []byte) []byte {
	for _, o := range m.parked {
		if !transient[o.Number] {
			b = o.Append(b)
			b = append(strconv.AppendInt(append(b, "\x1b[?"...), int64(o.Number), 10), 's')
			b = Mode{o.Number, false, o.Number == 7}.Append(b)
		}
	}
	return b
}
