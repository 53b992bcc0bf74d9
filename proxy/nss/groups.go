//go:build !windows

package nss

import (
	"context"
	"os"
	"os/user"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// Groups are the names of the groups that this process is in. Those of a login
// are those that the system's name services gave it.
func Groups() []string {
	ids, _ := os.Getgroups()
	if gid := os.Getgid(); !slices.Contains(ids, gid) {
		ids = append(ids, gid)
	}
	if runtime.GOOS == "darwin" { // a process is told of 16 at most
		if u, err := user.Current(); err == nil {
			all, _ := u.GroupIds()
			for _, s := range all {
				if id, err := strconv.Atoi(s); err == nil && !slices.Contains(ids, id) {
					ids = append(ids, id)
				}
			}
		}
	}
	var names, unknown []string
	for _, id := range ids {
		if g, err := user.LookupGroupId(strconv.Itoa(id)); err == nil {
			names = append(names, g.Name)
		} else {
			unknown = append(unknown, strconv.Itoa(id))
		}
	}
	if unknown == nil {
		return names
	}
	lines, _ := getent(context.Background(), "group", unknown...)
	for _, line := range lines {
		if f := strings.Split(line, ":"); len(f) == 4 && slices.Contains(unknown, f[2]) {
			names = append(names, f[0])
		}
	}
	return names
}
