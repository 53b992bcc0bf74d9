// Package login makes the ssh connection: it finds the host, directly or
// through proxies and other hosts, checks its key and proves who we are.
package login

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
	"golang.org/x/crypto/ssh/knownhosts"

	"tssh/client/config"
	"tssh/client/voice"
)

// Options is what a login needs beside the host's configuration. The zero
// value works: silent, asking on the terminal.
type Options struct {
	Log voice.Log   // nil: silent
	Ask voice.Asker // nil: voice.Ask

	// Resolve finds the configuration of a host that ProxyJump names; user
	// is "" and port 0 when it does not name them. Nil: no jumps.
	Resolve func(host, user string, port int) (*config.Host, error)
}

// Error ends a login; its text is ssh's own last word on standard error.
type Error struct {
	Words string
	Cause error
}

func (e *Error) Error() string { return e.Words }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Login is a connection that stands.
type Login struct {
	*ssh.Client

	// Addrs are all the addresses that the host's name resolved to, the one
	// in use first. Empty behind a proxy.
	Addrs []netip.Addr
}

// Dial logs in to a host.
func Dial(ctx context.Context, h *config.Host, o Options) (*Login, error) {
	if o.Ask == nil {
		o.Ask = voice.Ask
	}
	conn, addrs, err := connect(ctx, h, o.Log)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	c, chans, reqs, err := ssh.NewClientConn(conn, net.JoinHostPort(h.HostName, fmt.Sprint(h.Port)), clientConfig(h, o))
	if err != nil {
		return nil, &Error{said(err, h, conn.RemoteAddr()), err}
	}
	return &Login{Client: ssh.NewClient(c, chans, reqs), Addrs: addrs}, nil
}

func said(err error, h *config.Host, remote net.Addr) string {
	var key *knownhosts.KeyError
	switch {
	case errors.As(err, &key):
		return "Host key verification failed."
	case strings.Contains(err.Error(), "unable to authenticate"):
		return fmt.Sprintf("%s@%s: Permission denied (publickey).", h.User, h.HostName)
	}
	return fmt.Sprintf("Connection closed by %s", peer(remote))
}

func clientConfig(h *config.Host, o Options) *ssh.ClientConfig {
	c := &ssh.ClientConfig{User: h.User}
	var signers []ssh.Signer
	if sock := os.Getenv("SSH_AUTH_SOCK"); sock != "" {
		if a, err := net.Dial("unix", sock); err == nil {
			if s, err := agent.NewClient(a).Signers(); err == nil && !h.IdentitiesOnly {
				signers = append(signers, s...)
			}
		}
	}
	for _, name := range h.IdentityFile {
		pem, err := os.ReadFile(home(name))
		if err != nil {
			continue
		}
		if s, err := ssh.ParsePrivateKey(pem); err == nil {
			signers = append(signers, s)
		}
	}
	c.Auth = append(c.Auth, ssh.PublicKeys(signers...))
	if h.PasswordAuthentication && !h.BatchMode {
		c.Auth = append(c.Auth, ssh.RetryableAuthMethod(ssh.PasswordCallback(func() (string, error) {
			return o.Ask(fmt.Sprintf("%s@%s's password: ", h.User, h.HostName), voice.Secret)
		}), h.NumberOfPasswordPrompts))
	}
	var files []string
	for _, f := range append(h.UserKnownHostsFile, h.GlobalKnownHostsFile...) {
		if _, err := os.Stat(home(f)); err == nil {
			files = append(files, home(f))
		}
	}
	check, err := knownhosts.New(files...)
	c.HostKeyCallback = func(name string, remote net.Addr, key ssh.PublicKey) error {
		if err != nil {
			return err
		}
		e := check(name, remote, key)
		var unknown *knownhosts.KeyError
		if errors.As(e, &unknown) && len(unknown.Want) == 0 &&
			(h.StrictHostKeyChecking == "no" || h.StrictHostKeyChecking == "off" || h.StrictHostKeyChecking == "accept-new") {
			return nil
		}
		return e
	}
	return c
}

func home(name string) string {
	if rest, ok := strings.CutPrefix(name, "~/"); ok {
		if dir, err := os.UserHomeDir(); err == nil {
			return filepath.Join(dir, rest)
		}
	}
	return name
}
