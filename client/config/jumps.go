package config

import (
	"net/netip"
	"slices"
	"strings"
)

// Jumps is the way of ProxyJump with its tokens expanded: those are of the host at
// its end. An address stays as it is, as its zone may look like a token. What was
// made of tokens is judged anew: the name in it may be one that was typed.
func (h *Host) Jumps() ([]Jump, error) {
	hops := slices.Clone(h.ProxyJump)
	for i := range hops {
		hop := &hops[i]
		if _, err := netip.ParseAddr(hop.Host); err == nil || !strings.Contains(hop.User+hop.Host, "%") {
			continue
		}
		for _, part := range []*string{&hop.User, &hop.Host} {
			expanded, err := h.Expand("ProxyJump", *part, nil)
			if err != nil {
				return nil, err
			}
			*part = expanded
		}
		if fault := hop.Unfit(); fault != "" {
			return nil, &Error{Lines: []string{fault}}
		}
	}
	return hops, nil
}
