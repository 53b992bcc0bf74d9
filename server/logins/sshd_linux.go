package logins

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// maxAbove bounds the way from a relay up to its sshd: shells, and what a forced
// command or the user's rc files put between.
const maxAbove = 8

// process is what /proc tells of one.
type process struct {
	title  string // the command line, with spaces between its words
	parent int
	uid    int // -1: not of one user alone
	start  uint64
}

func look(pid int) (p process, ok bool) {
	stat := Proc(pid, "stat")
	// The name, in parentheses, may hold anything.
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	if len(fields) < 20 {
		return p, false
	}
	p.parent, _ = strconv.Atoi(fields[1])
	p.start, _ = strconv.ParseUint(fields[19], 10, 64)
	p.title = strings.Join(strings.FieldsFunc(Proc(pid, "cmdline"), func(r rune) bool { return r == 0 }), " ")
	p.uid = -1
	for line := range strings.Lines(Proc(pid, "status")) {
		if !strings.HasPrefix(line, "Uid:") {
			continue // a Sscanf of each line costs 100 KB
		}
		var u [4]int // real, effective, saved, of files
		if n, _ := fmt.Sscanf(line, "Uid: %d %d %d %d", &u[0], &u[1], &u[2], &u[3]); n == 4 && u[0] == u[1] && u[1] == u[2] {
			p.uid = u[0]
		}
	}
	return p, p.start != 0
}

// serves reports whether a process is the half of sshd that serves one login of
// ours without a terminal: "sshd: alice@notty", since OpenSSH 9.8 "sshd-session: ...".
func (p process) serves() bool {
	if p.uid != os.Getuid() {
		return false
	}
	name, what, _ := strings.Cut(p.title, ": ")
	if name = filepath.Base(name); name != "sshd" && name != "sshd-session" {
		return false
	}
	user, where, ok := strings.Cut(what, "@")
	return ok && !strings.ContainsAny(user, " []") && strings.TrimSpace(where) == "notty"
}

// find goes up from a process to the sshd that it came through.
func find(pid int) Login {
	for range maxAbove {
		p, ok := look(pid)
		switch {
		case !ok || p.uid != os.Getuid():
			return Login{}
		case p.serves():
			return Login{pid, p.start}
		}
		if pid = p.parent; pid <= 1 {
			return Login{}
		}
	}
	return Login{}
}

// Own is the login that the caller runs in.
func Own() Login { return find(os.Getppid()) }

// Of is the login of whoever connected to our socket at path. The kernel has its
// pid. The path, which is random, is in the command line of that process, and shows
// that the pid is still its own.
func Of(conn *net.UnixConn, path string) Login {
	raw, err := conn.SyscallConn()
	if err != nil {
		return Login{}
	}
	pid := 0
	raw.Control(func(fd uintptr) {
		if cred, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil && int(cred.Uid) == os.Getuid() {
			pid = int(cred.Pid)
		}
	})
	if pid <= 1 {
		return Login{}
	}
	if p, ok := look(pid); !ok || !strings.Contains(p.title, path) {
		return Login{}
	}
	return find(pid)
}

func alive(x Login) bool {
	p, ok := look(x.pid)
	return ok && p.start == x.start && p.serves()
}

// end ends a login in which nothing runs. It reports whether it is over.
func end(x Login) bool {
	fd, err := unix.PidfdOpen(x.pid, 0)
	if err != nil {
		return true // gone; or the kernel is older than 5.3, and to guess is not safe
	}
	defer unix.Close(fd)
	// What is seen from here on is of the process that fd is, or that is dead.
	if !alive(x) {
		return true
	}
	if hasChild(x.pid) {
		return false
	}
	unix.PidfdSendSignal(fd, unix.SIGTERM, nil, 0)
	return true
}

func hasChild(pid int) bool {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return true
	}
	for _, e := range entries {
		n, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if p, ok := look(n); ok && p.parent == pid {
			return true
		}
	}
	return false
}
