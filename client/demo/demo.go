// Package demo sets up a server on this machine to try tssh with: the SSH server
// that is built into tsshd, on loopback, with keys made for the occasion, in a
// directory that goes away with it.
package demo

import (
	"bufio"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/crypto/ssh"

	"tssh/proxy/nss"
)

// Host is the name under which Config knows the server.
const Host = "demo"

// Server is a server that runs until Close.
type Server struct {
	dir string
	cmd *exec.Cmd
}

// Start runs the server: program is our own file. It ends with ctx.
func Start(ctx context.Context, program string) (*Server, error) {
	dir, err := os.MkdirTemp("", "tssh-demo-")
	if err != nil {
		return nil, err
	}
	s := &Server{dir: dir}
	if err := s.start(ctx, program); err != nil {
		s.Close()
		return nil, fmt.Errorf("start demo server: %w", err)
	}
	return s, nil
}

// Config is the file to give to tssh as -F.
func (s *Server) Config() string { return filepath.Join(s.dir, "config") }

// Close ends the server and removes everything that it had.
func (s *Server) Close() error {
	if s.cmd != nil {
		s.cmd.Process.Kill()
		s.cmd.Wait()
	}
	return os.RemoveAll(s.dir)
}

func (s *Server) start(ctx context.Context, program string) error {
	me, err := nss.Current()
	if err != nil {
		return err
	}
	hostKey, err := newKey(filepath.Join(s.dir, "hostkey"))
	if err != nil {
		return err
	}
	userKey, err := newKey(filepath.Join(s.dir, "key"))
	if err != nil {
		return err
	}
	// A cache of its own, so that the upload is part of what is seen.
	cache := filepath.Join(s.dir, "cache")
	err = errors.Join(
		s.write("authorized_keys", ssh.MarshalAuthorizedKey(userKey)),
		s.write("sshd_config", fmt.Appendf(nil, "SetEnv XDG_CACHE_HOME=\"%s\"\n", cache)),
	)
	if err != nil {
		return err
	}
	s.cmd = exec.CommandContext(ctx, program)
	s.cmd.Args = []string{"tsshd", "sshd",
		"--listen", "127.0.0.1:0",
		"--host-key", filepath.Join(s.dir, "hostkey"),
		"--authorized-keys", filepath.Join(s.dir, "authorized_keys"),
		"--config", filepath.Join(s.dir, "sshd_config")}
	s.cmd.Stderr = os.Stderr
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := s.cmd.Start(); err != nil {
		s.cmd = nil
		return err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return fmt.Errorf("read its address: %w", err)
	}
	host, port, err := net.SplitHostPort(strings.TrimSpace(strings.TrimPrefix(line, "listening on ")))
	if err != nil {
		return err
	}
	known := fmt.Appendf(nil, "[%s]:%s %s", host, port, ssh.MarshalAuthorizedKey(hostKey))
	return errors.Join(
		s.write("known_hosts", known),
		s.write("config", fmt.Appendf(nil, options, Host, host, port, name(me.Name), s.dir)),
	)
}

// options are for tssh. The notice comes early, for who tries a cut does not want to wait.
const options = `Host %s
	HostName %s
	Port %s
	User %s
	IdentityFile "%[5]s/key"
	IdentitiesOnly yes
	IdentityAgent none
	UserKnownHostsFile "%[5]s/known_hosts"
	GlobalKnownHostsFile none
	StrictHostKeyChecking yes
	UpdateHostKeys no
	#!! UdpMode yes
	#!! UdpFallback no
	#!! UdpReconnectTimeout 3
	#!! UdpSessionName demo
`

// name is a user's name as ssh knows it: Windows puts the domain in front.
func name(user string) string {
	return user[strings.LastIndexByte(user, '\\')+1:]
}

func (s *Server) write(file string, content []byte) error {
	return os.WriteFile(filepath.Join(s.dir, file), content, 0o600)
}

// newKey writes a private key to file and returns its public half.
func newKey(file string) (ssh.PublicKey, error) {
	pub, priv, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	block, err := ssh.MarshalPrivateKey(priv, "tssh demo")
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
		return nil, err
	}
	return ssh.NewPublicKey(pub)
}
