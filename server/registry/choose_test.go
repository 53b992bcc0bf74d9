package registry

import (
	"errors"
	"strings"
	"testing"
	"time"

	"tssh/proxy/terms"
)

func TestWhichSessionIsMeant(t *testing.T) {
	now := time.Now()
	entry := func(name string, pid int, here bool, terminals int) Entry {
		return Entry{Session: terms.Session{Name: name, PID: pid, Release: "1", Here: here, Heard: now, Terminals: make([]terms.Terminal, terminals)}}
	}
	build, mail := entry("build", 10, false, 2), entry("mail", 20, true, 1)
	twin, slash := entry("build", 30, false, 1), entry("build/2", 50, false, 1)
	over, namesake := entry("over", 70, false, 1), entry("build", 80, false, 1)
	for _, e := range []Entry{over, namesake} {
		e.Terminals[0].Ended = now
	}
	bare, older := entry("exec", 40, true, 0), Entry{Session: terms.Session{PID: 60}}
	for _, c := range []struct {
		all      []Entry
		name     string
		waiting  bool
		pid      int
		terminal int
		err      string
	}{
		{nil, "", false, 0, 0, "there is none"},
		{nil, "x", false, 0, 0, `as "x": there is none`},
		{[]Entry{build, bare, older}, "", false, 10, 0, ""},
		{[]Entry{build, mail}, "", false, 0, 0, "2 sessions: build, mail"},
		{[]Entry{build, mail}, "", true, 10, 0, ""},
		{[]Entry{entry("a b", 90, true, 1)}, "", true, 0, 0, "(tssh --attach='a b' takes it over)"},
		{[]Entry{mail}, "", true, 0, 0, "mail has its client, last heard 0s ago (tssh --attach=mail takes it over)"},
		{[]Entry{over}, "", true, 0, 0, "over has ended (tssh --attach=70 shows its last words)"},
		{[]Entry{over}, "over", true, 0, 0, "over has ended"},
		{[]Entry{over}, "", false, 70, 0, ""},
		{[]Entry{over}, "over", false, 70, 0, ""},
		{[]Entry{over, build}, "", false, 10, 0, ""}, // what runs comes first
		{[]Entry{over, mail}, "", true, 0, 0, "over has ended (tssh --attach=70 shows its last words); mail has its client"},
		{[]Entry{namesake, build}, "build", false, 10, 0, ""},
		{[]Entry{namesake, build}, "80", false, 80, 0, ""},
		{[]Entry{bare}, "", true, 0, 0, "exec can't be attached"},
		{[]Entry{bare, older}, "", false, 0, 0, "exec, process 60 can't be attached"},
		{[]Entry{build, mail}, "mail", true, 20, 0, ""},
		{[]Entry{build, mail}, "../../etc", false, 0, 0, "there is build, mail"},
		{[]Entry{build, twin}, "build", false, 0, 0, "10, 30"},
		{[]Entry{build, twin}, "30", false, 30, 0, ""},
		{[]Entry{build}, "build/2", false, 10, 2, ""},
		{[]Entry{build, slash}, "build/2", false, 50, 0, ""},
		{[]Entry{build}, "build/0", false, 0, 0, "no such session"},
		{[]Entry{older}, "60", false, 60, 0, ""},
		{[]Entry{older}, "", false, 0, 0, "process 60 can't be attached"},
	} {
		e, terminal, err := Wanted(c.all, c.name, c.waiting)
		if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%q of %d: %v, not %q", c.name, len(c.all), err, c.err)
			continue
		}
		if err == nil && (e.PID != c.pid || terminal != c.terminal) {
			t.Errorf("%q of %d: process %d, terminal %d", c.name, len(c.all), e.PID, terminal)
		}
	}
	if _, err := Named(nil, "x"); !errors.Is(err, ErrNone) {
		t.Error(err)
	}
}
