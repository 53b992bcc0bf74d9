package auth

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"tssh/client/config"
	"tssh/proxy/visible"
)

// AgentPath is where the user's agent listens; "" when there is none.
func AgentPath(h *config.Host) string {
	switch path := h.IdentityAgent; {
	case path == "none":
		return ""
	case path == "", path == "SSH_AUTH_SOCK":
		return systemAgent(os.Getenv("SSH_AUTH_SOCK"))
	case strings.HasPrefix(path, "$"):
		return os.Getenv(path[1:])
	default:
		return path
	}
}

// DialAgent connects to an agent.
func DialAgent(path string) (net.Conn, error) { return dialAgent(path) }

// Bind tells an agent which host the connection behind it belongs to, so that
// it can refuse to sign for others (session-bind@openssh.com). Forwarding says
// that it is lent to that host. Agents that don't know the message are none
// the safer for it, and none the worse.
func Bind(a agent.ExtendedAgent, hostKey, sessionID, signature []byte, forwarding bool) error {
	answer, err := a.Extension("session-bind@openssh.com", ssh.Marshal(&struct {
		HostKey, SessionID, Signature []byte
		Forwarding                    bool
	}{hostKey, sessionID, signature, forwarding}))
	if err != nil {
		return err
	}
	const success = 6
	if len(answer) > 0 && answer[0] != success {
		return errors.New("agent refused to be bound to the host")
	}
	return nil
}

// agentConn is a connection to the agent for one login.
type agentConn struct {
	agent.ExtendedAgent
	conn net.Conn
}

// openAgent connects to the user's agent and binds it to the host.
func (s *authentication) openAgent() *agentConn {
	path := AgentPath(s.Host)
	if path == "" {
		s.Log.Debugf("get_agent_identities: ssh_get_authentication_socket: No such file or directory")
		return nil
	}
	conn, err := dialAgent(path)
	if err != nil {
		s.Log.Debugf("get_agent_identities: ssh_get_authentication_socket: %v", err)
		return nil
	}
	a := &agentConn{agent.NewClient(conn), conn}
	if s.c == nil {
		return a
	}
	if _, blob, sig := s.c.HostKey(); blob != nil {
		if err := Bind(a, blob, s.c.SessionID(), sig, false); err != nil {
			s.Log.Debugf("get_agent_identities: ssh_agent_bind_hostkey: %v", err)
		} else {
			s.Log.Debugf("get_agent_identities: bound agent to hostkey")
		}
	}
	return a
}

// list returns the agent's keys; those whose type x/crypto can't read stay
// out, since no server could be shown them.
func (a *agentConn) list(s *authentication) (keys []ssh.PublicKey, comments []string) {
	all, err := a.List()
	if err != nil {
		s.Log.Debugf("get_agent_identities: ssh_fetch_identitylist: %v", err)
		return nil, nil
	}
	s.Log.Debugf("get_agent_identities: agent returned %d keys", len(all))
	for _, k := range all {
		if key, err := ssh.ParsePublicKey(k.Blob); err == nil {
			keys = append(keys, key)
			comments = append(comments, visible.Line(k.Comment))
		}
	}
	return keys, comments
}

// sign lets the agent sign with one algorithm.
func (a *agentConn) sign(key ssh.PublicKey, data []byte, algorithm string) (*ssh.Signature, error) {
	var flags agent.SignatureFlags
	switch signatureFormat(algorithm) {
	case ssh.KeyAlgoRSASHA256:
		flags = agent.SignatureFlagRsaSha256
	case ssh.KeyAlgoRSASHA512:
		flags = agent.SignatureFlagRsaSha512
	}
	sig, err := a.SignWithFlags(key, data, flags)
	if err != nil {
		return nil, fmt.Errorf("agent refused operation")
	}
	if sig.Format != signatureFormat(algorithm) {
		return nil, fmt.Errorf("agent made a %s signature, not %s", sig.Format, signatureFormat(algorithm))
	}
	return sig, nil
}
