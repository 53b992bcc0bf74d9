package proxy

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"syscall"
	"time"

	"tssh/proxy/admit"
	"tssh/proxy/path"
	"tssh/proxy/wire"
)

// ServerConfig is what a Server is made of.
type ServerConfig struct {
	Secret    [32]byte // of the greeting
	Transport wire.Transport
	Mode      wire.Mode     // which kinds of path to offer; empty: wire.Auto
	Ports     []int         // to choose from, in this order; empty: any free one
	Alive     time.Duration // silent longer than this, the client is gone; 0: DefaultAlive
	Network   path.Network  // nil: this machine's
	Bulk      bool          // QUIC has a second connection, for bulk, below which losses over UDP are repaired; both ends agree, and on Halves
	Halves    bool          // large datagrams may be cut in two; both ends agree
	MTU       int           // the transport's largest datagram in bytes; 0: it finds what passes
	Returned  func()        // called when the client came back from an outage; nil: nothing is
	Early     *Early        // the transport's end, which has said its first words; nil: a new one
	Logf      func(string, ...any)
}

// Listen opens a server's paths. They end with ctx, with Close, or when the
// client was silent for Alive.
func Listen(ctx context.Context, config ServerConfig) (*Server, error) {
	if config.Network == nil {
		config.Network = path.Host{}
	}
	if config.Alive <= 0 {
		config.Alive = DefaultAlive
	}
	if config.Mode == "" {
		config.Mode = wire.Auto
	}
	s := &Server{config: config, codec: wire.NewServer(config.Secret), done: make(chan struct{}), started: time.Now()}
	s.strangers.most, s.relayed.most = maxStrangers, maxRelayed
	s.door = admit.New[place](challenge)
	s.large.free = config.MTU == 0
	if config.Halves {
		s.large.codec = wire.NewServerLarge(config.Secret)
	}
	s.Conn, s.feed = config.Early.end(config.Transport, s.transmit)
	if err := s.bind(); err != nil {
		return nil, err
	}
	ctx, s.cancel = context.WithCancel(ctx)
	if config.Bulk && config.Transport == wire.QUIC && s.socket != nil {
		deliver := func(b []byte) { s.feed.Deliver(b, 0, 0, true) }
		s.mend = newMender(wire.NewServerRepair(config.Secret), deliver, s.sendBulk)
		s.feed.Mend(s.mend.mends)
		s.work.Go(s.mend.run)
	}
	s.feed.Redirect(s.transmit) // of an early one
	if s.socket != nil {
		s.work.Go(s.readSocket)
	}
	if s.listen != nil {
		s.work.Go(s.acceptStreams)
	}
	s.work.Go(func() { s.await(ctx) })
	return s, nil
}

// challenge returns a number that nobody can guess, and not 0.
func challenge() uint64 {
	var b [8]byte
	rand.Read(b[:])
	return binary.BigEndian.Uint64(b[:]) | 1
}

// bind takes the first port that is free for UDP and TCP.
func (s *Server) bind() error {
	if s.config.Mode == wire.OnlySSH {
		return nil
	}
	ports := s.config.Ports
	if len(ports) == 0 {
		ports = []int{0, 0, 0, 0}
	}
	var err error
	for _, port := range ports {
		if err = s.bindPort(port); err == nil {
			return nil
		}
	}
	return noPort(ports, err)
}

// noPort says why none of ports could be had, and what to do; last is what became
// of the last one.
func noPort(ports []int, last error) error {
	port, cause := ports[len(ports)-1], last
	if errno, ok := errors.AsType[syscall.Errno](last); ok {
		cause = errno // without the calls around it
	}
	hint := "choose others by UdpPort"
	if errors.Is(last, fs.ErrPermission) && port < 1024 {
		hint = "ports below 1024 are root's, " + hint
	}
	if len(ports) == 1 {
		return fmt.Errorf("listen on port %d: %w; %s", port, cause, hint)
	}
	return fmt.Errorf("listen: none of %d ports is free; the last one tried, %d: %w; %s", len(ports), port, cause, hint)
}

func (s *Server) bindPort(port int) error {
	var err error
	if s.config.Mode != wire.OnlyTCP {
		if s.socket, err = s.config.Network.ListenUDP(port); err != nil {
			return err
		}
		port = int(s.socket.Local().Port())
	}
	if s.config.Mode != wire.OnlyUDP {
		if s.listen, err = s.config.Network.ListenTCP(port); err != nil {
			if s.socket != nil {
				s.socket.Close()
			}
			return err
		}
		port = s.listen.Addr().(*net.TCPAddr).Port
	}
	s.port = port
	return nil
}
