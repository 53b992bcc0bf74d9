package forward

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strconv"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"tssh/proxy/sshconn"
)

const (
	maxDatagram = 0xffff
	maxFlows    = 1024 // senders at a time on one port
	maxQueue    = 64   // datagrams of one sender that wait for the client
	// flowIdle ends the flow of a silent sender when the client names no time.
	flowIdle = 2 * time.Minute
)

func (f *Forwarder) directUDP(n sshconn.NewChannel) {
	var to destination
	if err := ssh.Unmarshal(n.ExtraData(), &to); err != nil || to.Port > 0xffff {
		n.Reject(ssh.ConnectionFailed, "malformed")
		return
	}
	if !f.policy.PermitsOpen(to.Host, int(to.Port)) {
		refuse(n)
		return
	}
	conn, err := f.dial("udp", net.JoinHostPort(to.Host, strconv.Itoa(int(to.Port))))
	if err != nil {
		n.Reject(ssh.ConnectionFailed, cause(err))
		return
	}
	defer conn.Close()
	ch, err := n.Accept()
	if err != nil {
		return
	}
	go discard(ch)
	done := make(chan struct{})
	go func() {
		defer close(done)
		toChannel(ch, conn)
	}()
	buf := make([]byte, maxDatagram)
	for {
		d, err := readDatagram(ch, buf)
		if err != nil {
			break
		}
		conn.Write(d) // an error is the datagram's loss
	}
	conn.Close()
	ch.Close()
	<-done
}

// toChannel sends what a connected socket receives to the client. An error of
// the socket's ("connection refused" by the last datagram) does not end it.
func toChannel(ch io.Writer, conn net.Conn) {
	buf := make([]byte, 2+maxDatagram)
	for {
		n, err := conn.Read(buf[2:])
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue
		}
		if writeDatagram(ch, buf, n) != nil {
			return
		}
	}
}

// writeDatagram sends the n bytes that stand from buf[2] on.
func writeDatagram(w io.Writer, buf []byte, n int) error {
	binary.BigEndian.PutUint16(buf, uint16(n))
	_, err := w.Write(buf[:2+n])
	return err
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

func (f *Forwarder) listenUDP(payload []byte) (reply []byte, err error) {
	var msg struct {
		Host string
		Port uint32
		Idle uint32 // seconds
	}
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
	if err := f.keep(at.key("udp"), end); err != nil {
		end()
		return nil, err
	}
	idle := time.Duration(msg.Idle) * time.Second
	if idle == 0 {
		idle = flowIdle
	}
	for _, pc := range sockets {
		r := &receiver{f: f, pc: pc, at: at, idle: idle, flows: make(map[string]chan []byte)}
		f.spawn(r.run)
	}
	return ssh.Marshal(struct{ Port uint32 }{at.Port}), nil
}

// receiver sorts the datagrams of one socket by sender, a channel each.
type receiver struct {
	f    *Forwarder
	pc   net.PacketConn
	at   endpoint
	idle time.Duration

	mu    sync.Mutex // guards flows
	flows map[string]chan []byte
}

func (r *receiver) run() {
	buf := make([]byte, maxDatagram)
	for {
		n, from, err := r.pc.ReadFrom(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue
		}
		queue := r.flow(from)
		if queue == nil {
			continue
		}
		d := make([]byte, 2+n)
		copy(d[2:], buf[:n])
		select {
		case queue <- d:
		default: // the client doesn't take them
		}
	}
}

// flow gives the queue of a sender, nil when there are too many.
func (r *receiver) flow(from net.Addr) chan []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	key := from.String()
	if queue, ok := r.flows[key]; ok {
		return queue
	}
	if len(r.flows) >= maxFlows {
		return nil
	}
	queue := make(chan []byte, maxQueue)
	r.flows[key] = queue
	if !r.f.spawn(func() { r.serve(from, queue) }) {
		return nil
	}
	return queue
}

// serve carries the datagrams of one sender until it is silent for long or the client has enough of it.
func (r *receiver) serve(from net.Addr, queue chan []byte) {
	defer func() {
		r.mu.Lock()
		delete(r.flows, from.String())
		r.mu.Unlock()
	}()
	host, port := split(from)
	ch, err := r.f.server.OpenChannel("forwarded-udp@tssh", ssh.Marshal(destination{r.at.Host, r.at.Port, host, port}))
	if err != nil {
		r.f.logf("forward: udp: %v", err)
		return
	}
	defer ch.Close()
	go discard(ch)
	answered, gone := make(chan struct{}, 1), make(chan struct{})
	go func() {
		defer close(gone)
		buf := make([]byte, maxDatagram)
		for {
			d, err := readDatagram(ch, buf)
			if err != nil {
				return
			}
			r.pc.WriteTo(d, from)
			select {
			case answered <- struct{}{}:
			default:
			}
		}
	}()
	silence := time.NewTimer(r.idle)
	defer silence.Stop()
	for {
		select {
		case d := <-queue:
			if writeDatagram(ch, d, len(d)-2) != nil {
				return
			}
			silence.Reset(r.idle)
		case <-answered:
			silence.Reset(r.idle)
		case <-gone:
			return
		case <-silence.C:
			return
		case <-r.f.done:
			return
		}
	}
}
