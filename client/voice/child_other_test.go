//go:build !linux

package voice

func askInChild(string) {}
