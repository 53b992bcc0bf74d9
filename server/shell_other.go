//go:build !windows

package server

// systemShell is none: accounts have theirs.
func systemShell() string { return "" }
