//go:build unix

// Package owner says whose a file is.
package owner

import (
	"os"
	"strconv"
	"strings"
	"syscall"

	"tssh/proxy/nss"
)

// Only reports whether none but the user and root may write a file. Others who
// could would choose our commands: Match exec, ProxyCommand. With groups, the file
// may be writable for a group that has no member but the owner: Debian makes files so.
func Only(f *os.File, groups bool) bool {
	info, err := f.Stat()
	if err != nil {
		return false
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || st.Uid != 0 && int(st.Uid) != os.Getuid() {
		return false
	}
	mode := info.Mode().Perm()
	if mode&0o020 != 0 && groups && alone(int(st.Gid), int(st.Uid), nss.Passwd(), nss.Group(int(st.Gid))) {
		mode &^= 0o020
	}
	return mode&0o022 == 0
}

// Exposed reports whether others can use the private key in a file. Only of one's
// own file can one say so; others may have their reasons.
func Exposed(file string) bool {
	info, err := os.Stat(file)
	if err != nil {
		return false
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	return info.Mode().Perm()&0o077 != 0 && info.Mode().IsRegular() && ok && int(st.Uid) == os.Getuid()
}

// alone reports whether a user is in a group, and nobody else is.
func alone(gid, uid int, passwd, group string) bool {
	member, name := false, ""
	for line := range strings.Lines(passwd) {
		f := strings.Split(strings.TrimSpace(line), ":")
		if len(f) < 4 {
			continue
		}
		if f[2] == strconv.Itoa(uid) && name == "" {
			name = f[0]
		}
		if f[3] == strconv.Itoa(gid) {
			if f[2] != strconv.Itoa(uid) {
				return false
			}
			member = true
		}
	}
	for line := range strings.Lines(group) {
		f := strings.Split(strings.TrimSpace(line), ":")
		if len(f) < 4 || f[2] != strconv.Itoa(gid) || f[3] == "" {
			continue
		}
		for _, m := range strings.Split(f[3], ",") {
			if m != name {
				return false
			}
			member = true
		}
	}
	return member
}
