//go:build !linux

package detach

// Endangered says whether the end of the login will end us. Only systemd does that.
func Endangered() bool { return false }

// Scope gives the command line before ours that starts us out of the login's
// scope; nil when there is none.
func Scope() []string { return nil }
