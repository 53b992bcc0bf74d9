package server

import (
	"cmp"
	"context"
	"crypto/ed25519"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/crypto/ssh"

	"tssh/proxy/accept"
	"tssh/proxy/nss"
	"tssh/proxy/sshconn"
	"tssh/proxy/terms"
	"tssh/proxy/visible"
	"tssh/server/detach"
	"tssh/server/policy"
	"tssh/server/session"
)

const (
	graceTime   = 2 * time.Minute // for who has not logged in yet, as sshd's
	maxStartups = 64              // of them at a time
)

// embedded is the SSH server of "tsshd sshd": one user, keys only.
type embedded struct {
	service
	keys   string // file of authorized keys
	config *ssh.ServerConfig
}

// serving is the command line of "tsshd sshd".
type serving struct {
	Listen         string `default:"127.0.0.1:0" placeholder:"address" help:"address and port to listen on; port 0 is a free one (127.0.0.1:0)"`
	HostKey        string `placeholder:"file" help:"private host key; without it one is made for this run"`
	AuthorizedKeys string `placeholder:"file" help:"keys that may log in (~/.ssh/authorized_keys)"`
	PortFile       string `placeholder:"file" help:"write the port there once clients can connect"`
	Config         string `placeholder:"file" help:"an sshd_config that says what is permitted; without it everything is"`
	Verbose        bool   `short:"v" help:"say on stderr what happens"`
}

// sshd serves SSH to the user who runs it, with the session code of UDP mode.
func sshd(o serving) int {
	logf := func(string, ...any) {}
	if o.Verbose {
		logf = func(format string, args ...any) {
			fmt.Fprintf(os.Stderr, "tsshd: %s\n", visible.Line(fmt.Sprintf(format, args...)))
		}
	}
	detach.Inherited()
	e, err := newEmbedded(o.HostKey, o.AuthorizedKeys, o.Config, logf)
	if err != nil {
		return complain(terms.ExitFailure, err)
	}
	l, err := net.Listen("tcp", o.Listen)
	if err != nil {
		return complain(terms.ExitFailure, err)
	}
	fmt.Printf("listening on %s\n", l.Addr())
	if o.PortFile != "" {
		if err := writePort(o.PortFile, l.Addr().(*net.TCPAddr).Port); err != nil {
			return complain(terms.ExitFailure, err)
		}
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	e.run(ctx, l)
	return terms.ExitOK
}

// writePort writes a port so that who waits for the file reads all of it.
func writePort(file string, port int) error {
	temporary := file + ".new"
	if err := os.WriteFile(temporary, fmt.Appendln(nil, port), 0o600); err != nil {
		return err
	}
	return os.Rename(temporary, file)
}

func newEmbedded(hostKey, keys, config string, logf func(string, ...any)) (*embedded, error) {
	e := &embedded{service: service{login: bareLogin(), logf: logf}, keys: keys}
	if e.keys == "" {
		e.keys = filepath.Join(e.login.Home, ".ssh", "authorized_keys")
	}
	e.policy = policy.Careful()
	e.policy.X11 = true
	if config != "" {
		var err error
		if e.policy, err = policy.Load(config, policy.Login{User: e.login.User, Groups: nss.Groups}); err != nil {
			return nil, err
		}
		// The channels of x/crypto don't keep packets apart.
		e.policy.TunnelIP, e.policy.TunnelEthernet = false, false
	}
	signer, err := loadHostKey(hostKey)
	if err != nil {
		return nil, err
	}
	e.config = &ssh.ServerConfig{PublicKeyCallback: e.authorize, ServerVersion: version()}
	e.config.AddHostKey(signer)
	return e, nil
}

func loadHostKey(file string) (ssh.Signer, error) {
	if file != "" {
		b, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("host key: %w", err)
		}
		signer, err := ssh.ParsePrivateKey(b)
		if err != nil {
			return nil, fmt.Errorf("host key %s: %w", file, err)
		}
		return signer, nil
	}
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		return nil, fmt.Errorf("make a host key: %w", err)
	}
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		return nil, fmt.Errorf("make a host key: %w", err)
	}
	fmt.Printf("host key %s", ssh.MarshalAuthorizedKey(signer.PublicKey()))
	return signer, nil
}

