package forward

import (
	"fmt"
	"io"
	"net"
	"strconv"
	"time"

	"golang.org/x/crypto/ssh"

	"tssh/client/config"
	"tssh/proxy/cause"
	"tssh/proxy/udp"
)

// idleTime is how long a flow may be silent.
func (s *Set) idleTime() time.Duration {
	if t := s.host.ForwardUdpTimeout; t > 0 {
		return t
	}
	return udp.Idle
}

// listenUDP opens a UdpLocalForward.
func (s *Set) listenUDP(f config.Forward) error {
	l := &listener{set: s}
	var socks []net.PacketConn
	for _, host := range s.bindHosts(f) {
		network := "udp4"
		if ip := net.ParseIP(host); ip == nil || ip.To4() == nil {
			network = "udp"
		}
		pc, err := new(net.ListenConfig).ListenPacket(s.ctx, network, net.JoinHostPort(host, strconv.Itoa(f.BindPort)))
		if err != nil {
			if !isNoFamily(err) {
				s.log.Errorf("bind [%s]:%d/udp: %s", host, f.BindPort, cause.Of(err))
			}
			continue
		}
		socks = append(socks, pc)
		l.sockets = append(l.sockets, pc)
	}
	if socks == nil {
		return ErrLocal
	}
	s.mu.Lock()
	s.listeners["udp "+listenKey(Local, f)] = l
	s.mu.Unlock()
	for _, pc := range socks {
		sort := &udp.Sorter{Socket: pc, Idle: s.idleTime(), Done: s.ctx.Done(), Spawn: s.spawn,
			Serve: func(from *net.UDPAddr, carry func(io.ReadWriteCloser) error) { s.directUDP(f, from, carry) }}
		if !s.spawn(sort.Run) {
			pc.Close()
		}
	}
	return nil
}

// directUDP opens the channel of one sender at a UdpLocalForward.
func (s *Set) directUDP(f config.Forward, from *net.UDPAddr, carry func(io.ReadWriteCloser) error) {
	id := s.take()
	defer s.give(id)
	ch, reqs, err := s.client.OpenChannel(udp.Direct,
		ssh.Marshal(udp.Ends{Host: f.Host, Port: uint32(f.Port), FromHost: from.IP.String(), FromPort: uint32(from.Port)}))
	if err != nil {
		s.sayRefused(id, err)
		return
	}
	go ssh.DiscardRequests(reqs) // ends with the channel
	s.sayRefused(id, carry(ch))
}

// requestUDP asks for a UdpRemoteForward, as request does.
func (s *Set) requestUDP(f config.Forward) (take func() error) {
	failed := fmt.Errorf("remote udp forwarding failed for listen port %d", f.BindPort)
	host := remoteHost(f)
	if f.BindPort != 0 && !s.expect("udp "+remoteKey(host, f.BindPort), &target{f, f.BindPort}) {
		return func() error { return failed }
	}
	answer := s.ask(udp.Listen, ssh.Marshal(udp.Listening{
		Host: host, Port: uint32(f.BindPort), Idle: uint32(s.idleTime() / time.Second)}))
	return func() error {
		ok, reply, err := answer()
		var chosen udp.Chosen
		if err != nil || !ok || ssh.Unmarshal(reply, &chosen) != nil {
			s.forget("udp " + remoteKey(host, f.BindPort))
			return refusal(err, failed)
		}
		if f.BindPort == 0 {
			s.expect("udp "+remoteKey(host, int(chosen.Port)), &target{f, int(chosen.Port)})
			s.log.Infof("Allocated port %d/udp for remote forward to %s", chosen.Port, to(f))
		}
		return nil
	}
}

// forwardedUDP carries the datagrams of one sender at the server.
func (s *Set) forwardedUDP(n ssh.NewChannel) {
	var m udp.Ends
	if ssh.Unmarshal(n.ExtraData(), &m) != nil {
		n.Reject(ssh.ConnectionFailed, "malformed")
		return
	}
	s.choosing.RLock()
	s.mu.Lock()
	t := s.remote["udp "+remoteKey(m.Host, int(m.Port))]
	s.mu.Unlock()
	s.choosing.RUnlock()
	if t == nil {
		s.log.Errorf("WARNING: Server requests forwarding for unknown listen_port %d/udp", m.Port)
		n.Reject(ssh.ConnectionFailed, "open failed")
		return
	}
	conn, err := s.dial(s.ctx, "udp", net.JoinHostPort(t.Host, strconv.Itoa(t.Port)))
	if err != nil {
		s.log.Errorf("connect_to %s port %d/udp: failed.", t.Host, t.Port)
		n.Reject(ssh.ConnectionFailed, "open failed")
		return
	}
	ch, reqs, err := n.Accept()
	if err != nil {
		conn.Close()
		return
	}
	go ssh.DiscardRequests(reqs) // ends with the channel
	udp.Join(ch, conn, s.idleTime(), s.ctx.Done())
}
