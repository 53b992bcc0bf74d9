package server

import "net"

// samePeer trusts the directory's permissions: Windows doesn't tell the peer's user.
func samePeer(*net.UnixConn) error { return nil }
