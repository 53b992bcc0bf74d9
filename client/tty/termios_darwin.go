package tty

import "golang.org/x/sys/unix"

func extraInput() []flag { return []flag{{42, unix.IUTF8}} }
