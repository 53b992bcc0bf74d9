//go:build !linux && !darwin && !freebsd

package pty

// Foreground is not known here.
func (t *Terminal) Foreground() (name, dir string) { return "", "" }
