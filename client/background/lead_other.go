//go:build !linux

package background

// Led is a run that a parent waits for in its place, on Linux only.
type Led struct{}

// LedFromEnv finds none.
func LedFromEnv() Led { return Led{} }

// Any tells that there is no parent to leave.
func (Led) Any() bool { return false }

// Leave has nobody to leave.
func (Led) Leave() error { return nil }

// Lead leaves all to this run.
func Lead() (code int, ok bool) { return 0, false }
