//go:build !linux

package detach

// LoginEnviron is the environment that sshd made for this login, before startup
// files of the login shell exported more. Nil: not known.
func LoginEnviron() []string { return nil }
