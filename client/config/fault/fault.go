// Package fault says what is wrong with options and configuration files.
package fault

import "strings"

// Error is what is wrong with the options or the files: lines to be printed as
// they are, for ssh puts no name before them. The exit status is 255.
type Error struct {
	Lines []string
	Fatal bool // nothing more is read
}

func (e *Error) Error() string { return strings.Join(e.Lines, "\n") }
