package path

import "time"

// Sleep counts how long the machine sleeps, which Go's clock does not.
type Sleep struct {
	began time.Time
	first time.Duration // what the system had counted then
}

// NewSleep begins to count at now.
func NewSleep(now time.Time) *Sleep {
	first, _ := asleep()
	return &Sleep{now, first}
}

// Total is how long the machine has slept until now. Where the system does not count
// that, it is what the wall clock ran ahead of the other, though somebody may only
// have set it.
func (s *Sleep) Total(now time.Time) time.Duration {
	if total, ok := asleep(); ok {
		return total - s.first
	}
	return now.Round(0).Sub(s.began.Round(0)) - now.Sub(s.began)
}
