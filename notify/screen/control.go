package screen

import (
	"tssh/notify/screen/escape"
	"tssh/notify/screen/grid"
)

// controls are the C0 characters that do something to a screen.
var controls = [0x20]func(*Screen){
	'\b': (*Screen).backspace,
	'\t': func(s *Screen) { s.tab(1) },
	'\n': (*Screen).lineFeed,
	'\v': (*Screen).lineFeed,
	'\f': (*Screen).lineFeed,
	'\r': (*Screen).carriageReturn,
	0x0e: func(s *Screen) { s.GL = 1 },
	0x0f: func(s *Screen) { s.GL = 0 },
}

// escapes are ESC and one byte. As a byte of its own, a character from 0x80 to
// 0x9f is ESC and that less 0x40.
var escapes = [0x80]func(*Screen){
	'6': func(s *Screen) { s.indexColumn(s.left, 1) },
	'7': (*Screen).save,
	'8': (*Screen).restore,
	'9': func(s *Screen) { s.indexColumn(s.right, -1) },
	'=': func(s *Screen) { s.keypad = true },
	'>': func(s *Screen) { s.keypad = false },
	'D': (*Screen).lineFeedOnly,
	'E': func(s *Screen) { s.lineFeedOnly(); s.carriageReturn() },
	'H': func(s *Screen) { s.tabs[s.x], s.tabsSet = true, true },
	'M': (*Screen).reverseIndex,
	'N': func(s *Screen) { s.Single = 2 },
	'O': func(s *Screen) { s.Single = 3 },
	'V': func(s *Screen) { s.pen.Attr, s.guards = s.pen.Attr|grid.Guarded, true },
	'W': func(s *Screen) { s.pen.Attr &^= grid.Guarded },
	'c': (*Screen).reset,
	'n': func(s *Screen) { s.GL = 2 },
	'o': func(s *Screen) { s.GL = 3 },
}

func (s *Screen) lineFeedOnly() {
	s.row(s.y).Wrapped = false
	s.index()
}

// indexColumn is DECBI and DECFI: a step to the side, which moves the region's
// content at its margin.
func (s *Screen) indexColumn(margin, n int) {
	if s.x != margin || s.y < s.top || s.y > s.bottom {
		if n > 0 {
			s.sideway(-1)
		} else {
			s.sideway(1)
		}
		return
	}
	s.shiftColumns(s.left, n)
}

// command is a control sequence; p has at least one parameter.
type command func(s *Screen, p []int)

// count gives a command its first parameter, 1 at least.
func count(f func(s *Screen, n int)) command {
	return func(s *Screen, p []int) { f(s, max(p[0], 1)) }
}

// commands are the sequences without a mark and an intermediate, by their final
// byte less 0x40.
var commands = [0x40]command{
	'@' - 0x40: count((*Screen).insertCells),
	'A' - 0x40: count(func(s *Screen, n int) { s.vertical(-n) }),
	'B' - 0x40: count((*Screen).vertical),
	'C' - 0x40: count((*Screen).sideway),
	'D' - 0x40: count(func(s *Screen, n int) { s.sideway(-n) }),
	'E' - 0x40: count(func(s *Screen, n int) { s.vertical(n); s.carriageReturn() }),
	'F' - 0x40: count(func(s *Screen, n int) { s.vertical(-n); s.carriageReturn() }),
	'G' - 0x40: count(func(s *Screen, n int) { s.column(n - 1) }),
	'H' - 0x40: func(s *Screen, p []int) { s.moveTo(max(param(p, 1), 1)-1, max(p[0], 1)-1) },
	'I' - 0x40: count((*Screen).tab),
	'J' - 0x40: func(s *Screen, p []int) { s.eraseScreen(p[0]) },
	'K' - 0x40: func(s *Screen, p []int) { s.eraseLine(p[0]) },
	'L' - 0x40: count(func(s *Screen, n int) { s.insertLines(-n) }),
	'M' - 0x40: count((*Screen).insertLines),
	'P' - 0x40: count((*Screen).deleteCells),
	'S' - 0x40: count(func(s *Screen, n int) { s.shift(s.top, n, true) }),
	'T' - 0x40: func(s *Screen, p []int) {
		if len(p) == 1 { // else it is about the mouse
			s.shift(s.top, -max(p[0], 1), false)
		}
	},
	'X' - 0x40: count((*Screen).eraseCells),
	'Z' - 0x40: count(func(s *Screen, n int) { s.tab(-n) }),
	'`' - 0x40: count(func(s *Screen, n int) { s.column(n - 1) }),
	'a' - 0x40: count((*Screen).sideway),
	'b' - 0x40: count((*Screen).repeat),
	'd' - 0x40: count(func(s *Screen, n int) { s.moveRow(n - 1) }),
	'e' - 0x40: count((*Screen).vertical),
	'f' - 0x40: func(s *Screen, p []int) { s.moveTo(max(param(p, 1), 1)-1, max(p[0], 1)-1) },
	'g' - 0x40: func(s *Screen, p []int) { s.clearTabs(p[0]) },
	'h' - 0x40: func(s *Screen, p []int) { s.setModes(p, true, true) },
	'l' - 0x40: func(s *Screen, p []int) { s.setModes(p, true, false) },
	'm' - 0x40: (*Screen).style,
	'r' - 0x40: (*Screen).region,
	's' - 0x40: (*Screen).marginsOrSave,
	't' - 0x40: (*Screen).window,
	'u' - 0x40: func(s *Screen, p []int) { s.restore() },
}

