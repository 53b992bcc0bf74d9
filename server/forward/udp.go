package forward

import (
	"errors"
	"io"
	"net"
	"strconv"
	"time"

	"golang.org/x/crypto/ssh"

	"tssh/proxy/sshconn"
	"tssh/proxy/udp"
)

func (f *Forwarder) directUDP(n sshconn.NewChannel) {
	var to udp.Ends
	err := ssh.Unmarshal(n.ExtraData(), &to)
	address, ok := f.permitted(n, to.Host, to.Port, err)
	if !ok {
		return
	}
	conn, err := f.dial("udp", address)
	ch, ok := accepted(n, conn, err)
	if !ok {
		return
	}
	go discard(ch)
	udp.Join(ch, conn, 0, f.done) // who opened it says when it has been silent for long
}

func (f *Forwarder) listenUDP(payload []byte) (reply []byte, err error) {
	var msg udp.Listening
	if err := ssh.Unmarshal(payload, &msg); err != nil || msg.Port > 0xffff {
		return nil, errors.New("malformed")
	}
	if !f.policy.PermitsListen(msg.Host, int(msg.Port)) {
		return nil, errForbidden
	}
	at := endpoint{msg.Host, msg.Port}
	var sockets []net.PacketConn
	for _, host := range hosts(msg.Host, f.policy.GatewayPorts) {
		network := "udp"
		if host == "::" {
			network = "udp6"
		}
		pc, e := net.ListenPacket(network, net.JoinHostPort(host, strconv.Itoa(int(at.Port))))
		if e != nil {
			err = e
			continue
		}
		sockets = append(sockets, pc)
		at.Port = uint32(pc.LocalAddr().(*net.UDPAddr).Port)
	}
	if sockets == nil {
		return nil, err
	}
	end := func() {
		for _, pc := range sockets {
			pc.Close()
		}
	}
	if err := f.remember(at.key("udp"), end); err != nil {
		end()
		return nil, err
	}
	idle := time.Duration(msg.Idle) * time.Second
	if idle == 0 {
		idle = udp.Idle
	}
	for _, pc := range sockets {
		s := &udp.Sorter{Socket: pc, Idle: idle, Done: f.done, Spawn: f.spawn,
			Serve: func(from *net.UDPAddr, carry func(io.ReadWriteCloser) error) { f.forwardedUDP(at, from, carry) }}
		f.spawn(s.Run)
	}
	return ssh.Marshal(udp.Chosen{Port: at.Port}), nil
}

// forwardedUDP opens the channel of one sender at a port that the client asked for.
func (f *Forwarder) forwardedUDP(at endpoint, from *net.UDPAddr, carry func(io.ReadWriteCloser) error) {
	host, port := split(from)
	ch, err := f.server.OpenChannel(udp.Forwarded, ssh.Marshal(udp.Ends{Host: at.Host, Port: at.Port, FromHost: host, FromPort: port}))
	if err != nil {
		f.logf("forward: udp: %v", err)
		return
	}
	go discard(ch)
	carry(ch)
}
