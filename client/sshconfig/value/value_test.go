package value

import (
	"slices"
	"strings"
	"testing"

	"tssh/client/config/endpoint"
)

func TestSplit(t *testing.T) {
	for s, want := range map[string][]string{
		``:                    nil,
		`a  b	c`:              {"a", "b", "c"},
		`"a b" 'c d'`:         {"a b", "c d"},
		`a"b c"d`:             {"ab cd"},
		`a\ b \"c\" d\e \\`:   {"a b", `"c"`, `d\e`, `\`},
		`"a\"b" 'c\'d' "e\ "`: {`a"b`, `c'd`, `e\ `},
		`a # b`:               {"a"},
		`a#b "#c"`:            {"a#b", "#c"},
		`""`:                  {""},
		`"it's"`:              {"it's"},
	} {
		if got, ok := Split(s); !ok || !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", s, got, want)
		}
	}
	for _, s := range []string{`"`, `'a`, `a "b`, `"a\"`} {
		if got, ok := Split(s); ok {
			t.Errorf("%s: %q, want none", s, got)
		}
	}
}

func TestRead(t *testing.T) {
	for s, want := range map[string]string{
		"Port 22":              "port|22|22",
		"  Port=22  ":          "port|22|22",
		"Port = 22":            "port|22|22",
		"Port = = 22":          "port|= 22|=,22",
		"\"Port\" 22\r":        "port|22|22",
		"Po\"r\"t 22":          "por|t 22|t,22",
		"ProxyCommand a \"b\"": "proxycommand|a \"b\"|a,b",
		"#!! UdpMode yes":      "udpmode|yes|yes",
		"\t#!!\tUdpMode=yes":   "udpmode|yes|yes",
		"#!!UdpMode yes":       "",
		"# Port 22":            "",
		"":                     "",
		"\f":                   "",
	} {
		l, err := Read("f", 1, s)
		got := ""
		if l != nil {
			got = l.Key + "|" + l.Rest + "|" + strings.Join(l.Args, ",")
		}
		if err != nil || got != want {
			t.Errorf("%q: %q, %v; want %q", s, got, err, want)
		}
	}
	for s, want := range map[string]string{
		"Port":     `f line 1: no argument after keyword "port"`,
		"Port  ":   `f line 1: no argument after keyword "port"`,
		"Port \"2": "f line 1: invalid quotes",
		"=2":       `f line 1: no argument after keyword "2"`,
	} {
		if _, err := Read("f", 1, s); err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", s, err, want)
		}
	}
}

func TestParseSeconds(t *testing.T) {
	for s, want := range map[string]int{
		"0": 0, "90": 90, "5m": 300, "1h30m": 5400, "1w2d3h4m5s": 788645, "2H": 7200, "1m1m": 120, "2147483647": 1<<31 - 1,
	} {
		if got, ok := ParseSeconds(s); !ok || got != want {
			t.Errorf("%s: %d, want %d", s, got, want)
		}
	}
	for _, s := range []string{"x", "5y", "m", "-1", "1.5h", "5 m", "2147483648", "99999999999999999999", "4000w"} {
		if got, ok := ParseSeconds(s); ok {
			t.Errorf("%s: %d, want none", s, got)
		}
	}
}

func TestParsePort(t *testing.T) {
	for s, want := range map[string]int{"22": 22, "0": 0, "65535": 65535, "65536": -1, "-1": -1, "": -1, "22x": -1, "x22": -1, "0x16": -1, "+5": 5, "http": 80} {
		if got := endpoint.ParsePort(s); got != want {
			t.Errorf("%q: %d, want %d", s, got, want)
		}
	}
}

func TestClassesOfService(t *testing.T) {
	for s, want := range map[string]int{"lowdelay": 0x10, "ef": 0xb8, "none": -1, "0x11": 0x11, "cs0": 0} {
		if got := QoSValue(s); got != want {
			t.Errorf("%s: %#x, want %#x", s, got, want)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add("Port 22 # x")
	f.Add("#!! K \"a b\"'c'\\ d")
	f.Fuzz(func(t *testing.T, s string) {
		l, err := Read("f", 1, s)
		if err == nil && l != nil && (l.Key == "" || l.Rest == "") {
			t.Fatalf("%q: %+v", s, l)
		}
	})
}
