package sshconfig

import (
	"context"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"tssh/client/config"
	"tssh/client/shell"
	"tssh/proxy/nss"
)

// Env is what the evaluation asks of the machine it runs on. Local gives the
// real one; a test makes its own.
type Env struct {
	config.Machine

	UserFile   string // ~/.ssh/config
	SystemFile string // /etc/ssh/ssh_config
	Debian     bool   // defaults as Debian's ssh has them

	// Version is what Match version sees.
	Version string

	// Run runs a command by the user's shell, with nothing to read and nowhere
	// to write but stderr, and reports whether it left with status 0.
	Run func(command string) (bool, error)
	// Lookup resolves a name to its canonical one, the same where it has no
	// other. Network is ip, ip4 or ip6.
	Lookup func(network, host string) (cname string, err error)
	// Addrs are the machine's own addresses.
	Addrs func() ([]netip.Addr, error)

	// Warn takes a line for stderr, Debug one for the log; nil is silent.
	Warn  func(line string)
	Debug func(line string)
}

// Compatible is the release of OpenSSH whose configuration language is read.
const Compatible = "OpenSSH_10.6"

// Local returns the machine's own environment.
func Local() Env {
	e := Env{
		SystemFile: filepath.Join(SystemDir(), "ssh_config"),
		Version:    Compatible,
		Machine:    config.Machine{Getenv: os.LookupEnv},
		Run:        run,
		Lookup:     lookup,
		Addrs:      addrs,
	}
	e.Hostname, _ = os.Hostname()
	if u, err := nss.Current(); err == nil {
		e.User, e.UID, e.Home = u.Name, u.ID, u.Home
		if i := strings.LastIndexByte(e.User, '\\'); i >= 0 {
			e.User = e.User[i+1:] // DOMAIN\user on Windows
		}
	}
	if e.Home == "" {
		e.Home, _ = os.UserHomeDir()
	}
	e.UserFile = filepath.Join(e.Home, ".ssh", "config")
	if _, err := os.Stat("/etc/debian_version"); err == nil {
		e.Debian = true
	}
	return e
}

// SystemDir is where the files for all users are.
func SystemDir() string {
	if runtime.GOOS != "windows" {
		return "/etc/ssh"
	}
	dir := os.Getenv("ProgramData")
	if dir == "" {
		dir = `C:\ProgramData`
	}
	return filepath.Join(dir, "ssh")
}

func run(command string) (bool, error) {
	cmd := shell.Command(command)
	cmd.Stderr = os.Stderr
	err := cmd.Run()
	if _, left := err.(*exec.ExitError); left {
		return false, nil
	}
	return err == nil, err
}

// lookupTimeout bounds one question to the resolver, which has its own limits.
const lookupTimeout = 30 * time.Second

func lookup(network, host string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), lookupTimeout)
	defer cancel()
	if _, err := nss.LookupNetIP(ctx, network, host); err != nil {
		return "", err
	}
	cname, err := net.DefaultResolver.LookupCNAME(ctx, host)
	if err != nil {
		return strings.TrimSuffix(host, "."), nil // it resolves, so it is as canonical as it gets
	}
	return strings.TrimSuffix(cname, "."), nil
}

func addrs() ([]netip.Addr, error) {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return nil, err
	}
	var found []netip.Addr
	for _, a := range all {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			found = append(found, p.Addr().Unmap())
		}
	}
	return found, nil
}

func (e *Env) warn(line string) {
	if e.Warn != nil {
		e.Warn(line)
	}
}

func (e *Env) debug(line string) {
	if e.Debug != nil {
		e.Debug(line)
	}
}
