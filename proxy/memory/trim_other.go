//go:build !linux

package memory

// Trim does nothing here.
func Trim() {}
