package screen

import "tssh/notify/screen/settings"

// setModes is SM, RM and their private kind.
func (s *Screen) setModes(p []int, ansi, on bool) {
	for _, number := range p {
		s.modes.Set(number, ansi, on)
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
	used := s.alt.Lines != nil
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

// setByRedraw are the modes that painting needs otherwise, so that Redraw sets them in
// its own order, after all others.
var setByRedraw = map[settings.Mode]bool{
	{Number: 6}: true, {Number: 7}: true, {Number: 25}: true, {Number: 69}: true, {Number: 2026}: true,
	{Number: 4, ANSI: true}: true, {Number: 20, ANSI: true}: true,
}

// parkModes is XTSAVE, unparkModes XTRESTORE.
func (s *Screen) parkModes(p []int) {
	for _, number := range p {
		on := s.modes.On(number)
		switch number {
		case 7:
			on = !s.noWrap
		case 25:
			on = !s.hidden
		}
		s.modes.Park(number, on)
	}
}

func (s *Screen) unparkModes(p []int) {
	for _, number := range p {
		if on, ok := s.modes.Unpark(number); ok {
			s.setModes([]int{number}, false, on)
		}
	}
}

// softReset is DECSTR.
func (s *Screen) softReset() {
	s.origin, s.insert, s.noWrap, s.hidden, s.keypad = false, false, false, false, false
	s.modes.Set(1, false, false)
	s.modes.Set(4, true, false)
	s.modes.Set(6, false, false)
	s.modes.Set(7, false, true)
	s.modes.Set(25, false, true)
	s.top, s.bottom, s.left, s.right = 0, s.rows-1, 0, s.cols-1
	s.style([]int{0})
	s.pen.Attr = 0
	s.Sets.Init()
	s.page().saved = cursor{}
}
