//go:build unix

package registry

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tssh/proxy/leak"
	"tssh/proxy/terms"
)

func TestMain(m *testing.M) { leak.Main(m) }

// open makes a session named name in base.
func open(t *testing.T, base, name string) (dir string) {
	t.Helper()
	dir, err := os.MkdirTemp(base, prefix)
	if err != nil {
		t.Fatal(err)
	}
	d, err := Open(dir, func(_ context.Context, _ *net.UnixConn, q Request) Answer {
		return Answer{Session: terms.Session{Name: name, Release: "1", PID: 7}, Greeting: q.Ask}
	}, t.Logf)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return dir
}

// age makes a directory look as if it had been there for long.
func age(t *testing.T, dir string) {
	t.Helper()
	old := time.Now().Add(-2 * fresh)
	if err := os.Chtimes(dir, old, old); err != nil {
		t.Fatal(err)
	}
}

// short is a directory whose path leaves room for a socket's name.
func short(t *testing.T) string {
	t.Helper()
	base, err := os.MkdirTemp("/tmp", "reg")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(base) })
	return base
}

func TestSessionsAreFoundAndAsked(t *testing.T) {
	base := short(t)
	open(t, base, "one")
	open(t, base, "two")
	all := list(base, patience)
	if len(all) != 2 {
		t.Fatalf("%+v", all)
	}
	a, err := all[0].Ask(t.Context(), Request{Ask: "end"})
	if err != nil || a.Greeting != "end" || a.Session.Name != all[0].Name {
		t.Errorf("%+v, %v", a, err)
	}
	if Free("one", all) != "one-2" || Free("x", all) != "x" || Free("", all) != "s1" {
		t.Error("a name is given twice")
	}
}

// TestWhatOthersPutThereIsPassedBy: a directory that others may enter, or that is
// theirs, or a link to one, is no session, and is left alone.
func TestWhatOthersPutThereIsPassedBy(t *testing.T) {
	base, elsewhere := short(t), short(t)
	for _, mode := range []os.FileMode{0o755, 0o750, 0o710, 0o701, 0o777} {
		dir := open(t, base, "squatter")
		if err := os.Chmod(dir, mode); err != nil {
			t.Fatal(err)
		}
		age(t, dir)
	}
	if err := os.Symlink(open(t, elsewhere, "squatter"), filepath.Join(base, prefix+"link")); err != nil {
		t.Fatal(err)
	}
	if os.Getuid() == 0 {
		dir := open(t, base, "squatter")
		if err := os.Chown(dir, 12345, 12345); err != nil {
			t.Fatal(err)
		}
	}
	os.WriteFile(filepath.Join(base, prefix+"file"), nil, 0o600)
	before, _ := filepath.Glob(base + "/*/*")
	if all := list(base, patience); len(all) != 0 {
		t.Errorf("%+v", all)
	}
	if after, _ := filepath.Glob(base + "/*/*"); len(after) != len(before) {
		t.Errorf("%q is left of %q", after, before)
	}
}

func TestDeadAreSweptAndNothingElse(t *testing.T) {
	base := short(t)
	dead := func(names ...string) string {
		dir, err := os.MkdirTemp(base, prefix)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			l, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, name), Net: "unix"})
			if err != nil {
				t.Fatal(err)
			}
			l.SetUnlinkOnClose(false)
			l.Close()
		}
		return dir
	}
	gone := []string{dead("relay", door), dead("relay"), dead(door), dead("relay", "relay2", door)}
	young := dead("relay", door)
	// A directory of the user's that is named as ours are, with files as ours are.
	own := filepath.Join(base, prefix+"notes")
	os.Mkdir(own, 0o700)
	for _, name := range []string{"relay", door} {
		os.WriteFile(filepath.Join(own, name), []byte("dear diary"), 0o600)
	}
	for _, dir := range append(gone, own) {
		age(t, dir)
	}
	if all := list(base, patience); len(all) != 0 {
		t.Errorf("%+v", all)
	}
	for _, dir := range gone {
		if _, err := os.Lstat(dir); err == nil {
			t.Errorf("%s is left", dir)
		}
	}
	if _, err := os.Lstat(young); err != nil {
		t.Error("one that may be being made was removed")
	}
	if b, _ := os.ReadFile(filepath.Join(own, door)); string(b) != "dear diary" {
		t.Error("a file of the user's was removed")
	}
}

// TestOlderReleaseIsListed: one that has a relay and no door.
func TestOlderReleaseIsListed(t *testing.T) {
	base := short(t)
	dir, err := os.MkdirTemp(base, prefix)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", filepath.Join(dir, "relay"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if all := list(base, patience); len(all) != 1 || all[0].Release != "" || all[0].Name != "" || all[0].Since.IsZero() {
		t.Errorf("%+v", all)
	}
}

// TestHostileQuestions: nothing of them is remembered, nor waited for without end.
func TestHostileQuestions(t *testing.T) {
	base := short(t)
	dir := open(t, base, "here")
	for _, q := range []string{"", "\n", "{}", "[1]\n", strings.Repeat("x", maxMessage+1), `{"ask":` + strings.Repeat("[", 1<<17) + "\n"} {
		conn, err := net.Dial("unix", filepath.Join(dir, door))
		if err != nil {
			t.Fatal(err)
		}
		conn.Write([]byte(q))
		conn.Close()
	}
	if all := list(base, patience); len(all) != 1 || all[0].Name != "here" {
		t.Errorf("%+v", all)
	}
}

// TestManyAndOneThatIsStopped: fifty are listed, and nobody waits for ever for one that
// does not answer.
func TestManyAndOneThatIsStopped(t *testing.T) {
	base := short(t)
	for range 50 {
		open(t, base, "one of many")
	}
	dir, err := os.MkdirTemp(base, prefix)
	if err != nil {
		t.Fatal(err)
	}
	stopped, err := net.Listen("unix", filepath.Join(dir, door)) // and nobody accepts
	if err != nil {
		t.Fatal(err)
	}
	defer stopped.Close()
	if all := list(base, patience); len(all) != 50 {
		t.Errorf("%d are listed", len(all))
	}
	if _, err := os.Lstat(dir); err != nil {
		t.Error(err)
	}
}

// TestAnswerOfOneThatEnds: whoever asks for the end is told of it.
func TestAnswerOfOneThatEnds(t *testing.T) {
	for range 20 {
		dir, err := os.MkdirTemp(short(t), prefix)
		if err != nil {
			t.Fatal(err)
		}
		var d *Door
		opened, closed := make(chan struct{}), make(chan struct{})
		d, err = Open(dir, func(ctx context.Context, _ *net.UnixConn, q Request) Answer {
			<-opened
			go func() {
				d.Close()
				close(closed)
			}()
			<-ctx.Done()
			time.Sleep(5 * time.Millisecond) // for whoever would cut it off
			return Answer{Session: terms.Session{Name: "that ends"}}
		}, t.Logf)
		if err != nil {
			t.Fatal(err)
		}
		close(opened)
		a, err := ask(t.Context(), patience, dir, Request{Ask: "end"})
		if err != nil || a.Session.Name != "that ends" {
			t.Errorf("%+v, %v", a, err)
		}
		<-closed
	}
}
