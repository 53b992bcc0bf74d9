package terms

import (
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"tssh/proxy/wire"
)

func anOffer() Offer {
	return Offer{
		Transport: "quic", Ports: "61001-61999,7", ClientPin: [32]byte{1, 2, 31: 255},
		Alive: 24 * time.Hour, Heartbeat: 3 * time.Second, MTU: 1400, Proxy: "auto", Keep: wire.Keep{Terminal: 1 << 20},
		Keys: []Key{{Fingerprint: [32]byte{3, 31: 4}},
			{Fingerprint: [32]byte{5}, Cert: &Cert{Permits: "px", Principals: []string{"alice", "b ; $(ob)"}}}},
	}
}

func aGreeting() Greeting {
	return Greeting{
		Version: Version, Release: "1.0", Port: 61001,
		Addrs:  []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")},
		Secret: [32]byte{9, 31: 8}, ServerPin: [32]byte{7, 31: 6}, Relay: "/run/user/0/tsshd",
		PID: 42, Hello: []byte{0, 1, 0xff}, Warnings: []string{"no lingering: the session ends at logout"},
		Notes: []string{"sshd_config can't be read"},
	}
}

func TestOfferSurvivesAnyShell(t *testing.T) {
	want := anOffer()
	word := want.String()
	if strings.ContainsAny(word, " \t\n'\"`$&|;<>(){}[]*?!#~\\=^%") {
		t.Errorf("a shell may change %s", word)
	}
	got, err := ParseOffer(word)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("ParseOffer(%s) = %+v, %v", word, got, err)
	}
	if got, err := ParseOffer(word + "/color:red"); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("with an unknown field: %+v, %v", got, err)
	}
}

func TestOfferRefused(t *testing.T) {
	good := anOffer().String()
	for _, word := range []string{
		"", "1", "1/", "x/", good + "/", good + "/mtu:1", strings.Replace(good, "quic", "tcp", 1),
		strings.Replace(good, "alive:", "alive:-", 1), strings.Replace(good, "61001", "$(id)", 1),
		strings.Replace(good, "pin:AQI", "pin:AQ", 1), "1/transport:quic",
		strings.Replace(good, "keep:1", "keep:-1", 1), strings.Replace(good, "keep:1048576,0", "keep:1048576", 1), strings.Replace(good, "keep:1", "keep:999999999", 1),
		good + strings.Repeat("/a:b", 2000),
		good + "A", good + ",", strings.Replace(good, ".px.", ".PX.", 1), strings.Replace(good, ".px.", ".", 1),
		good + strings.Repeat(",AwAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAQ", 3),
	} {
		if o, err := ParseOffer(word); err == nil || errors.Is(err, ErrVersion) {
			t.Errorf("ParseOffer(%q) = %+v, %v", word, o, err)
		}
	}
	if _, err := ParseOffer("2/anything at all"); !errors.Is(err, ErrVersion) {
		t.Errorf("another version: %v", err)
	}
}

func TestGreetingFoundInNoise(t *testing.T) {
	want := aGreeting()
	for _, format := range []string{"%s", "Welcome!\a %s", "{tsshd:%s", "{tsshd:9:{tsshd:x:%s and more:tsshd}"} {
		line := fmt.Sprintf(format, want.Line())
		got, found, err := FindGreeting([]byte(line))
		if err != nil || !found || !reflect.DeepEqual(got, want) {
			t.Errorf("in %q: %v, %v, %v", line, got, found, err)
		}
	}
	for _, line := range []string{"", "Last login: never", want.Line()[:60], "{tsshd:"} {
		if _, found, err := FindGreeting([]byte(line)); found || err != nil {
			t.Errorf("in %q: %v, %v", line, found, err)
		}
	}
}

func TestGreetingRefused(t *testing.T) {
	if g, found, err := FindGreeting([]byte("{tsshd:7:!:tsshd}")); !found || !errors.Is(err, ErrVersion) || g.Version != 7 {
		t.Errorf("another version: %v, %v, %v", g, found, err)
	}
	bad := aGreeting()
	bad.Relay = "/tmp/'$(id)'"
	long := aGreeting()
	long.Hello = make([]byte, MaxHello+1)
	for _, line := range []string{"{tsshd::tsshd}", "{tsshd:1:e30:tsshd}", "{tsshd:1:%%%:tsshd}", bad.Line(), long.Line()} {
		if g, found, err := FindGreeting([]byte(line)); !found || err == nil || errors.Is(err, ErrVersion) {
			t.Errorf("%s: %v, %v, %v", line, g, found, err)
		}
	}
}

