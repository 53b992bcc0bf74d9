package screen

import "slices"

// mode is one that a program set or reset.
type mode struct {
	number   int
	ansi, on bool
}

// maxModes is far more than there are.
const maxModes = 64

// setModes is SM, RM and their private kind.
func (s *Screen) setModes(p []int, ansi, on bool) {
	for _, number := range p {
		s.setMode(number, ansi, on)
		if ansi {
			switch number {
			case 4:
				s.insert = on
			case 20:
				s.newline = on
			}
			continue
		}
		if f := private[number]; f != nil {
			f(s, on)
		}
	}
}

// private are the modes that matter to the screen itself.
var private = map[int]func(s *Screen, on bool){
	6:    func(s *Screen, on bool) { s.origin = on; s.moveTo(0, 0) },
	7:    func(s *Screen, on bool) { s.noWrap = !on },
	25:   func(s *Screen, on bool) { s.hidden = !on },
	45:   func(s *Screen, on bool) { s.back = on },
	47:   (*Screen).oldAlternate,
	69:   (*Screen).setSideways,
	1047: (*Screen).alternate,
	1048: (*Screen).saveOrRestore,
	1049: func(s *Screen, on bool) {
		if on && !s.onAlt {
			s.save()
		}
		s.alternate(on)
		if !on { // on the main page too
			s.restore()
		}
	},
}

// oldAlternate is mode 47: some terminals clear the page, and others show what
// it had.
func (s *Screen) oldAlternate(on bool) {
	used := s.alt.lines != nil
	if on == s.onAlt {
		return
	}
	s.alternate(on)
	if on && used {
		s.forget()
	}
}

func (s *Screen) saveOrRestore(save bool) {
	if save {
		s.save()
	} else {
		s.restore()
	}
}

func (s *Screen) setSideways(on bool) {
	s.sideways = on
	s.left, s.right = 0, s.cols-1
	s.pend = false
}

// setMode notes a mode. Those that are on are wanted most when there is no room.
func (s *Screen) setMode(number int, ansi, on bool) {
	if !ansi && transient[number] {
		return
	}
	i := slices.IndexFunc(s.modes, func(m mode) bool { return m.number == number && m.ansi == ansi })
	if i >= 0 {
		s.modes = slices.Delete(s.modes, i, i+1)
	}
	if len(s.modes) == maxModes {
		off := slices.IndexFunc(s.modes, func(m mode) bool { return !m.on })
		if off < 0 {
			return
		}
		s.modes = slices.Delete(s.modes, off, off+1)
	}
	s.modes = append(s.modes, mode{number, ansi, on})
}

// modeOn tells whether a private mode was set.
func (s *Screen) modeOn(number int) bool {
	return slices.Contains(s.modes, mode{number: number, on: true})
}

// transient are the modes that are no state to be put back: pages, the saved
// cursor, and the change to 132 columns, which clears the screen.
var transient = map[int]bool{3: true, 47: true, 1047: true, 1048: true, 1049: true}

// setByRedraw are the modes that painting needs otherwise, so that Redraw sets them in
// its own order, after all others.
var setByRedraw = map[mode]bool{
	{number: 6}: true, {number: 7}: true, {number: 25}: true, {number: 69}: true, {number: 2026}: true,
	{number: 4, ansi: true}: true, {number: 20, ansi: true}: true,
}

// parkModes is XTSAVE, unparkModes XTRESTORE.
func (s *Screen) parkModes(p []int) {
	for _, number := range p {
		i := slices.IndexFunc(s.parked, func(m mode) bool { return m.number == number })
		if i < 0 {
			if len(s.parked) == maxModes {
				continue
			}
			i = len(s.parked)
			s.parked = append(s.parked, mode{})
		}
		on := s.modeOn(number)
		if number == 7 {
			on = !s.noWrap
		} else if number == 25 {
			on = !s.hidden
		}
		s.parked[i] = mode{number: number, on: on}
	}
}

func (s *Screen) unparkModes(p []int) {
	for _, number := range p {
		for _, m := range s.parked {
			if m.number == number {
				s.setModes([]int{number}, false, m.on)
			}
		}
	}
}

// softReset is DECSTR.
func (s *Screen) softReset() {
	s.origin, s.insert, s.noWrap, s.hidden, s.keypad = false, false, false, false, false
	s.setMode(1, false, false)
	s.setMode(4, true, false)
	s.setMode(6, false, false)
	s.setMode(7, false, true)
	s.setMode(25, false, true)
	s.top, s.bottom, s.left, s.right = 0, s.rows-1, 0, s.cols-1
	s.simple(0)
	s.pen.attr = 0
	s.charsets.init()
	s.page().saved = cursor{}
}
