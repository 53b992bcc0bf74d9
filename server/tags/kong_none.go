//go:build tsshd

package tags

// Read reads args, of which the first is a command, into the struct that line points
// to.
func Read(line any, args []string) error { return own(line, args) }
