//go:build !linux

package background

import "io"

// Led is a run that a parent waits for in its place, on Linux only.
type Led struct{}

// LedFromEnv finds none.
func LedFromEnv() Led { return Led{} }

// Any tells that there is no parent to leave.
func (Led) Any() bool { return false }

// Leave has nobody to leave.
func (Led) Leave() error { return nil }

// Output is w.
func (Led) Output(w io.Writer) io.Writer { return w }

// Lead leaves all to this run.
func Lead() (code int, ok bool) { return 0, false }
