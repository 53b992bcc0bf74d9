//go:build dragonfly || freebsd || netbsd || openbsd

package tty

func extraInput() []flag { return nil }
