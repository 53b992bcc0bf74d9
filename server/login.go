package server

import (
	"bufio"
	"errors"
	"io/fs"
	"net/netip"
	"os"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"tssh/server/policy"
	"tssh/server/session"
)

// whoAmI is the login that started us, of which sshd has left everything
// in the environment.
func whoAmI() session.Login {
	l := session.Login{User: os.Getenv("LOGNAME"), UID: os.Getuid(), Home: os.Getenv("HOME")}
	if u, err := user.Current(); err == nil {
		if l.User == "" {
			l.User = u.Username
		}
		if l.Home == "" {
			l.Home = u.HomeDir
		}
	}
	l.Shell = loginShell(l.UID)
	l.Env = slices.DeleteFunc(os.Environ(), ofOneProcess)
	return l
}

// ofOneProcess says whether a variable belongs to the command that
// started us, and not to every process of the login.
func ofOneProcess(v string) bool {
	name, value, _ := strings.Cut(v, "=")
	switch name {
	case "PWD", "OLDPWD", "SHLVL", "_", "TERM", "DISPLAY", "SSH_TTY", "SSH_ORIGINAL_COMMAND", "SSH_USER_AUTH":
		return true
	case "SSH_AUTH_SOCK": // sshd's own, which ends with the login
		return strings.HasPrefix(value, "/tmp/ssh-") || strings.Contains(value, ".sshd.")
	}
	return false
}

// loginShell is the shell of the password file; where users are
// kept elsewhere it is what sshd found there and put into SHELL.
func loginShell(uid int) string {
	if runtime.GOOS == "windows" {
		return os.Getenv("ComSpec")
	}
	if f, err := os.Open("/etc/passwd"); err == nil {
		defer f.Close()
		for lines := bufio.NewScanner(f); lines.Scan(); {
			if p := strings.Split(lines.Text(), ":"); len(p) == 7 && p[2] == strconv.Itoa(uid) && p[6] != "" {
				return p[6]
			}
		}
	}
	if shell := os.Getenv("SHELL"); filepath.IsAbs(shell) {
		return shell
	}
	return "/bin/sh"
}

// cameFrom is the login as sshd_config's Match lines see it.
func cameFrom(name string) policy.Login {
	who := policy.Login{User: name, Groups: groups}
	// client address, client port, server address, server port
	if w := strings.Fields(os.Getenv("SSH_CONNECTION")); len(w) == 4 {
		who.Addr, _ = netip.ParseAddr(w[0])
		who.LocalAddr, _ = netip.ParseAddr(w[2])
		who.LocalPort, _ = strconv.Atoi(w[3])
	}
	return who
}

// groups are the names of the groups that we are in.
func groups() []string {
	ids, _ := os.Getgroups()
	if gid := os.Getgid(); !slices.Contains(ids, gid) {
		ids = append(ids, gid)
	}
	var names []string
	for _, id := range ids {
		if g, err := user.LookupGroupId(strconv.Itoa(id)); err == nil {
			names = append(names, g.Name)
		}
	}
	return names
}

// permitted is what sshd permits this login. The error is a warning: the
// policy can be used all the same. A host without the file has another SSH
// server, of which we know nothing; that is not worth a warning.
func permitted(l session.Login) (*policy.Policy, error) {
	p, err := policy.Load(configFile(os.Getppid()), cameFrom(l.User))
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return p, err
}

// configFile is the configuration of the sshd whose child pid is, as
// far as can be seen: one started with -f says so in its title.
func configFile(pid int) string {
	for range 32 {
		title, parent := process(pid)
		if args, ok := strings.CutPrefix(title, "sshd: "); ok && strings.Contains(args, "[listener]") {
			words := strings.Fields(args)
			if i := slices.Index(words, "-f"); i >= 0 && i+1 < len(words) && filepath.IsAbs(words[i+1]) {
				return words[i+1]
			}
			break
		}
		if pid = parent; pid <= 1 {
			break
		}
	}
	if runtime.GOOS == "windows" {
		return filepath.Join(os.Getenv("ProgramData"), "ssh", "sshd_config")
	}
	return "/etc/ssh/sshd_config"
}

// process is the title and the parent of a process, where /proc tells.
func process(pid int) (title string, parent int) {
	dir := filepath.Join("/proc", strconv.Itoa(pid))
	cmdline, _ := os.ReadFile(filepath.Join(dir, "cmdline"))
	stat, _ := os.ReadFile(filepath.Join(dir, "stat"))
	// The name, in parentheses, may hold anything; the state and the parent follow it.
	if i := strings.LastIndexByte(string(stat), ')'); i >= 0 {
		if fields := strings.Fields(string(stat[i+1:])); len(fields) > 1 {
			parent, _ = strconv.Atoi(fields[1])
		}
	}
	return strings.ReplaceAll(string(cmdline), "\x00", " "), parent
}