// rare are the sequences with a mark before the parameters, an intermediate
// behind them, or an odd final byte: key makes their index.
var rare = map[int]command{
	escape.Key('?', 0, 'h'): func(s *Screen, p []int) { s.setModes(p, false, true) },
	escape.Key('?', 0, 'l'): func(s *Screen, p []int) { s.setModes(p, false, false) },
	escape.Key('?', 0, 's'): (*Screen).parkModes,
	escape.Key('?', 0, 'r'): (*Screen).unparkModes,
	escape.Key('?', 0, 'J'): func(s *Screen, p []int) { s.eraseUnguarded(p[0], true) },
	escape.Key('?', 0, 'K'): func(s *Screen, p []int) { s.eraseUnguarded(p[0], false) },
	escape.Key('?', 0, 'W'): func(s *Screen, p []int) {
		if p[0] == 5 {
			s.defaultTabs()
			s.tabsSet = true
		}
	},
	escape.Key(0, '!', 'p'):  func(s *Screen, p []int) { s.softReset() },
	escape.Key(0, '"', 'q'):  (*Screen).guard,
	escape.Key(0, ' ', 'q'):  func(s *Screen, p []int) { s.props.Shape, s.props.Shaped = min(p[0], 99), true },
	escape.Key(0, ' ', '@'):  count(func(s *Screen, n int) { s.shiftColumns(s.left, -n) }),
	escape.Key(0, ' ', 'A'):  count(func(s *Screen, n int) { s.shiftColumns(s.left, n) }),
	escape.Key(0, '\'', '}'): count(func(s *Screen, n int) { s.columnsHere(n) }),
	escape.Key(0, '\'', '~'): count(func(s *Screen, n int) { s.columnsHere(-n) }),
	escape.Key(0, '$', 'v'):  (*Screen).copyRect,
	escape.Key(0, '$', 'x'):  (*Screen).fillRect,
	escape.Key(0, '$', 'z'):  func(s *Screen, p []int) { s.eraseRect(p, false) },
	escape.Key(0, '$', '{'):  func(s *Screen, p []int) { s.eraseRect(p, true) },
	escape.Key(0, '$', 'r'):  func(s *Screen, p []int) { s.styleRect(p, false) },
	escape.Key(0, '$', 't'):  func(s *Screen, p []int) { s.styleRect(p, true) },
	escape.Key(0, '*', 'x'):  func(s *Screen, p []int) { s.squares = p[0] == 2 },
	escape.Key('>', 0, 'u'):  func(s *Screen, p []int) { s.page().keys.Push(p[0]) },
	escape.Key('<', 0, 'u'):  func(s *Screen, p []int) { s.page().keys.Pop(p[0]) },
	escape.Key('=', 0, 'u'):  func(s *Screen, p []int) { s.page().keys.Change(p[0], param(p, 1)) },
	escape.Key('>', 0, 'm'):  func(s *Screen, p []int) { s.others.Set(p, 'm') },
	escape.Key('>', 0, 'n'):  func(s *Screen, p []int) { s.others.Unset(p[0]) },
	escape.Key('>', 0, 'f'):  func(s *Screen, p []int) { s.others.Set(p, 'f') },
}

// param is a parameter, 0 when missing.
func param(p []int, i int) int {
	if i >= len(p) {
		return 0
	}
	return p[i]
}
