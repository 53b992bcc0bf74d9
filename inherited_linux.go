//go:build linux && inherit

package main

import (
	"os/signal"
	"syscall"
	_ "unsafe" // for go:linkname
)

// dispositions are what the process had for each signal when it began. Go's
// runtime puts its own handlers in their place before any code of ours runs, and
// keeps them here, where only a build with -checklinkname=0 can look.
//
//go:linkname dispositions runtime.fwdSig
var dispositions [65]uintptr

// ignoring is SIG_IGN.
const ignoring = 1

// ignoreInherited keeps those signals ignored that whoever started us ignores, as
// ssh does. Go does so by itself for SIGHUP and SIGINT alone.
func ignoreInherited() {
	for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGQUIT, syscall.SIGALRM, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGPIPE} {
		if dispositions[s] == ignoring {
			signal.Ignore(s)
		}
	}
}
