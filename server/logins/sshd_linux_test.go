package logins

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

func TestTitlesOfLogins(t *testing.T) {
	me := os.Getuid()
	for title, want := range map[string]bool{
		"sshd: alice@notty":          true,
		"sshd: alice@notty  ":        true, // what is left of a longer one
		"sshd-session: alice@notty":  true,
		"sshd: a.b-c@example.com":    false,
		"sshd: alice [priv]":         false,
		"sshd-session: alice [priv]": false,
		"sshd: alice":                false,
		"sshd: alice@pts/0":          false,
		"sshd: alice@pts/0,pts/1":    false,
		"sshd: alice@internal-sftp":  false,
		"sshd: [accepted]":           false,
		"sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups": false,
		"/usr/sbin/sshd -D -o X=a@notty":                          false,
		"vim sshd: alice@notty":                                   false,
		"bash":                                                    false,
		"":                                                        false,
	} {
		if got := (process{title: title, uid: me}).serves(); got != want {
			t.Errorf("%q: %v", title, got)
		}
		for _, uid := range []int{me + 1, -1} {
			if (process{title: title, uid: uid}).serves() {
				t.Errorf("%q of user %d is taken for ours", title, uid)
			}
		}
	}
}

// sham runs something that calls itself the sshd of a login, with a program above
// which a relay would be. It says by its status what ended it.
func sham(t *testing.T, title, text string) (*exec.Cmd, *os.File) {
	t.Helper()
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skipf("SKIPPED, not tested at all: %v", err)
	}
	out, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(bash)
	cmd.Args = []string{title} // all that it shows; what it runs it reads
	script, feed, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer script.Close()
	t.Cleanup(func() { feed.Close() }) // until then it waits for more
	feed.WriteString(text + "\n")
	cmd.Stdin = script
	cmd.Stdout = in
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	in.Close()
	t.Cleanup(func() {
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		cmd.Wait()
		out.Close()
	})
	return cmd, out
}

// TestEndsOnlyThatProcess where nothing runs, and which is still the same.
func TestEndsOnlyThatProcess(t *testing.T) {
	cmd, out := sham(t, "sshd: alice@notty", "echo ready")
	word := make([]byte, 6)
	if _, err := out.Read(word); err != nil {
		t.Fatal(err)
	}
	pid := cmd.Process.Pid
	p, ok := look(pid)
	if !ok || !p.serves() || p.parent != os.Getpid() {
		t.Fatalf("%+v, %v", p, ok)
	}
	if got := find(pid); got != (Login{pid, p.start}) {
		t.Errorf("found %+v", got)
	}
	if !end(Login{pid, p.start + 1}) || !alive(Login{pid, p.start}) {
		t.Error("another process with that number was taken for it")
	}
	if !end(Login{pid, p.start}) {
		t.Error("not ended")
	}
	cmd.Wait()
	if s := cmd.ProcessState.Sys().(syscall.WaitStatus); s.Signal() != syscall.SIGTERM {
		t.Errorf("ended by %v", s)
	}
	if !end(Login{pid, p.start}) || alive(Login{pid, p.start}) {
		t.Error("one that has gone is not over")
	}
}

func TestWhoHasAChildLives(t *testing.T) {
	cmd, out := sham(t, "sshd: alice@notty", "sleep 1000 & echo child; wait")
	if _, err := out.Read(make([]byte, 6)); err != nil {
		t.Fatal(err)
	}
	p, _ := look(cmd.Process.Pid)
	if end(Login{cmd.Process.Pid, p.start}) {
		t.Error("a login where a program runs was ended")
	}
	if !alive(Login{cmd.Process.Pid, p.start}) {
		t.Error("it has ended")
	}
}

// TestWhoConnected: the login above who connects to the socket, if he names it.
func TestWhoConnected(t *testing.T) {
	path := filepath.Join(t.TempDir(), "relay")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	far, err := l.AcceptUnix()
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	if got := Of(far, path); got != (Login{}) { // we don't have the path in our command line
		t.Errorf("login %+v", got)
	}
	perl, err := exec.LookPath("perl")
	if err != nil {
		t.Skipf("SKIPPED in part: %v", err)
	}
	cmd, _ := sham(t, "sshd: alice@notty", perl+` -MIO::Socket::UNIX -e '$s = IO::Socket::UNIX->new($ARGV[0]); sleep 1000' `+path+` & wait`)
	l.SetDeadline(time.Now().Add(time.Minute))
	relay, err := l.AcceptUnix()
	if err != nil {
		t.Fatal(err)
	}
	defer relay.Close()
	p, _ := look(cmd.Process.Pid)
	if got := Of(relay, path); got != (Login{cmd.Process.Pid, p.start}) {
		t.Errorf("login %+v, want %d", got, cmd.Process.Pid)
	}
}

// TestCloseWaitsForTheClient, whose own close should be what ends the login.
func TestCloseWaitsForTheClient(t *testing.T) {
	cmd, out := sham(t, "sshd: alice@notty", "echo ready")
	out.Read(make([]byte, 6))
	p, _ := look(cmd.Process.Pid)
	l := New(Login{cmd.Process.Pid, p.start})
	l.Close(context.Background(), 2*every)
	cmd.Wait()
	if s := cmd.ProcessState.Sys().(syscall.WaitStatus); s.Signal() != syscall.SIGTERM {
		t.Errorf("ended by %v", s)
	}
}
