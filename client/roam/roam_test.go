package roam

import (
	"net"
	"net/netip"
	"strings"
	"testing"

	"tssh/client/login"
	"tssh/proxy/terms"
	"tssh/proxy/wire"
)

func TestServersAreTriedNearestFirst(t *testing.T) {
	addr := netip.MustParseAddr
	l := &login.Login{
		Remote: &net.TCPAddr{IP: net.ParseIP("203.0.113.7"), Port: 22},
		Addrs:  []netip.Addr{addr("2001:db8::7"), addr("203.0.113.7")},
	}
	g := terms.Greeting{Port: 61001, Addrs: []netip.Addr{addr("::ffff:203.0.113.7"), addr("198.51.100.1")}}
	var got []string
	for _, a := range addressesOf(l, g) {
		got = append(got, a.String())
	}
	want := "203.0.113.7:61001 [2001:db8::7]:61001 198.51.100.1:61001"
	if strings.Join(got, " ") != want {
		t.Errorf("got %v, want %v", got, want)
	}
	g.Port = 0
	if got := addressesOf(l, g); got != nil {
		t.Errorf("a server without a port has addresses: %v", got)
	}
}

func TestSilenceOfTheServerNamesTheNextStep(t *testing.T) {
	where := []netip.AddrPort{netip.MustParseAddrPort("203.0.113.7:61001")}
	for mode, want := range map[wire.Mode]string{"udp": "UdpProxyMode=auto", "auto": "tssh --doctor prod"} {
		err := Config{Original: "prod", Mode: mode}.unreachable(where)
		if !strings.Contains(err.Error(), where[0].String()) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", mode, err)
		}
	}
}

// TestLeavingKeepsTheLogin: --doctor tries one path after the other on one login.
func TestLeavingKeepsTheLogin(t *testing.T) {
	login := &carrier{}
	r := &Session{carrier: login}
	if r.Leave(); r.carrier != login || login.closed {
		t.Error("the login went too")
	}
}
