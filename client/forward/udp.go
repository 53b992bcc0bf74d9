package forward

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"tssh/client/config"
)

// UDP is an extension of ours; the channels are described at tssh's package
// server/forward. A datagram is preceded by its length in 16 bits. Datagrams
// are dropped when the other side doesn't take them, as networks do.
const (
	maxDatagram = 0xffff
	maxFlows    = 1024 // senders at a time on one port
	maxQueue    = 64   // datagrams of one sender under way
	flowIdle    = 2 * time.Minute
)

// udpEnds is the payload of both kinds of channel.
type udpEnds struct {
	Host     string
	Port     uint32
	FromHost string
	FromPort uint32
}

// idleTime is how long a flow may be silent.
func (s *Set) idleTime() time.Duration {
	if t := s.host.ForwardUdpTimeout; t > 0 {
		return t
	}
	return flowIdle
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
				s.log.Errorf("bind [%s]:%d/udp: %s", host, f.BindPort, system(err))
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
		u := &udpListener{set: s, pc: pc, to: f, flows: map[string]chan []byte{}}
		if !s.spawn(u.run) {
			pc.Close()
		}
	}
	return nil
}

// udpListener sorts the datagrams of one socket by sender, a channel each.
type udpListener struct {
	set *Set
	pc  net.PacketConn
	to  config.Forward

	mu    sync.Mutex // guards flows
	flows map[string]chan []byte
}

func (u *udpListener) run() {
	buf := make([]byte, maxDatagram)
	for {
		n, from, err := u.pc.ReadFrom(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // "connection refused" by the last answer
		}
		if queue := u.flow(from); queue != nil {
			select {
			case queue <- frame(buf[:n]):
			default:
			}
		}
	}
}

// flow gives the queue of a sender, nil when there are too many.
func (u *udpListener) flow(from net.Addr) chan []byte {
	u.mu.Lock()
	defer u.mu.Unlock()
	key := from.String()
	if q, ok := u.flows[key]; ok {
		return q
	}
	if len(u.flows) >= maxFlows {
		return nil
	}
	q := make(chan []byte, maxQueue)
	if !u.set.spawn(func() { u.serve(from, q) }) {
		return nil
	}
	u.flows[key] = q
	return q
}

// serve carries one sender's datagrams until it has been silent for long.
func (u *udpListener) serve(from net.Addr, queue chan []byte) {
	defer func() {
		u.mu.Lock()
		delete(u.flows, from.String())
		u.mu.Unlock()
	}()
	a := from.(*net.UDPAddr)
	id := u.set.take()
	defer u.set.give(id)
	ch, reqs, err := u.set.client.OpenChannel("direct-udp@tssh",
		ssh.Marshal(udpEnds{u.to.Host, uint32(u.to.Port), a.IP.String(), uint32(a.Port)}))
	if err != nil {
		u.set.told(id, err)
		return
	}
	go ssh.DiscardRequests(reqs)
	err = u.set.datagrams(ch, queue, func(d []byte) { u.pc.WriteTo(d, from) })
	u.set.told(id, err)
}

// datagrams sends what comes in queue and delivers what the channel brings,
// until both were silent for long or one has ended.
func (s *Set) datagrams(ch ssh.Channel, queue <-chan []byte, deliver func([]byte)) error {
	heard, gone := make(chan struct{}, 1), make(chan error, 1)
	go func() {
		buf := make([]byte, maxDatagram)
		for {
			d, err := readDatagram(ch, buf)
			if err != nil {
				gone <- err
				return
			}
			deliver(d)
			select {
			case heard <- struct{}{}:
			default:
			}
		}
	}()
	defer func() { <-gone }()
	defer ch.Close()
	silence := time.NewTimer(s.idleTime())
	defer silence.Stop()
	for {
		select {
		case d, ok := <-queue:
			if !ok {
				return nil
			}
			if _, err := ch.Write(d); err != nil {
				return err
			}
			silence.Reset(s.idleTime())
		case <-heard:
			silence.Reset(s.idleTime())
		case err := <-gone:
			gone <- err
			return err
		case <-silence.C:
			return nil
		case <-s.ctx.Done():
			return nil
		}
	}
}

// requestUDP asks for a UdpRemoteForward.
func (s *Set) requestUDP(f config.Forward) error {
	failed := fmt.Errorf("remote udp forwarding failed for listen port %d", f.BindPort)
	host := remoteHost(f)
	if f.BindPort == 0 {
		s.choosing.Lock()
		defer s.choosing.Unlock()
	} else if !s.expect("udp "+remoteKey(host, f.BindPort), &target{f, f.BindPort}) {
		return failed
	}
	ok, reply, err := s.client.SendRequest("udp-forward@tssh", true, ssh.Marshal(struct {
		Host       string
		Port, Idle uint32
	}{host, uint32(f.BindPort), uint32(s.idleTime() / time.Second)}))
	var chosen struct{ Port uint32 }
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

// forwardedUDP carries the datagrams of one sender at the server.
func (s *Set) forwardedUDP(n ssh.NewChannel) {
	var m udpEnds
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
	defer conn.Close()
	ch, reqs, err := n.Accept()
	if err != nil {
		return
	}
	go ssh.DiscardRequests(reqs)
	queue := make(chan []byte, maxQueue)
	stop := context.AfterFunc(s.ctx, func() { conn.Close() })
	defer stop()
	go func() {
		defer close(queue)
		buf := make([]byte, maxDatagram)
		for {
			n, err := conn.Read(buf)
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err != nil {
				continue
			}
			select {
			case queue <- frame(buf[:n]):
			default:
			}
		}
	}()
	s.datagrams(ch, queue, func(d []byte) { conn.Write(d) })
}

// frame puts a datagram's length before it.
func frame(d []byte) []byte {
	b := binary.BigEndian.AppendUint16(make([]byte, 0, 2+len(d)), uint16(len(d)))
	return append(b, d...)
}

func readDatagram(r io.Reader, buf []byte) ([]byte, error) {
	var length [2]byte
	if _, err := io.ReadFull(r, length[:]); err != nil {
		return nil, err
	}
	d := buf[:binary.BigEndian.Uint16(length[:])]
	_, err := io.ReadFull(r, d)
	return d, err
}
