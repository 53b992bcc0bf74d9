package forward

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/crypto/ssh"

	"tssh/client/config"
	"tssh/proxy/cause"
	"tssh/proxy/visible"
)

// target is where connections go that the server accepted.
type target struct {
	config.Forward
	port int // what the server listens on, chosen by it or asked for
}

// tcpListen is the payload of tcpip-forward and of its cancellation.
type tcpListen struct {
	Host string
	Port uint32
}

// remoteHost is the address to listen on as the protocol spells it.
func remoteHost(f config.Forward) string {
	switch f.BindAddress {
	case "":
		return "localhost"
	case "*":
		return ""
	}
	return f.BindAddress
}

func remoteKey(host string, port int) string { return host + " " + strconv.Itoa(port) }

// errNoAnswer says that the connection ended before the server answered. Who waits
// for the connection's end reports that.
var errNoAnswer = errors.New("the connection ended without an answer")

// request asks the server to listen, and returns a function that waits for the answer,
// with an error in ssh's words. Where the server chooses the port, choosing is held
// until the answer.
func (s *Set) request(f config.Forward) (take func() (port int, err error)) {
	s.log.Debugf("Remote connections from %s forwarded to local address %s", from(f, false), to(f))
	kind, payload := "tcpip-forward", ssh.Marshal(tcpListen{remoteHost(f), uint32(f.BindPort)})
	failed := fmt.Errorf("remote port forwarding failed for listen port %d", f.BindPort)
	key := remoteKey(remoteHost(f), f.BindPort)
	switch {
	case f.BindPath != "":
		kind, payload = "streamlocal-forward@openssh.com", ssh.Marshal(struct{ Path string }{f.BindPath})
		failed = fmt.Errorf("remote port forwarding failed for listen path %s", f.BindPath)
		key = f.BindPath
	case f.BindPort == 0:
		return s.chosen(f, s.ask(kind, payload), failed)
	}
	// Noted before the answer: a connection may follow the answer at once.
	if !s.expect(key, &target{f, f.BindPort}) {
		return func() (int, error) { return 0, failed }
	}
	answer := s.ask(kind, payload)
	return func() (int, error) {
		if ok, _, err := answer(); err != nil || !ok {
			s.forget(key)
			return 0, refusal(err, failed)
		}
		if f.BindPath != "" {
			s.log.Debugf("remote forward success for: listen %s:-2, connect %s", f.BindPath, to(f))
		} else {
			s.log.Debugf("remote forward success for: listen %d, connect %s", f.BindPort, to(f))
		}
		return f.BindPort, nil
	}
}

// chosen notes the port that the server chose.
func (s *Set) chosen(f config.Forward, answer func() (bool, []byte, error), failed error) func() (int, error) {
	return func() (int, error) {
		ok, reply, err := answer()
		if err != nil || !ok {
			return 0, refusal(err, failed)
		}
		var chosen struct{ Port uint32 }
		if ssh.Unmarshal(reply, &chosen) != nil || chosen.Port == 0 || chosen.Port > 65535 {
			return 0, failed
		}
		port := int(chosen.Port)
		s.expect(remoteKey(remoteHost(f), port), &target{f, port})
		s.log.Infof("Allocated port %d for remote forward to %s", port, to(f))
		return port, nil
	}
}

// refusal is failed, unless there was no answer for the reason gone.
func refusal(gone, failed error) error {
	if gone != nil {
		return errNoAnswer
	}
	return failed
}

// expect lets in connections to key. It returns false where they were let in already.
func (s *Set) expect(key string, t *target) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.remote[key] != nil {
		return false
	}
	s.remote[key] = t
	return true
}

func (s *Set) forget(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.remote, key)
}

// withdraw asks the server to stop listening.
func (s *Set) withdraw(f config.Forward) error {
	port := f.BindPort
	if port == 0 && f.BindPath == "" {
		port = s.chosenPort(f)
	}
	kind, key := "cancel-tcpip-forward", remoteKey(remoteHost(f), port)
	payload := ssh.Marshal(tcpListen{remoteHost(f), uint32(port)})
	if f.BindPath != "" {
		kind, key = "cancel-streamlocal-forward@openssh.com", f.BindPath
		payload = ssh.Marshal(struct{ Path string }{f.BindPath})
	}
	s.mu.Lock()
	known := s.remote[key] != nil
	delete(s.remote, key)
	s.mu.Unlock()
	if !known {
		return ErrUnknown
	}
	if ok, _, err := s.client.SendRequest(kind, true, payload); err != nil || !ok {
		return ErrUnknown
	}
	return nil
}

// chosenPort is the port that the server chose for f.
func (s *Set) chosenPort(f config.Forward) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.remote {
		if t.BindPath == "" && t.BindPort == 0 && t.BindAddress == f.BindAddress && t.Host == f.Host && t.Port == f.Port {
			return t.port
		}
	}
	return 0
}

