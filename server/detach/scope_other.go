//go:build !linux

package detach

// Scope says whether the end of the login will end us. Only systemd does that.
func Scope() (endangered bool, prefix []string) { return false, nil }