// bareLogin is a login of the user without what belongs to the terminal that
// this server was started on.
func bareLogin() session.Login {
	l := whoAmI()
	l.Shell = cmp.Or(namedShell(), l.Shell)
	l.Env = []string{"USER=" + l.User, "LOGNAME=" + l.User, "HOME=" + l.Home, "SHELL=" + l.Shell}
	for _, name := range []string{"PATH", "LANG", "TZ", "TMPDIR", "XDG_RUNTIME_DIR", "XDG_CACHE_HOME",
		"SystemRoot", "SystemDrive", "windir", "ProgramData", "ProgramFiles", "ComSpec", "PATHEXT", "PSModulePath",
		"USERPROFILE", "USERNAME", "USERDOMAIN", "APPDATA", "LOCALAPPDATA", "TEMP", "TMP", "OS",
		"PROCESSOR_ARCHITECTURE", "NUMBER_OF_PROCESSORS"} {
		if v, ok := os.LookupEnv(name); ok {
			l.Env = append(l.Env, name+"="+v)
		}
	}
	return l
}

// serves tells whether a name is that of whom this server serves. Windows has the
// domain before it, and no case.
func (e *embedded) serves(name string) bool {
	own := e.login.User
	if runtime.GOOS == "windows" {
		return strings.EqualFold(name, own) || strings.EqualFold(name, own[strings.LastIndexByte(own, '\\')+1:])
	}
	return name == own
}

// authorize lets a key in that the file names without any option: options are
// restrictions, and this server would not keep them.
func (e *embedded) authorize(meta ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
	if !e.serves(meta.User()) {
		return nil, fmt.Errorf("user %q is not %q, whom this server serves", meta.User(), e.login.User)
	}
	rest, err := os.ReadFile(e.keys)
	if err != nil {
		return nil, err
	}
	for len(rest) > 0 {
		var known ssh.PublicKey
		var options []string
		if known, _, options, rest, err = ssh.ParseAuthorizedKey(rest); err != nil {
			break // no more keys
		}
		if len(options) == 0 && string(known.Marshal()) == string(key.Marshal()) {
			return &ssh.Permissions{}, nil
		}
	}
	return nil, fmt.Errorf("no such key in %s", e.keys)
}

// run serves clients until ctx is done.
func (e *embedded) run(ctx context.Context, l net.Listener) {
	stop := context.AfterFunc(ctx, func() { l.Close() })
	defer stop()
	var clients sync.WaitGroup
	defer clients.Wait()
	starting := make(chan struct{}, maxStartups)
	accept.Each(l.Accept, func(err error) { e.logf("%v", err) }, func(conn net.Conn) {
		select {
		case starting <- struct{}{}:
			clients.Go(func() { e.client(ctx, conn, func() { <-starting }) })
		default:
			conn.Close()
		}
	})
}

// client serves one client. It calls started when it has logged in or not.
func (e *embedded) client(ctx context.Context, conn net.Conn, started func()) {
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(graceTime))
	c, channels, requests, err := ssh.NewServerConn(conn, e.config)
	started()
	if err != nil {
		e.logf("%s: %v", conn.RemoteAddr(), err)
		return
	}
	conn.SetDeadline(time.Time{})
	s := e.service
	s.login.Env = append(s.login.Env[:len(s.login.Env):len(s.login.Env)], connectionEnv(conn)...)
	s.serve(sshconn.FromSSH(c, channels, requests))
}

// connectionEnv says where a client came from, as sshd does.
func connectionEnv(conn net.Conn) []string {
	from, okFrom := conn.RemoteAddr().(*net.TCPAddr)
	to, okTo := conn.LocalAddr().(*net.TCPAddr)
	if !okFrom || !okTo {
		return nil
	}
	client := fmt.Sprintf("%s %d", strings.TrimPrefix(from.IP.String(), "::ffff:"), from.Port)
	return []string{
		fmt.Sprintf("SSH_CLIENT=%s %d", client, to.Port),
		fmt.Sprintf("SSH_CONNECTION=%s %s %d", client, to.IP, to.Port),
	}
}

// version is our first line. As OpenSSH's it says where it is, since a client
// has to talk to other shells there.
func version() string {
	if runtime.GOOS == "windows" {
		return "SSH-2.0-tsshd_for_Windows"
	}
	return "SSH-2.0-tsshd"
}
