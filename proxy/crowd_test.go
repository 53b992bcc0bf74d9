package proxy

import (
	"fmt"
	"net/netip"
	"testing"
)

type closer struct{ closed bool }

func (c *closer) Close() error { c.closed = true; return nil }

func TestCrowdDisplacesItsLargestNetwork(t *testing.T) {
	for name, strangers := range map[string]func(i int) string{
		"one host":                     func(int) string { return "203.0.113.66" },
		"the hosts of an IPv4 network": func(i int) string { return fmt.Sprintf("203.0.113.%d", i%256) },
		"one host of an IPv6 network":  func(i int) string { return fmt.Sprintf("2001:db8:bad::%x", i) },
		"networks of one customer":     func(i int) string { return fmt.Sprintf("2001:db8:bad:%x::1", i) },
		"mapped addresses":             func(int) string { return "::ffff:203.0.113.66" },
	} {
		c := crowd{most: 8}
		var old, young closer
		first := c.enter(&old, netip.MustParseAddr("192.0.2.1"))
		for i := range 1000 {
			c.enter(new(closer), netip.MustParseAddr(strangers(i)))
		}
		second := c.enter(&young, netip.MustParseAddr("2001:db8:9::1"))
		for i := range 1000 {
			c.enter(new(closer), netip.MustParseAddr(strangers(i)))
		}
		if old.closed || young.closed {
			t.Errorf("%s displaced another: %v, %v", name, old.closed, young.closed)
		}
		if len(c.waiters) != 8 {
			t.Errorf("%s: %d wait", name, len(c.waiters))
		}
		c.leave(first)
		c.leave(first)
		c.leave(second)
		c.close()
		if c.enter(new(closer), netip.Addr{}) != nil || old.closed {
			t.Errorf("%s: a closed crowd lets in, or ends who left", name)
		}
	}
}

// Groups are counted right, or the wrong ones would go, and their map would grow.
func TestCrowdForgetsNetworks(t *testing.T) {
	c := crowd{most: 8}
	for i := range 1000 {
		g := c.enter(new(closer), netip.AddrFrom4([4]byte{11, byte(i >> 8), byte(i), 1}))
		if i%3 == 0 {
			c.leave(g)
		}
	}
	if len(c.groups) > 2*8 {
		t.Errorf("%d networks of %d waiters", len(c.groups), len(c.waiters))
	}
	for len(c.waiters) > 0 {
		c.leave(c.waiters[0])
	}
	if len(c.groups) != 0 {
		t.Errorf("%d networks of nobody", len(c.groups))
	}
}
