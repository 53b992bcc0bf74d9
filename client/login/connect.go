package login

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"time"

	"tssh/client/config"
	"tssh/client/voice"
	"tssh/proxy/cause"
	"tssh/proxy/nss"
)

// connect opens the TCP connection as ssh does: every address of the name in
// the resolver's order, all of them again as ConnectionAttempts says. It also
// returns all the addresses, since a UDP path may use others of them.
func connect(ctx context.Context, h *config.Host, log voice.Log) (net.Conn, []netip.Addr, error) {
	addrs, err := resolve(ctx, h)
	if err != nil {
		return nil, nil, err
	}
	var last error
	for attempt := range max(h.ConnectionAttempts, 1) {
		if attempt > 0 {
			if err := pause(ctx, time.Second); err != nil {
				return nil, nil, err
			}
			log.Debugf("Trying again...")
		}
		for _, addr := range addrs {
			log.Debugf("Connecting to %s [%s] port %d.", h.HostName, addr, h.Port)
			conn, err := connectOne(ctx, h, addr, log)
			if conn != nil {
				log.Debugf("Connection established.")
				return conn, addrs, nil
			}
			if ctx.Err() != nil {
				return nil, nil, context.Cause(ctx)
			}
			if last = err; err != nil {
				log.Debugf("connect to address %s port %d: %s", addr, h.Port, cause.Of(err))
			}
		}
	}
	return nil, nil, &Error{Words: fmt.Sprintf("ssh: connect to host %s port %d: %s", h.HostName, h.Port, cmp.Or(cause.Of(last), "failure")), Cause: last}
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// resolve returns the addresses of the host's name in the family asked for.
func resolve(ctx context.Context, h *config.Host) ([]netip.Addr, error) {
	network := "ip"
	switch h.AddressFamily {
	case "inet":
		network = "ip4"
	case "inet6":
		network = "ip6"
	}
	addrs, err := nss.LookupNetIP(ctx, network, h.HostName)
	if err == nil && len(addrs) > 0 {
		return addrs, nil
	}
	why := unknownName(h.HostName)
	if a, none := netip.ParseAddr(h.HostName); none == nil && a.Zone() != "" && network != "ip4" {
		why = "Name or service not known" // there is no such interface
	}
	var dns *net.DNSError
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case errors.As(err, &dns) && !dns.IsNotFound && (dns.IsTemporary || dns.IsTimeout):
		why = "Temporary failure in name resolution"
	}
	return nil, &Error{Words: fmt.Sprintf("ssh: Could not resolve hostname %s: %s", strings.ToLower(h.HostName), why), Cause: err}
}

// unknownName is the C library's word for a name without an address: an
// address that is none here is of the other family.
func unknownName(name string) string {
	if _, err := netip.ParseAddr(name); err == nil {
		return "Address family for hostname not supported"
	}
	return "Name or service not known"
}

func connectOne(ctx context.Context, h *config.Host, addr netip.Addr, log voice.Log) (net.Conn, error) {
	// The system's own keep-alive times, as ssh leaves them: Go's would end
	// a session after two minutes without a network.
	d := net.Dialer{Timeout: h.ConnectTimeout, KeepAliveConfig: net.KeepAliveConfig{
		Enable: h.TCPKeepAlive, Idle: -1, Interval: -1, Count: -1,
	}}
	if !h.TCPKeepAlive {
		d.KeepAlive = -1
	}
	local, err := localAddr(ctx, h, addr)
	if err != nil {
		log.Errorf("%v", err)
		return nil, nil // told; ssh has no more words for it either
	}
	if local.IsValid() {
		d.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(local, 0))
	}
	conn, err := d.DialContext(ctx, "tcp", netip.AddrPortFrom(addr, uint16(h.Port)).String())
	var bind *os.SyscallError
	if errors.As(err, &bind) && bind.Syscall == "bind" {
		log.Errorf("bind %s: %s", local, cause.Of(err))
		return nil, nil
	}
	return conn, err
}

// localAddr is what BindAddress or BindInterface makes of a destination; not
// valid when the system shall choose.
func localAddr(ctx context.Context, h *config.Host, to netip.Addr) (netip.Addr, error) {
	if h.BindAddress != "" {
		network := "ip4"
		if to.Is6() {
			network = "ip6"
		}
		addrs, err := nss.LookupNetIP(ctx, network, h.BindAddress)
		if err != nil || len(addrs) == 0 {
			return netip.Addr{}, fmt.Errorf("getaddrinfo: %s: %s", h.BindAddress, unknownName(h.BindAddress))
		}
		return addrs[0], nil
	}
	if h.BindInterface == "" {
		return netip.Addr{}, nil
	}
	none := fmt.Errorf("getifaddrs: %s: no suitable addresses", h.BindInterface)
	ifc, err := net.InterfaceByName(h.BindInterface)
	if err != nil {
		return netip.Addr{}, none
	}
	addrs, err := ifc.Addrs()
	if err != nil {
		return netip.Addr{}, none
	}
	for _, a := range addrs {
		p, err := netip.ParsePrefix(a.String())
		if err != nil || p.Addr().Is4() != to.Is4() || p.Addr().IsLinkLocalUnicast() != to.IsLinkLocalUnicast() {
			continue
		}
		return p.Addr(), nil
	}
	return netip.Addr{}, none
}
