//go:build !race

package main

import (
	"syscall"
	"unsafe"
)

// What Go's runtime says goes through here from its first line on, which is long
// before ours: it reserves much address space, and ends with a trace where it may
// not (ulimit -v), or where it gets no thread (ulimit -u). Who only wanted to log
// in is told in one line instead. The runtime permits this variable to be set.
// The race detector would watch these functions, where nothing may be called; so it
// gets a program without them.
//
//go:linkname overrideWrite runtime.overrideWrite
var overrideWrite = runtimeWrite

// fatal is what a fatal error of the runtime's begins with, in a write of its own.
const fatal = "fatal error: "

var withheld bool // fatal was not written yet

// runtimeWrite runs where nothing may be allocated and the stack can't grow.
//
//go:nosplit
func runtimeWrite(fd uintptr, p unsafe.Pointer, n int32) int32 {
	if fd == 2 {
		switch {
		case withheld && (holds(p, n, "memory") || holds(p, n, "cannot map pages")), holds(p, n, "runtime: out of memory"):
			end("tssh: out of memory; where address space is limited (ulimit -v), 800000 KiB are needed\n")
		case holds(p, n, "runtime: failed to create new OS thread"):
			end("tssh: no thread could be made; the number of processes may be limited (ulimit -u)\n")
		case withheld:
			withheld = false
			write(2, unsafe.Pointer(unsafe.StringData(fatal)), int32(len(fatal)))
		case int(n) == len(fatal) && holds(p, n, fatal):
			withheld = true
			return n
		}
	}
	return write(fd, p, n)
}

// holds tells whether s is among the n bytes at p.
//
//go:nosplit
func holds(p unsafe.Pointer, n int32, s string) bool {
	for at := 0; at+len(s) <= int(n); at++ {
		i := 0
		for i < len(s) && *(*byte)(unsafe.Add(p, at+i)) == s[i] {
			i++
		}
		if i == len(s) {
			return true
		}
	}
	return false
}

//go:nosplit
func write(fd uintptr, p unsafe.Pointer, n int32) int32 {
	done, _, err := syscall.RawSyscall(syscall.SYS_WRITE, fd, uintptr(p), uintptr(n))
	if err != 0 {
		return -int32(err)
	}
	return int32(done)
}

// end says words and ends the program, with ssh's status for what it did not do.
//
//go:nosplit
func end(words string) {
	write(2, unsafe.Pointer(unsafe.StringData(words)), int32(len(words)))
	for {
		syscall.RawSyscall(syscall.SYS_EXIT_GROUP, 255, 0, 0)
	}
}
