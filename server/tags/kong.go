//go:build !tsshd

// Package tags reads a command line by the tags of a struct, whose fields are the
// commands. The tags are kong's, and kong reads them: but for the copies that are sent
// to servers. It calls methods by names found at run time, so that the linker keeps
// every method of every type, a sixth of what a first login waits for; so these read
// the same tags by themselves.
package tags

import "github.com/alecthomas/kong"

// Sent says that this program is a copy that is sent to servers.
const Sent = false

// Read reads args, of which the first is a command, into the struct that line points
// to.
func Read(line any, args []string) error {
	k, err := kong.New(line, kong.NoDefaultHelp(), kong.Exit(func(int) {})) // which has no help of its own, and ends nothing
	if err == nil {
		_, err = k.Parse(args)
	}
	return err
}