// find tells where a connection to host and port of the server goes. It finds only
// what was asked for: a server must not reach our network at will. Where only one
// forwarding has the port, a server may spell the address in another way.
func (s *Set) find(host string, port int) *target {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.remote[remoteKey(host, port)]; t != nil {
		return t
	}
	var only *target
	for key, t := range s.remote {
		if t.BindPath == "" && t.port == port && !strings.HasPrefix(key, "udp ") {
			if only != nil {
				return nil
			}
			only = t
		}
	}
	return only
}

func (s *Set) forwardedTCP(n ssh.NewChannel) {
	var m struct {
		Host     string
		Port     uint32
		FromHost string
		FromPort uint32
	}
	if ssh.Unmarshal(n.ExtraData(), &m) != nil {
		n.Reject(ssh.ConnectionFailed, "malformed")
		return
	}
	t := s.find(m.Host, int(m.Port))
	if t == nil {
		s.choosing.RLock() // until the port is known that is being chosen
		t = s.find(m.Host, int(m.Port))
		s.choosing.RUnlock()
	}
	if t == nil {
		s.log.Errorf("WARNING: Server requests forwarding for unknown listen_port %d", m.Port)
		n.Reject(ssh.ConnectionFailed, "open failed")
		return
	}
	s.inward(n, t, fmt.Sprintf("%s port %d", m.FromHost, m.FromPort))
}

func (s *Set) forwardedUnix(n ssh.NewChannel) {
	var m struct{ Path, Reserved string }
	if ssh.Unmarshal(n.ExtraData(), &m) != nil {
		n.Reject(ssh.ConnectionFailed, "malformed")
		return
	}
	s.mu.Lock()
	t := s.remote[m.Path]
	s.mu.Unlock()
	if t == nil || t.BindPath == "" {
		s.log.Errorf("WARNING: Server requests forwarding for unknown path %s", visible.Line(m.Path))
		n.Reject(ssh.ConnectionFailed, "open failed")
		return
	}
	s.inward(n, t, m.Path)
}

// inward connects what came to the server with the place that -R names.
func (s *Set) inward(n ssh.NewChannel, t *target, from string) {
	id := s.take()
	defer s.give(id)
	what := fmt.Sprintf("forwarded-tcpip: %s to %s", from, to(t.Forward))
	if t.Host == "" && t.Path == "" {
		s.inwardSOCKS(n, id, from)
		return
	}
	conn, err := s.connect(t.Host, t.Port, t.Path)
	if err != nil {
		n.Reject(ssh.ConnectionFailed, "open failed")
		return
	}
	defer conn.Close()
	ch, reqs, err := n.Accept()
	if err != nil {
		return
	}
	s.carry(id, what, ch, reqs, conn)
}

// inwardSOCKS is -R with a port alone: a program on the far side names the place by
// SOCKS, and PermitRemoteOpen says whether it may.
func (s *Set) inwardSOCKS(n ssh.NewChannel, id int, from string) {
	ch, reqs, err := n.Accept()
	if err != nil {
		return
	}
	defer ch.Close()
	stop := context.AfterFunc(s.ctx, func() { ch.Close() })
	defer stop()
	host, port, answer, err := negotiate(ch)
	if err != nil {
		s.log.Debug2f("rdynamic request: %v", err)
		return
	}
	if !s.permitsOpen(host, port) {
		s.log.Infof("connect %s:%d not permitted by PermitRemoteOpen", visible.Line(host), port)
		answer(forbidden)
		return
	}
	conn, err := s.connect(host, port, "")
	if err != nil {
		answer(refused)
		return
	}
	defer conn.Close()
	if answer(granted) != nil {
		return
	}
	s.carry(id, fmt.Sprintf("forwarded-tcpip: %s to %s:%d", from, host, port), ch, reqs, conn)
}

// connect dials the place of a -R, and prints why it can't. By SOCKS the far side
// names the host: the line must not let it print lines of its own.
func (s *Set) connect(host string, port int, path string) (net.Conn, error) {
	if path != "" {
		conn, err := s.dial(s.ctx, "unix", path)
		if err != nil {
			s.log.Errorf("connect to %s port -2 failed: %s", path, cause.Of(err))
		}
		return conn, err
	}
	conn, err := s.dial(s.ctx, "tcp", net.JoinHostPort(host, strconv.Itoa(port)))
	if dns := (*net.DNSError)(nil); errors.As(err, &dns) {
		s.log.Errorf("connect_to %s: unknown host (%s)", visible.Line(host), visible.Line(dns.Err))
	} else if err != nil {
		s.log.Errorf("connect_to %s port %d: failed.", visible.Line(host), port)
	}
	return conn, err
}

// permitsOpen is PermitRemoteOpen: host:port words, any or none; a port may be *.
func (s *Set) permitsOpen(host string, port int) bool {
	words := s.host.PermitRemoteOpen
	if len(words) == 0 || slices.Contains(words, "any") {
		return true
	}
	for _, w := range words {
		h, p, err := net.SplitHostPort(w)
		if err == nil && (h == "*" || strings.EqualFold(h, host)) && (p == "*" || p == strconv.Itoa(port)) {
			return true
		}
	}
	return false
}
