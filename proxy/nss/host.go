package nss

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// LookupNetIP is net.Resolver's, with network "ip", "ip4" or "ip6", and finds what
// other programs of this machine find too. The error is that of Go's resolver.
func LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error) {
	// An address itself keeps its zone, which Go's lookup drops.
	if a, err := netip.ParseAddr(host); err == nil {
		if !isZone(a.Zone()) {
			return nil, &net.DNSError{Err: "no such interface", Name: host, IsNotFound: true}
		}
		if addrs := ofFamily(network, a.Unmap()); addrs != nil {
			return addrs, nil
		}
		return nil, &net.DNSError{Err: "an address of another family", Name: host, IsNotFound: true}
	}
	name := strings.ToLower(strings.TrimSuffix(host, "."))
	if strings.HasSuffix(name, ".local") { // no DNS server knows it, but one may be slow to say so
		if addrs := hosts(ctx, network, name); addrs != nil {
			return addrs, nil
		}
	}
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, network, host)
	if err == nil && len(addrs) > 0 || ctx.Err() != nil {
		return unmap(addrs), err
	}
	if addrs := hosts(ctx, network, strings.TrimSuffix(host, ".")); addrs != nil {
		return addrs, nil
	}
	if name == "localhost" || strings.HasSuffix(name, ".localhost") { // RFC 6761
		return ofFamily(network, netip.IPv6Loopback(), netip.AddrFrom4([4]byte{127, 0, 0, 1})), nil
	}
	if err == nil {
		err = &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	return nil, err
}

// isZone tells whether a zone is that of an interface here, by its name or number.
// Connecting by any other zone would end with "invalid argument".
func isZone(zone string) bool {
	if zone == "" {
		return true
	}
	if n, err := strconv.Atoi(zone); err == nil && n > 0 {
		return true // the system's to judge
	}
	_, err := net.InterfaceByName(zone)
	return err == nil
}

// hosts are the addresses that getent knows, in the order in which to try them.
func hosts(ctx context.Context, network, host string) []netip.Addr {
	// The C library has ahosts; others have hosts alone, of one family at a time.
	for _, database := range []string{"ahosts", "hosts"} {
		lines, err := getent(ctx, database, host)
		if err != nil && err != errNone {
			return nil // it is out of reach, and would be asked as long again
		}
		var found []netip.Addr
		for _, line := range lines {
			word, _, _ := strings.Cut(line, " ")
			word, _, _ = strings.Cut(word, "\t")
			a, err := netip.ParseAddr(word)
			if a = a.Unmap(); err == nil && !slices.Contains(found, a) {
				found = append(found, a)
			}
		}
		if found = ofFamily(network, found...); found != nil {
			return found
		}
	}
	return nil
}

func ofFamily(network string, addrs ...netip.Addr) (kept []netip.Addr) {
	for _, a := range addrs {
		if network != "ip4" && a.Is6() || network != "ip6" && a.Is4() {
			kept = append(kept, a)
		}
	}
	return kept
}

func unmap(addrs []netip.Addr) []netip.Addr {
	for i, a := range addrs {
		addrs[i] = a.Unmap()
	}
	return addrs
}

// Dialer connects as net.Dialer does, also to names that only the system knows.
type Dialer struct{ net.Dialer }

// DialContext connects to the first address that takes it.
func (d *Dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := d.Dialer.DialContext(ctx, network, address)
	var unknown *net.DNSError
	if !errors.As(err, &unknown) || ctx.Err() != nil {
		return conn, err
	}
	host, port, split := net.SplitHostPort(address)
	if split != nil {
		return nil, err
	}
	addrs, none := LookupNetIP(ctx, "ip"+strings.TrimLeft(network, "tcpud"), host)
	if none != nil {
		return nil, err
	}
	for _, a := range addrs {
		if conn, err = d.Dialer.DialContext(ctx, network, net.JoinHostPort(a.String(), port)); err == nil {
			break
		}
	}
	return conn, err
}
