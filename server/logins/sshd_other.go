//go:build !linux

package logins

import "net"

// Own is not known here: without descriptors of processes nothing can be ended safely.
func Own() Login { return Login{} }

// Of is not known here.
func Of(*net.UnixConn, string) Login { return Login{} }

func alive(Login) bool { return false }

func end(Login) bool { return true }
