package detach

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// LoginEnviron is the environment that sshd made for this login, before startup
// files of the login shell exported more: the login shell leads the session that
// we were started in, and shows what it began with. Nil where that is not known.
//
// The leader must be the same user's, and of the same connection. So nobody else
// can give us an environment; the user, who can, could as well give us ours.
func LoginEnviron() []string {
	leader, err := unix.Getsid(os.Getppid())
	if err != nil || leader <= 1 {
		return nil
	}
	dir := filepath.Join("/proc", strconv.Itoa(leader))
	info, err := os.Stat(dir)
	if err != nil {
		return nil
	}
	if st, ok := info.Sys().(*syscall.Stat_t); !ok || int(st.Uid) != os.Getuid() {
		return nil
	}
	text, err := os.ReadFile(filepath.Join(dir, "environ"))
	if err != nil {
		return nil
	}
	env := strings.FieldsFunc(string(text), func(r rune) bool { return r == 0 })
	connection := "SSH_CONNECTION=" + os.Getenv("SSH_CONNECTION")
	if connection == "SSH_CONNECTION=" || !slices.Contains(env, connection) {
		return nil
	}
	return env
}
