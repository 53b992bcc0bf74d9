package server

import (
	"cmp"
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"tssh/proxy/nss"
	"tssh/proxy/proof"
	"tssh/proxy/terms"
	"tssh/server/policy"
	"tssh/server/session"
)

// whoAmI is the login that started us, of which sshd has left everything
// in the environment.
func whoAmI() session.Login {
	l := session.Login{User: os.Getenv("LOGNAME"), UID: os.Getuid(), Home: os.Getenv("HOME")}
	// Several accounts may have one number; which is ours only sshd's word tells.
	u, err := nss.Lookup(l.User)
	if err != nil || u.UID != l.UID {
		u, err = nss.Current()
	}
	if err == nil {
		if l.User == "" {
			l.User = u.Name
		}
		if l.Home == "" {
			l.Home = u.Home
		}
	}
	l.Shell = loginShell(u)
	l.Env = slices.DeleteFunc(os.Environ(), ofOneProcess)
	if addr := cameFrom(l).Addr; addr.IsValid() {
		l.From = addr.Unmap().WithZone("").String()
	}
	return l
}

// ofOneProcess says whether a variable belongs to the command that
// started us, and not to every process of the login.
func ofOneProcess(v string) bool {
	name, value, _ := strings.Cut(v, "=")
	switch name {
	case "PWD", "OLDPWD", "SHLVL", "_", "TERM", "DISPLAY", "SSH_TTY", "SSH_ORIGINAL_COMMAND", "SSH_USER_AUTH", "TSSH_SESSION", terms.HelloVariable:
		return true
	case "SSH_AUTH_SOCK": // sshd's own, which ends with the login
		return strings.HasPrefix(value, "/tmp/ssh-") || strings.Contains(value, ".sshd.")
	}
	return false
}

// loginShell is the shell of the account; where it has none to be seen it is what
// sshd found and put into SHELL.
func loginShell(u nss.User) string {
	return cmp.Or(systemShell(), u.Shell, namedShell(), "/bin/sh")
}

// namedShell is SHELL, which may hold anything; "": nothing that could be run.
func namedShell() string {
	if shell := os.Getenv("SHELL"); filepath.IsAbs(shell) {
		return shell
	}
	return ""
}

// cameFrom is the login as sshd_config's Match lines see it.
func cameFrom(l session.Login) policy.Login {
	who := policy.Login{User: l.User, Groups: nss.Groups, Home: l.Home, UID: l.UID}
	who.Name = func() string { return nameOf(who.Addr) }
	// client address, client port, server address, server port
	if w := strings.Fields(os.Getenv("SSH_CONNECTION")); len(w) == 4 {
		who.Addr, _ = netip.ParseAddr(w[0])
		who.LocalAddr, _ = netip.ParseAddr(w[2])
		who.LocalPort, _ = strconv.Atoi(w[3])
	}
	return who
}

// nameWait bounds the question for a name: sshd, too, then goes by the address.
const nameWait = 5 * time.Second

// nameOf is the name of an address as sshd finds it: one whose own address it is.
func nameOf(a netip.Addr) string {
	ctx, cancel := context.WithTimeout(context.Background(), nameWait)
	defer cancel()
	names, err := net.DefaultResolver.LookupAddr(ctx, a.Unmap().String())
	if err != nil || len(names) == 0 {
		return ""
	}
	name := strings.TrimSuffix(names[0], ".")
	addrs, err := nss.LookupNetIP(ctx, "ip", name)
	if err != nil || !slices.ContainsFunc(addrs, func(b netip.Addr) bool { return b.Unmap() == a.Unmap() }) {
		return ""
	}
	return name
}

// noConfig is a warning: sshd's configuration is not to be seen.
type noConfig struct {
	relative string // as sshd was given it; "": it is not where it should be
}

func (e noConfig) Error() string {
	why := "sshd's configuration is not there (a chroot?)"
	if e.relative != "" {
		why = "sshd was started by -f " + e.relative + ", and from where can't be seen"
	}
	return why + ", so nothing is forwarded over UDP; without --udp ssh forwards what sshd permits"
}

// permitted is what sshd permits this login, which these keys proved by what
// the client says. The error is a warning: the policy can be used all the same.
// Where there is no configuration either another program has let us in, of which
// we know nothing, and that is not worth a warning; or it lies outside of the
// directory that is our root. There what an administrator took from the login,
// who took the rest of the files from it, is not guessed to be nothing.
func permitted(l session.Login, keys []terms.Key) (*policy.Policy, error) {
	return findDaemon(os.Getppid()).permits(l, keys)
}

func (d daemon) permits(l session.Login, keys []terms.Key) (*policy.Policy, error) {
	who := cameFrom(l)
	p, err := policy.Load(d.file, who, d.lines...)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
		if !d.foreign {
			p.Confine()
			err = noConfig{d.relative}
		}
	}
	if told, ok := exposed(os.Getenv("SSH_USER_AUTH")); ok {
		keys = told
	}
	return p, errors.Join(err, p.LimitTo(keys, who))
}

// maxExposed bounds the file of SSH_USER_AUTH.
const maxExposed = 256 << 10

// keepExposed copies the file of SSH_USER_AUTH, which sshd takes away with its
// login, to one of the session's. Without ExposeAuthInfo there is none.
func keepExposed(name string) (kept string, err error) {
	if name == "" {
		return "", nil
	}
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	dir := "/tmp" // as sshd; TMPDIR may end with the login
	if runtime.GOOS == "windows" {
		dir = os.TempDir()
	}
	to, err := os.CreateTemp(dir, "sshauth.") // mode 0600
	if err != nil {
		return "", err
	}
	_, err = io.Copy(to, io.LimitReader(f, maxExposed))
	if err = errors.Join(err, to.Close()); err != nil {
		os.Remove(to.Name())
		return "", err
	}
	return to.Name(), nil
}

// exposed reads the file in which sshd, with ExposeAuthInfo, tells what the login
// was proved by: its own word, where there is one, and not the client's.
func exposed(name string) (keys []terms.Key, ok bool) {
	if name == "" {
		return nil, false
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, false
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxExposed))
	if err != nil {
		return nil, false
	}
	for line := range strings.Lines(string(text)) {
		method, rest, _ := strings.Cut(line, " ")
		if method != "publickey" {
			continue
		}
		key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(rest))
		if err != nil {
			return nil, false
		}
		keys = append(keys, proof.Of(key))
	}
	return keys, true
}
