package pattern

import (
	"strings"
	"testing"
)

func TestMatch(t *testing.T) {
	for _, c := range []struct {
		s, p string
		want bool
	}{
		{"", "", true}, {"", "*", true}, {"", "?", false}, {"a", "", false},
		{"abc", "a?c", true}, {"abc", "a*", true}, {"abc", "*c", true}, {"abc", "*b*", true},
		{"abc", "b", false}, {"abc", "abc*", true}, {"abc", "abc?", false},
		{"aXbXc", "a*b*c", true}, {"mississippi", "m*iss*pi", true}, {"mississippi", "m*iss*x", false},
		{"a*", "a*", true}, {"ABC", "abc", false}, {"ab", "a**b", true},
	} {
		if got := Match(c.s, c.p); got != c.want {
			t.Errorf("Match(%q, %q) = %v", c.s, c.p, got)
		}
	}
}

// A pattern of many stars must not take time that grows with every star.
func TestManyStarsAreNoLoad(t *testing.T) {
	if Match(strings.Repeat("a", 10000), strings.Repeat("a*", 500)+"b") {
		t.Error("matched")
	}
}

func TestMatchList(t *testing.T) {
	for _, c := range []struct {
		s, list string
		want    int
	}{
		{"a", "a,b", 1}, {"c", "a,b", 0}, {"a", "!a,*", -1}, {"a", "*,!a", -1}, {"b", "!a,*", 1},
		{"a", "!b", 0}, {"", "", 0}, {"a", ",a,", 1}, {"x.y", "*.y", 1},
	} {
		if got := MatchList(c.s, c.list); got != c.want {
			t.Errorf("MatchList(%q, %q) = %d, want %d", c.s, c.list, got, c.want)
		}
	}
	if MatchFold("Host.Example", "host.*") != 1 {
		t.Error("MatchFold minds the case")
	}
}

func FuzzMatch(f *testing.F) {
	f.Add("abc", "a*?")
	f.Fuzz(func(t *testing.T, s, p string) {
		got := Match(s, p)
		if !strings.ContainsAny(p, "*?") && got != (s == p) {
			t.Fatalf("Match(%q, %q) = %v", s, p, got)
		}
		if got && !Match(s+"x", p+"*") {
			t.Fatalf("Match(%q, %q), but not with a star behind", s, p)
		}
	})
}
