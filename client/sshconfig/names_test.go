package sshconfig

import (
	"errors"
	"slices"
	"testing"

	"tssh/client/config"
)

// TestNoProgramRunsForABadName: what a link or a repository's address made of
// the command line reaches no shell and no file before it was judged.
func TestNoProgramRunsForABadName(t *testing.T) {
	const user, host = "remote username contains invalid characters", "hostname contains invalid characters"
	line := func(s string) Setting { return Setting{Line: s} }
	jump := func(s string) Setting {
		return Setting{Key: "ProxyJump", Value: s, Complaint: "Invalid -J argument"}
	}
	for _, tt := range []struct {
		host     string
		settings []Setting
		want     string
	}{
		{"git", []Setting{Override("User", "x;touch PWNED;true")}, user},
		{"git", []Setting{Set("User", "x`id`")}, user},
		{"git", []Setting{Set("User", "-oProxyCommand=x")}, user},
		{"git", []Setting{Set("User", "x -oProxyCommand=x")}, user},
		{"git", []Setting{Set("User", "x\nid")}, user},
		{"git", []Setting{Set("User", "x\x1b[2J")}, user},
		{"git", []Setting{Set("User", "x\x7f")}, user},
		{"git", []Setting{Set("User", `x\`)}, user},
		{"git", []Setting{Set("User", "x|id")}, user},
		{"git", []Setting{Set("User", "x$IFS")}, user},
		{"git", []Setting{line(`User "x&id"`)}, user},
		{"git", []Setting{line("user=x>y")}, user},
		{"x;id", nil, host},
		{"$(id)", nil, host},
		{"-oProxyCommand=x", nil, host},
		{"x\ty", nil, host},
		{"x,y", nil, host},
		{"x y", nil, host},
		{`x\y`, nil, host},
		{"x\x00y", nil, host},
		{"x;id", []Setting{Override("User", "y;id")}, user}, // ssh looks at this one first
		{"git", []Setting{jump("u;id@h")}, `parse_jump: invalid username "u;id"`},
		{"git", []Setting{jump("h;id")}, `parse_jump: invalid hostname "h;id"`},
		{"git", []Setting{jump("a,u;id@h,b")}, `parse_jump: invalid username "u;id"`},
		{"git", []Setting{jump("ssh://u%3bid@h:22,b")}, `parse_jump: invalid username "u;id"`},
		{"git", []Setting{jump("ssh://u%0aid@h")}, "parse_jump: invalid username \"u\nid\""},
		{"git", []Setting{jump("ssh://u%60id%60@h")}, "parse_jump: invalid username \"u`id`\""},
		{"git", []Setting{line("ProxyJump u|id@h")}, `parse_jump: invalid username "u|id"`},
		{"git", []Setting{line("ProxyJump=-h")}, `parse_jump: invalid hostname "-h"`},
	} {
		m := newMachine(t)
		m.user(t, "Match exec \"test %r = git\"\nUser a\nMatch exec \"test %h%n%j\"\nInclude %r/x\nThis is read\n")
		h, err := Resolve(m.Env, Request{Host: tt.host, Settings: tt.settings, Command: "true"})
		var bad *config.Error
		if !errors.As(err, &bad) || bad.Lines[0] != tt.want {
			t.Errorf("%q %v: %v %q, want %q", tt.host, tt.settings, h, err, tt.want)
		}
		if m.ran != nil || m.asked != nil {
			t.Errorf("%q %v: ran %q, looked up %q", tt.host, tt.settings, m.ran, m.asked)
		}
	}
}

// TestNamesThatAConfigurationMakes: what the user wrote is taken as it is, what
// was made of a variable is not.
func TestNamesThatAConfigurationMakes(t *testing.T) {
	m := newMachine(t)
	m.user(t, "Host own\nUser x;y\nHost domain\nUser DOMAIN\\%n\nHost made\nUser ${EVIL}\nHost fine\nUser %n-${FINE}\n")
	m.Getenv = func(name string) (string, bool) { return map[string]string{"EVIL": "x;id", "FINE": "q"}[name], true }
	if h := m.resolve(t, "own"); h.User != "x;y" {
		t.Errorf("user %q", h.User)
	}
	if h := m.resolve(t, "domain"); h.User != `DOMAIN\domain` {
		t.Errorf("user %q", h.User)
	}
	if h := m.resolve(t, "fine"); h.User != "fine-q" {
		t.Errorf("user %q", h.User)
	}
	if _, err := Resolve(m.Env, Request{Host: "made"}); err != errUser {
		t.Errorf("a user from a variable: %v", err)
	}
	// %r in -o User is not the name yet, and a name before the host is no pattern.
	if _, err := Resolve(m.Env, Request{Host: "h", Settings: []Setting{{Line: "User=${EVIL}"}}}); err == nil {
		t.Error("-o User=${EVIL} was taken")
	}
	if h := m.resolve(t, "own", Set("User", `DOMAIN\x`)); h.User != `DOMAIN\x` {
		t.Errorf("user %q", h.User)
	}
	if h := m.resolve(t, "own", Set("User", "%h")); h.User != "%h" {
		t.Errorf("user %q", h.User)
	}
}

// TestAliasesOfTheDNSAreNames: the answer's text reaches %h.
func TestAliasesOfTheDNSAreNames(t *testing.T) {
	m := newMachine(t)
	m.user(t, "CanonicalizeHostname yes\nCanonicalDomains example.org\nCanonicalizePermittedCNAMEs *:*\n")
	m.names["h.example.org"] = "x$(id).example.org."
	if h := m.resolve(t, "h"); h.HostName != "h.example.org" {
		t.Errorf("went to %q", h.HostName)
	}
}

func TestHopsAreReadOnce(t *testing.T) {
	m := newMachine(t)
	h := m.resolve(t, "h", Setting{Key: "ProxyJump", Value: "x@y,ssh://a%2Cb@host:3#z"})
	if want := []config.Jump{{User: "x", Host: "y"}, {User: "a,b", Host: "host", Port: 3}}; !slices.Equal(h.ProxyJump, want) {
		t.Errorf("ProxyJump %+v", h.ProxyJump)
	}
}
