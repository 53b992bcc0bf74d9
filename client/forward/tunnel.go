package forward

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"golang.org/x/crypto/ssh"

	"tssh/proxy/tun"
)

// Errors of a tunnel, which end all with ExitOnForwardFailure.
var (
	errNoDevice = errors.New("Could not request tunnel forwarding.")
	errNoTunnel = errors.New("Tunnel forwarding failed")
)

// Tunnel is the name of the tun device, "" when there is none.
func (s *Set) Tunnel() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tunnel
}

// startTunnel opens the tun device that is asked for and joins it with one
// of the server's. The answer is waited for: the server tells the name of its
// device to the session that is opened next.
func (s *Set) startTunnel() error {
	mode := tun.PointToPoint
	switch s.lent.Tunnel {
	case "ethernet":
		mode = tun.Ethernet
	case "", "no":
		return nil
	}
	local, remote := units(s.host.TunnelDevice)
	s.log.Debugf("Requesting tun unit %d in mode %d", local, mode)
	d, err := tun.Open(mode, local)
	if err != nil {
		s.log.Debugf("%v", err)
		s.log.Errorf("Tunnel device open failed.")
		if s.host.ExitOnForwardFailure {
			return errNoDevice
		}
		s.log.Errorf("%v", errNoDevice)
		return nil
	}
	s.log.Debugf("Tunnel forwarding using interface %s", d.Name)
	s.mu.Lock()
	s.tunnel = d.Name
	s.mu.Unlock()
	id := s.take()
	ch, reqs, err := s.client.OpenChannel(tun.Kind, ssh.Marshal(tun.Request{Mode: mode, Unit: remote}))
	if err != nil {
		d.Close()
		s.sayRefused(id, err)
		s.give(id)
		if s.host.ExitOnForwardFailure {
			return errNoTunnel
		}
		s.log.Errorf("%v", errNoTunnel)
		return nil
	}
	s.log.Debugf("tunnel forward established, id=%d", id)
	go ssh.DiscardRequests(reqs)
	if !s.spawn(func() { s.joinTunnel(id, d, ch) }) {
		ch.Close()
		d.Close()
	}
	return nil
}

// joinTunnel carries packets until the tunnel or the connection ends.
func (s *Set) joinTunnel(id int, d *tun.Device, ch ssh.Channel) {
	defer s.give(id)
	defer s.opened(id, "tun: "+d.Name)()
	stop := context.AfterFunc(s.ctx, func() {
		d.Close()
		ch.Close()
	})
	defer stop()
	if err := d.Join(ch); err != nil {
		s.log.Errorf("channel %d: %v", id, err)
	}
}

// units are the numbers of both ends' devices.
func units(device string) (local, remote uint32) {
	unit := func(s string) uint32 {
		n, err := strconv.ParseUint(s, 10, 31)
		if err != nil {
			return tun.AnyUnit
		}
		return uint32(n)
	}
	l, r, _ := strings.Cut(device, ":")
	return unit(l), unit(r)
}
