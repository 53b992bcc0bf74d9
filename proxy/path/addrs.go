package path

import (
	"net"
	"net/netip"
	"slices"
)

// maxAddrs bounds Addrs.
const maxAddrs = 8

// Addrs are this machine's own addresses, those that the world can reach first.
func (Host) Addrs() []netip.Addr {
	all, _ := net.InterfaceAddrs()
	var list []netip.Addr
	for _, a := range all {
		prefix, err := netip.ParsePrefix(a.String())
		if err != nil {
			continue
		}
		if ip := prefix.Addr().Unmap(); ip.IsGlobalUnicast() {
			list = append(list, ip)
		}
	}
	slices.SortStableFunc(list, func(a, b netip.Addr) int {
		switch {
		case a.IsPrivate() == b.IsPrivate():
			return 0
		case a.IsPrivate():
			return 1
		}
		return -1
	})
	return list[:min(len(list), maxAddrs)]
}
