//go:build !windows

package auth

import "net"

func systemAgent(env string) string { return env }

func dialAgent(path string) (net.Conn, error) { return net.Dial("unix", path) }
