package forward

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/crypto/ssh"

	"tssh/client/config"
	"tssh/proxy/accept"
	"tssh/proxy/cause"
)

// listener is one -L or -D: the sockets that it listens on.
type listener struct {
	forward config.Forward
	sockets []closer
	ids     []int
	set     *Set
}

type closer interface{ Close() error }

func (l *listener) close() {
	for _, c := range l.sockets {
		c.Close()
	}
	for _, id := range l.ids {
		l.set.give(id)
	}
}

// listenKey is what a forwarding is cancelled by: where it listens.
func listenKey(k Kind, f config.Forward) string {
	return fmt.Sprintf("%d %s %d %s", k, f.BindAddress, f.BindPort, f.BindPath)
}

// listen opens a -L or a -D. What hinders is told here, as ssh does; the error
// only says that it didn't work.
func (s *Set) listen(k Kind, f config.Forward) error {
	s.log.Debugf("Local connections to %s forwarded to remote address %s", from(f, s.host.GatewayPorts), to(f))
	var socks []net.Listener
	var err error
	if f.BindPath != "" {
		socks, err = s.listenUnix(f)
	} else {
		socks, err = s.listenTCP(f)
	}
	if err != nil {
		return err
	}
	l := &listener{forward: f, set: s}
	for _, c := range socks {
		l.sockets = append(l.sockets, c)
		l.ids = append(l.ids, s.take())
	}
	key := listenKey(k, f)
	s.mu.Lock()
	taken := s.listeners[key] != nil || s.closed
	if !taken {
		s.listeners[key] = l
	}
	s.mu.Unlock()
	if taken {
		l.close()
		return ErrLocal
	}
	for _, c := range socks {
		if !s.spawn(func() { s.accept(c, k, f) }) {
			c.Close()
		}
	}
	return nil
}

// from and to are the ends of a forwarding as ssh's log names them.
func from(f config.Forward, gateway bool) string {
	if f.BindPath != "" {
		return f.BindPath + ":-2"
	}
	host := f.BindAddress
	if host == "" && gateway {
		host = "*"
	} else if host == "" {
		host = "LOCALHOST"
	}
	return host + ":" + strconv.Itoa(f.BindPort)
}

func to(f config.Forward) string {
	switch {
	case f.Path != "":
		return f.Path + ":-2"
	case f.Host == "":
		return "socks:0"
	}
	return f.Host + ":" + strconv.Itoa(f.Port)
}

// bindHosts are the addresses that a -L or -D listens on.
func (s *Set) bindHosts(f config.Forward) []string {
	switch {
	case f.BindAddress == "" && s.host.GatewayPorts, f.BindAddress == "*":
		return []string{"0.0.0.0", "::"}
	case f.BindAddress == "", f.BindAddress == "localhost":
		return []string{"127.0.0.1", "::1"}
	}
	return []string{f.BindAddress}
}

// listenTCP listens on each address, and works when one of them does.
func (s *Set) listenTCP(f config.Forward) (socks []net.Listener, err error) {
	// A bind that fails is worth a word, but a machine without IPv6 is not.
	for _, host := range s.bindHosts(f) {
		network := "tcp"
		if host == "0.0.0.0" {
			network = "tcp4"
		} else if host == "::" || host == "::1" {
			network = "tcp6" // each family on its own, as ssh does
		}
		c, err := s.bind(network, net.JoinHostPort(host, strconv.Itoa(f.BindPort)))
		if err != nil {
			if isNoFamily(err) {
				s.log.Debug2f("bind [%s]:%d: %s", host, f.BindPort, cause.Of(err))
			} else {
				s.log.Errorf("bind [%s]:%d: %s", host, f.BindPort, cause.Of(err))
			}
			continue
		}
		socks = append(socks, c)
		s.log.Debugf("Local forwarding listening on %s port %d.", host, c.Addr().(*net.TCPAddr).Port)
	}
	if socks == nil {
		s.log.Errorf("channel_setup_fwd_listener_tcpip: cannot listen to port: %d", f.BindPort)
		return nil, ErrLocal
	}
	return socks, nil
}

// bind listens, as soon as it may within what Yielding says.
func (s *Set) bind(network, address string) (net.Listener, error) {
	for {
		c, err := new(net.ListenConfig).Listen(s.ctx, network, address)
		if err == nil || !errors.Is(err, syscall.EADDRINUSE) || !time.Now().Before(s.yielding) {
			return c, err
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-s.ctx.Done():
		}
	}
}

func (s *Set) listenUnix(f config.Forward) ([]net.Listener, error) {
	if s.host.StreamLocalBindUnlink {
		if err := os.Remove(f.BindPath); err != nil && !errors.Is(err, os.ErrNotExist) {
			s.log.Errorf("unlink %s: %s", f.BindPath, cause.Of(err))
		}
	}
	c, err := s.listenMasked(f.BindPath, s.host.StreamLocalBindMask)
	if err != nil {
		s.log.Errorf("unix_listener: cannot bind to path %s: %s", f.BindPath, cause.Of(err))
		return nil, ErrLocal
	}
	s.log.Debugf("Local forwarding listening on path %s.", f.BindPath)
	return []net.Listener{c}, nil
}

// accept takes the connections of one listener until it is closed.
func (s *Set) accept(l net.Listener, k Kind, f config.Forward) {
	complain := func(err error) { s.log.Errorf("accept: %s", cause.Of(err)) }
	accept.Each(l.Accept, complain, func(conn net.Conn) {
		if !s.spawn(func() { s.outward(conn, k, f) }) {
			conn.Close()
		}
	})
}

// outward carries a connection that came in here to where the server takes it.
func (s *Set) outward(conn net.Conn, k Kind, f config.Forward) {
	defer conn.Close()
	s.log.Debugf("Connection to port %d forwarding to %s requested.", f.BindPort, to(f))
	if k == Dynamic {
		stop := context.AfterFunc(s.ctx, func() { conn.Close() })
		host, port, answer, err := negotiate(conn)
		if err == nil {
			// Before the server was asked, as ssh does: that saves a round trip, and
			// what can't be reached shows as the end of the connection.
			err = answer(granted)
		}
		stop()
		if err != nil {
			s.log.Debug2f("dynamic request: %v", err)
			return
		}
		f.Host, f.Port = host, port
	}
	id := s.take()
	defer s.give(id)
	ch, reqs, err := s.client.OpenChannel(direct(f, conn.RemoteAddr()))
	if err == nil {
		what := fmt.Sprintf("direct-tcpip: listening port %d for %s, connect from %s", f.BindPort, to(f), conn.RemoteAddr())
		err = s.carry(id, what, ch, reqs, conn)
	}
	s.sayRefused(id, err)
}

// direct is the channel that asks the server to connect to f's target.
func direct(f config.Forward, from net.Addr) (kind string, extra []byte) {
	host, port := "127.0.0.1", 65535 // what ssh says of who has no address
	if a, ok := from.(*net.TCPAddr); ok {
		host, port = a.IP.String(), a.Port
	}
	if f.Path != "" {
		return "direct-streamlocal@openssh.com", ssh.Marshal(struct {
			Path, Reserved string
			Port           uint32
		}{f.Path, "", 0})
	}
	return "direct-tcpip", ssh.Marshal(struct {
		Host     string
		Port     uint32
		FromHost string
		FromPort uint32
	}{f.Host, uint32(f.Port), host, uint32(port)})
}
