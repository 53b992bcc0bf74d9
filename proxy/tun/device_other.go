//go:build !linux

package tun

// Supported tells whether this system's devices can be opened.
const Supported = false

// Open finds none here.
func Open(Mode, uint32) (*Device, error) { return nil, ErrUnsupported }

func gone(error) bool { return true }
