package admit

// windowSize is how many knocks may overtake each other.
const windowSize = uint64(64)

// window remembers which of the latest sequence numbers were seen, so that
// none is taken twice, though they may overtake each other.
type window struct {
	highest uint64
	bits    uint64 // bit i: highest-i was seen
}

// add reports whether n is new.
func (w *window) add(n uint64) bool {
	switch {
	case n > w.highest:
		w.bits = w.bits<<min(n-w.highest, windowSize) | 1
		w.highest = n
		return true
	case w.highest-n >= windowSize || w.bits&(1<<(w.highest-n)) != 0:
		return false
	}
	w.bits |= 1 << (w.highest - n)
	return true
}