// A server names hosts, and not the client's own machine or everybody on its link.
func TestGreetingNamesOnlyHosts(t *testing.T) {
	g := aGreeting()
	g.Addrs = nil
	for _, a := range []string{
		"127.0.0.1", "127.255.0.9", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::1", "::7f00:1",
		"0.0.0.0", "0.1.2.3", "::", "::ffff:0.0.0.0",
		"224.0.0.251", "239.1.1.1", "ff02::1", "ff05::2", "64:ff9b::e000:fb",
		"255.255.255.255", "::ffff:255.255.255.255", "250.0.0.1",
		"169.254.169.254", "fe80::1", "fe80::1%eth0", "2001:db8::1%eth0",
		"192.0.2.1", "10.0.0.1", "2001:db8::1", "fd00::1", "::ffff:192.168.1.2", "64:ff9b::c000:201", // these remain
	} {
		g.Addrs = append(g.Addrs, netip.MustParseAddr(a))
	}
	got, found, err := FindGreeting([]byte(g.Line()))
	if err != nil || !found {
		t.Fatal(found, err)
	}
	want := "[192.0.2.1 10.0.0.1 2001:db8::1 fd00::1 192.168.1.2 64:ff9b::c000:201]"
	if s := fmt.Sprint(got.Addrs); s != want {
		t.Errorf("%s, want %s", s, want)
	}
}

func TestGreetingHidesItsSecret(t *testing.T) {
	g := Greeting{Secret: [32]byte([]byte(strings.Repeat("s", 32)))}
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		for _, leak := range []string{"ssss", "115", "73, 0x73"} {
			if text := fmt.Sprintf(format, g); strings.Contains(text, leak) {
				t.Errorf("%s shows %s", format, text)
			}
		}
	}
}

func TestWarningsCannotDriveTheTerminal(t *testing.T) {
	g := aGreeting()
	g.Warnings = []string{"a\x1b]0;title\ab\nc"}
	g.Notes = g.Warnings
	got, _, err := FindGreeting([]byte(g.Line()))
	if want := `a\033]0;title\007b\012c`; err != nil || got.Warnings[0] != want || got.Notes[0] != want {
		t.Errorf("got %q, %q, %v", got.Warnings, got.Notes, err)
	}
}

func TestBulkIsAgreed(t *testing.T) {
	o := anOffer()
	plain := o.String()
	o.Bulk = true
	if got, err := ParseOffer(o.String()); err != nil || !got.Bulk || strings.Contains(plain, "bulk") {
		t.Errorf("%+v, %v; without: %q", got, err, plain)
	}
	g := aGreeting()
	g.Bulk = true
	if got, _, err := FindGreeting([]byte(g.Line())); err != nil || !got.Bulk {
		t.Errorf("%+v, %v", got, err)
	}
}

func FuzzParseOffer(f *testing.F) {
	f.Add(anOffer().String())
	f.Add("1/transport:kcp/pin:")
	f.Fuzz(func(t *testing.T, word string) {
		o, err := ParseOffer(word)
		if err != nil {
			return
		}
		if again, err := ParseOffer(o.String()); err != nil || !reflect.DeepEqual(again, o) {
			t.Errorf("%q: %+v, then %+v, %v", word, o, again, err)
		}
	})
}

func FuzzFindGreeting(f *testing.F) {
	f.Add([]byte(aGreeting().Line()))
	f.Add([]byte("{tsshd:1:e30:tsshd}"))
	f.Fuzz(func(t *testing.T, line []byte) {
		g, found, err := FindGreeting(line)
		if !found || err != nil {
			return
		}
		if _, _, err := FindGreeting([]byte(g.Line())); err != nil {
			t.Errorf("%q: %v", line, err)
		}
	})
}
