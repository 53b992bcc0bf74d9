package forward

import (
	"net"

	"golang.org/x/crypto/ssh"
)

// RequestAgent lends the user's agent to the session of ch. The server may then
// connect to it, which dial does, for as long as the Set lives; before the first
// such request it may not.
func (s *Set) RequestAgent(ch ssh.Channel, dial func() (net.Conn, error)) {
	s.log.Debugf("Requesting authentication agent forwarding.")
	s.agent.Do(func() {
		s.serve("auth-agent@openssh.com", func(n ssh.NewChannel) { s.lend(n, dial) })
	})
	ch.SendRequest("auth-agent-req@openssh.com", false, nil)
}

// lend connects the server to the agent.
func (s *Set) lend(n ssh.NewChannel, dial func() (net.Conn, error)) {
	conn, err := dial()
	if err != nil {
		s.log.Debugf("client_request_agent: ssh_get_authentication_socket: %s", system(err))
		n.Reject(ssh.ConnectionFailed, "open failed")
		return
	}
	defer conn.Close()
	ch, reqs, err := n.Accept()
	if err != nil {
		return
	}
	id := s.take()
	defer s.give(id)
	s.carry(id, "authentication agent connection", ch, reqs, conn)
}
