//go:build unix && !linux

package detach

import (
	"errors"

	"golang.org/x/sys/unix"
)

func sealRange() error { return errors.ErrUnsupported }

func dup2(from, to int) error { return unix.Dup2(from, to) }
