package forward

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/crypto/ssh"

	"tssh/proxy/sshconn"
)

func (f *Forwarder) directUnix(n sshconn.NewChannel) {
	var to struct {
		Path     string
		Reserved string
		Unused   uint32
	}
	if err := ssh.Unmarshal(n.ExtraData(), &to); err != nil || !validPath(to.Path) {
		n.Reject(ssh.ConnectionFailed, "malformed")
		return
	}
	if !f.policy.PermitsOpenUnix(to.Path) {
		n.Reject(ssh.ConnectionFailed, "open failed") // sshd's words, other than for ports
		return
	}
	conn, err := f.dial("unix", to.Path)
	connected(n, conn, err)
}

// validPath refuses what Go would take for a name in Linux' abstract namespace,
// which has no owner and no mode.
func validPath(path string) bool {
	return path != "" && path[0] != '@' && !strings.ContainsRune(path, 0)
}

func (f *Forwarder) listenUnix(payload []byte) error {
	var at struct{ Path string }
	if err := ssh.Unmarshal(payload, &at); err != nil || !validPath(at.Path) {
		return errors.New("malformed")
	}
	if !f.policy.PermitsListenUnix() {
		return errForbidden
	}
	if f.policy.UnixUnlink {
		if info, err := os.Lstat(at.Path); err == nil && info.Mode()&os.ModeSocket != 0 {
			os.Remove(at.Path)
		}
	}
	l, err := listenMode(at.Path, os.FileMode(0o666&^f.policy.UnixMask))
	if err != nil {
		return err
	}
	if err := f.remember("unix "+at.Path, func() { l.Close() }); err != nil {
		l.Close()
		return err
	}
	f.spawn(func() {
		f.accept(l, "forwarded-streamlocal@openssh.com", func(net.Conn) []byte {
			return ssh.Marshal(struct{ Path, Reserved string }{at.Path, ""})
		})
	})
	return nil
}

func (f *Forwarder) unlistenUnix(payload []byte) error {
	var at struct{ Path string }
	if err := ssh.Unmarshal(payload, &at); err != nil {
		return errors.New("malformed")
	}
	return f.drop("unix " + at.Path)
}

// listenMode binds a socket that nobody else can use even for a moment: it has
// its mode before it has its name, where the system can do that.
func listenMode(path string, mode os.FileMode) (net.Listener, error) {
	l, err := (&net.ListenConfig{Control: chmodSocket(mode)}).Listen(context.Background(), "unix", path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, mode); err != nil {
		l.Close()
		return nil, err
	}
	file, err := os.Lstat(path)
	if err != nil {
		l.Close()
		return nil, err
	}
	u := l.(*net.UnixListener)
	u.SetUnlinkOnClose(false)
	return &socket{u, path, file}, nil
}

// socket takes its name with it, unless that is another's by now: a session whose
// client stays away may end long after another one has bound the same path.
type socket struct {
	*net.UnixListener
	path string
	file os.FileInfo
}

// Close ends it. While it is open, no other file can be taken for its own.
func (s *socket) Close() error {
	if now, err := os.Lstat(s.path); err == nil && os.SameFile(now, s.file) {
		os.Remove(s.path)
	}
	return s.UnixListener.Close()
}

// agentKind is the type of channels to the client's agent.
const agentKind = "auth-agent@openssh.com"

// Agent gives the path of a socket that leads to the client's agent. It is the
// same for every session, and for the clients that come after this one.
func (f *Forwarder) Agent() (socket string, err error) {
	socket, err = f.lent.openAgent(f.logf)
	if err != nil {
		return "", fmt.Errorf("forward the agent: %w", err)
	}
	f.lend(agentKind)
	return socket, nil
}

func (l *Lent) openAgent(logf func(string, ...any)) (socket string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.agent != "" {
		return l.agent, nil
	}
	// Only the owner can enter the directory: its mode guards the keys.
	dir, err := os.MkdirTemp(socketDir(), "ssh-")
	if err != nil {
		return "", err
	}
	socket = filepath.Join(dir, fmt.Sprintf("agent.%d", os.Getpid()))
	var at net.Listener
	if err = os.Chmod(dir, 0o700); err == nil { // the login's umask may take our own rights
		at, err = listenMode(socket, 0o600)
	}
	if err == nil {
		err = os.Chmod(socket, 0o600)
	}
	if err != nil {
		os.RemoveAll(dir)
		return "", err
	}
	end := func() {
		at.Close()
		os.RemoveAll(dir)
	}
	if err := l.keepLocked("agent", end); err != nil {
		end()
		return "", err
	}
	l.agent = socket
	l.serveLocked(at, agentKind, func(net.Conn) []byte { return nil }, logf)
	return socket, nil
}
