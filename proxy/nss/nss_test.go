package nss

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestWhatIsAsked: a name is one argument and never an option, and no shell sees it.
func TestWhatIsAsked(t *testing.T) {
	path := script(t, `printf '%s\n' "$#" "$@"`)
	lines, err := ask(context.Background(), path, time.Minute, "passwd", `EXAMPLE\j. o'x$(id)`)
	if err == nil {
		t.Errorf("a quote was asked for: %q", lines)
	}
	lines, err = ask(context.Background(), path, time.Minute, "passwd", `EXAMPLE\john doe`, "a@b.example")
	if want := []string{"3", "passwd", `EXAMPLE\john doe`, "a@b.example"}; err != nil || !slices.Equal(lines, want) {
		t.Errorf("%q, %v", lines, err)
	}
	for _, name := range []string{"", "-s", "--service=/tmp/x", "a;b", "a\nb", "a\x00b", "$(id)", "a/b", "a:b", "a*", strings.Repeat("a", 256), "\xff"} {
		if plain(name) {
			t.Errorf("%q would be asked for", name)
		}
	}
	for _, name := range []string{"raspberrypi.local", "_gateway", "x.localhost", "vm-1", "münchen.local", "domain users", "user$x"} {
		if !plain(name) {
			t.Errorf("%q would not be asked for", name)
		}
	}
}

// TestDirectoryIsOutOfReach has a getent that hangs, with a child, and one that never ends to print.
func TestDirectoryIsOutOfReach(t *testing.T) {
	hangs := script(t, "sleep 20") // which stays behind
	if lines, err := ask(context.Background(), hangs, time.Millisecond, "passwd"); err == nil {
		t.Errorf("%q", lines)
	}
	if lines, err := ask(context.Background(), hangs, 1000*time.Second, "passwd"); !errors.Is(err, context.DeadlineExceeded) { // not waited for again
		t.Errorf("%q, %v", lines, err)
	}
	if lines, err := ask(context.Background(), script(t, "exec yes aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"), time.Minute, "passwd"); err == nil {
		t.Errorf("%d lines", len(lines))
	}
	if lines, err := ask(context.Background(), script(t, "exit 2"), time.Minute, "passwd", "nobody"); err == nil {
		t.Errorf("%q", lines)
	}
}

func script(t *testing.T, text string) string {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("no scripts here")
	}
	path := filepath.Join(t.TempDir(), "getent")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

// loopback is the name of an interface that every machine has.
func loopback(t *testing.T) string {
	t.Helper()
	all, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range all {
		if i.Flags&net.FlagLoopback != 0 {
			return i.Name
		}
	}
	t.Skip("SKIPPED, not tested at all: no loopback interface")
	return ""
}

func TestHosts(t *testing.T) {
	up := loopback(t)
	for _, c := range []struct {
		network, host string
		want          []string
	}{
		{"ip", "fe80::1%" + up, []string{"fe80::1%" + up}},
		{"ip6", "fe80::1%" + up, []string{"fe80::1%" + up}},
		{"ip6", "fe80::1%7", []string{"fe80::1%7"}},
		{"ip4", "fe80::1%" + up, nil},
		{"ip", "fe80::1%nosuch", nil},
		{"ip", "fe80::1%-1", nil},
		{"ip", "::ffff:192.0.2.1", []string{"192.0.2.1"}},
		{"ip6", "192.0.2.1", nil},
		{"ip4", "localhost.", []string{"127.0.0.1"}},
		{"ip4", "localhost", []string{"127.0.0.1"}},
		{"ip4", "a.b.LocalHost", []string{"127.0.0.1"}},
		{"ip6", "some.localhost.", []string{"::1"}},
	} {
		addrs, err := LookupNetIP(context.Background(), c.network, c.host)
		var got []string
		for _, a := range addrs {
			got = append(got, a.String())
		}
		if !slices.Equal(got, c.want) || (err == nil) != (c.want != nil) {
			t.Errorf("%s %s: %q, %v", c.network, c.host, got, err)
		}
	}
	if got := ofFamily("ip", netip.MustParseAddr("::1"), netip.MustParseAddr("127.0.0.1")); len(got) != 2 {
		t.Errorf("%v", got)
	}
}

func TestAccounts(t *testing.T) {
	u, ok := parseUser(`EXAMPLE\john doe:*:70001:70002:John:/home/john:/bin/zsh`)
	if want := (User{`EXAMPLE\john doe`, "70001", 70001, 70002, "/home/john", "/bin/zsh"}); !ok || u != want {
		t.Errorf("%+v", u)
	}
	for _, line := range []string{"", "# comment", "+::::::", "+@net::::::", "-x:x:1:1::/:/", "a:b:c:d:e:f:g", "a:x:-1:1::/:/", "a:x:1:1::/"} {
		if u, ok := parseUser(line); ok {
			t.Errorf("%q: %+v", line, u)
		}
	}
	if runtime.GOOS == "windows" {
		return
	}
	// The environment does not say who we are.
	t.Setenv("USER", "somebody")
	t.Setenv("HOME", "/nowhere")
	u, err := Current()
	if err != nil || u.UID != os.Getuid() || u.Name == "somebody" {
		t.Errorf("%+v, %v", u, err)
	}
	if again, err := Lookup(u.Name); err != nil || again != u {
		t.Errorf("%+v, %v, not %+v", again, err, u)
	}
	out, err := exec.Command("id", "-Gn").Output()
	if err != nil {
		t.Skip(err)
	}
	want, got := strings.Fields(string(out)), Groups()
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("groups %q, id says %q", got, want)
	}
}
