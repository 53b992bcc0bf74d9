//go:build !linux

package pty

// Foreground is not known here.
func (t *Terminal) Foreground() (name, dir string) { return "", "" }
