//go:build tsshd

package tags

// Sent says that this program is a copy that is sent to servers.
const Sent = true

// Read reads args, of which the first is a command, into the struct that line points
// to.
func Read(line any, args []string) error { return own(line, args) }
