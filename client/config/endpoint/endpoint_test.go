package endpoint

import "testing"

// TestHopsStayThoseThatWereJudged: the text of a hop is read again on the way.
func TestHopsStayThoseThatWereJudged(t *testing.T) {
	for s, want := range map[string]Jump{
		"ssh://a%2Cb@host:3":          {"a,b", "host", 3},
		"ssh://us+er@host":            {"us er", "host", 0},
		"ssh://ssh:%2f%2fx@h":         {"ssh://x", "h", 0},
		"ssh://u%23x@[2001:db8::1]:7": {"u#x", "2001:db8::1", 7},
		"ssh://u%40v@h/":              {"u@v", "h", 0},
		"ssh://u;p=1@h:":              {"u", "h", 0},
		"u@h:":                        {"u", "h", 0},
		"u@[::1]:22":                  {"u", "::1", 22},
	} {
		hops, ok := ParseJumps(s)
		if !ok || len(hops) != 1 || hops[0] != want {
			t.Errorf("%s: %+v, want %+v", s, hops, want)
			continue
		}
		if again, ok := ParseJumps(hops[0].String() + ",last"); !ok || len(again) != 2 || again[0] != want {
			t.Errorf("%s: written %s, read %+v", s, hops[0], again)
		}
	}
	for _, s := range []string{"", "ssh://", "ssh://@h", "ssh://u@h/x", "ssh://u%zz@h", "ssh://u%0@h", "ssh://u%00@h",
		"ssh://a@b@c", "ssh://-x", "ssh://h%41", "ssh://[h", "ssh://[::1]x", "ssh://h:0", "ssh://h:65536", "@h", "h:x", "a,,b"} {
		if hops, ok := ParseJumps(s); ok {
			t.Errorf("%q: %+v", s, hops)
		}
	}
}

func FuzzParseForward(f *testing.F) {
	f.Add("[::1]:1:a:2", false, false)
	f.Add("/a:/b", false, true)
	f.Add("80", true, false)
	f.Fuzz(func(t *testing.T, spec string, dynamic, remote bool) {
		fwd, err := ParseForward(spec, dynamic, remote)
		if err == nil && (fwd.BindPort < 0 || fwd.BindPort > 65535 || fwd.Port < 0 || fwd.Port > 65535) {
			t.Fatalf("%q: %+v", spec, fwd)
		}
	})
}
