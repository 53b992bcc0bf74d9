package session

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"tssh/client/config"
	"tssh/client/tty"
	"tssh/proxy/terms"
)

// start runs a session and returns its exit status when it has ended.
func start(f *far, h *config.Host, o Options) func() int {
	done := make(chan int, 1)
	go func() {
		exit, err := Run(context.Background(), f, h, o)
		if err != nil {
			f.t.Error(err)
		}
		if term, ok := o.Stdin.(*fakeTerminal); ok && term.Reader != nil {
			term.Reader.(io.Closer).Close() // nobody types any more
		}
		done <- exit
	}()
	return func() int { return <-done }
}

func TestCommandGetsItsInputAndGivesOutputAndStatus(t *testing.T) {
	f := newFar(t)
	var out, errs notes
	exit := start(f, host(), Options{Command: "cat", Stdin: strings.NewReader("typed"), Stdout: &out, Stderr: &errs})
	in, _ := io.ReadAll(f.stdin) // ends by the session's half-close
	f.stdout.Write(in)
	f.stderr.Write([]byte("warned"))
	f.exit(7)
	if got := exit(); got != 7 || out.String() != "typed" || errs.String() != "warned" {
		t.Errorf("exit %d, stdout %q, stderr %q", got, out.String(), errs.String())
	}
	if !slices.Equal(f.asked, []string{"exec"}) || string(f.data["exec"]) != "\x00\x00\x00\x03cat" {
		t.Errorf("asked for %q with %q", f.asked, f.data["exec"])
	}
}

func TestShellOnTerminal(t *testing.T) {
	t.Setenv("TERM", "xterm")
	t.Setenv("LC_TEST", "de")
	f := newFar(t)
	var out, errs notes
	keyboard, type_ := io.Pipe()
	term := &fakeTerminal{Reader: keyboard, size: tty.Size{Cols: 100, Rows: 30}, resized: make(chan os.Signal)}
	h := host()
	h.SendEnv = []string{"LC_TES?"}
	h.SetEnv = []string{"A=b"}
	exit := start(f, h, Options{TTY: true, Stdin: term, Stdout: &out, Stderr: &errs, Terminal: term})
	f.await("shell")
	if !term.isRaw() {
		t.Error("the terminal is not raw")
	}
	if want := []string{"pty-req", "env", "env", "shell"}; !slices.Equal(f.asked, want) {
		t.Errorf("asked for %q", f.asked)
	}
	if want := "\x00\x00\x00\x05xterm\x00\x00\x00\x64\x00\x00\x00\x1e\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x06\x35\x00\x00\x00\x01\x00"; string(f.data["pty-req"]) != want {
		t.Errorf("pty-req %q", f.data["pty-req"])
	}
	go type_.Write([]byte("l~s\r"))
	b := make([]byte, 4)
	io.ReadFull(f.stdin, b)
	if string(b) != "l~s\r" {
		t.Errorf("the far side read %q", b)
	}
	term.size.Cols = 50
	term.resized <- os.Interrupt
	f.await("window-change")
	if f.data["window-change"][3] != 50 {
		t.Errorf("window-change %q", f.data["window-change"])
	}
	f.exit(0)
	if got := exit(); got != 0 || term.isRaw() || errs.String() != "Connection to far.example closed.\r\n" {
		t.Errorf("exit %d, raw %v, stderr %q", got, term.isRaw(), errs.String())
	}
}

func TestTildeDotLeavesAStuckSession(t *testing.T) {
	f := newFar(t) // never reads what is typed
	var errs notes
	keyboard, type_ := io.Pipe()
	term := &fakeTerminal{Reader: keyboard}
	exit := start(f, host(), Options{TTY: true, Stdin: term, Stdout: io.Discard, Stderr: &errs, Terminal: term})
	go func() {
		for range 100 {
			type_.Write([]byte("keys that nobody takes\r"))
		}
		type_.Write([]byte("~."))
	}()
	if got := exit(); got != 255 || term.isRaw() || !strings.Contains(errs.String(), "~.\r\n") {
		t.Errorf("exit %d, raw %v, stderr %q", got, term.isRaw(), errs.String())
	}
}

// TestKeysGoAheadOfLeaving: what was typed before ~d, and has not left yet, is the
// program's. The server goes on reading until the end of it.
func TestKeysGoAheadOfLeaving(t *testing.T) {
	f := newFar(t)
	keyboard, type_ := io.Pipe()
	term := &fakeTerminal{Reader: keyboard}
	exit := start(f, host(), Options{TTY: true, Name: "s1", Stdin: term, Stdout: io.Discard, Stderr: io.Discard, Terminal: term})
	f.await("shell")
	go type_.Write([]byte("make\r~d"))
	time.Sleep(50 * time.Millisecond) // time in which it must not ask to leave
	f.mu.Lock()
	early := slices.Contains(f.asked, terms.DetachRequest)
	f.mu.Unlock()
	in, _ := io.ReadAll(f.stdin)
	if early || string(in) != "make\r" {
		t.Errorf("typed %q, left before it: %v", in, early)
	}
	f.await(terms.DetachRequest)
	f.exit(0)
	if got := exit(); got != 0 {
		t.Errorf("exit %d", got)
	}
}

func TestEndsThatAreNotTheCommands(t *testing.T) {
	for name, c := range map[string]struct {
		end  func(*far)
		want string
	}{
		"killed by a signal": {func(f *far) {
			f.reqs <- &ssh.Request{Type: "exit-signal", Payload: ssh.Marshal(struct {
				Signal        string
				Core          bool
				Message, Lang string
			}{"KILL", false, "", ""})}
			f.hangUp()
		}, ""},
		"the server goes": {func(f *far) { close(f.gone); f.hangUp() }, "Connection to far.example closed by remote host.\r\n"},
		"the network fails": {func(f *far) {
			f.why = errors.New("connection reset by peer")
			close(f.gone)
			f.hangUp()
		}, "Read from remote host far.example: connection reset by peer\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFar(t)
			var errs notes
			exit := start(f, host(), Options{Command: "x", Stdout: io.Discard, Stderr: &errs})
			f.await("exec")
			c.end(f)
			if got := exit(); got != 255 || errs.String() != c.want {
				t.Errorf("exit %d, stderr %q", got, errs.String())
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	t.Run("channel", func(t *testing.T) {
		f := newFar(t)
		f.refuse = &ssh.OpenChannelError{Reason: ssh.Prohibited, Message: "open failed"}
		var n notes
		if got := start(f, host(), Options{Log: n.log, Stderr: &n})(); got != 255 || n.String() != "channel 0: open failed: administratively prohibited: open failed\n" {
			t.Errorf("exit %d, %q", got, n.String())
		}
	})
	t.Run("command", func(t *testing.T) {
		f := newFar(t)
		f.deny["exec"] = true
		var n notes
		if got := start(f, host(), Options{Command: "x", Log: n.log, Stdout: io.Discard, Stderr: &n})(); got != 255 || n.String() != "exec request failed on channel 0\n" {
			t.Errorf("exit %d, %q", got, n.String())
		}
	})
	t.Run("pty", func(t *testing.T) {
		f := newFar(t)
		f.deny["pty-req"] = true
		var n notes
		exit := start(f, host(), Options{TTY: true, Log: n.log, Stdout: io.Discard, Stderr: &n})
		f.await("shell")
		f.exit(3)
		if got := exit(); got != 3 || !strings.HasPrefix(n.String(), "PTY allocation request failed on channel 0\n") {
			t.Errorf("exit %d, %q", got, n.String())
		}
	})
}

// TestNothingRunsWithoutTheTerminalAskedFor: -t and -tt want one by name.
func TestNothingRunsWithoutTheTerminalAskedFor(t *testing.T) {
	for _, request := range []string{"yes", "force"} {
		f := newFar(t)
		f.deny["pty-req"] = true
		h := host()
		h.RequestTTY = request
		var n notes
		exit := start(f, h, Options{Command: "reboot", TTY: true, Log: n.log, Stdout: io.Discard, Stderr: &n})()
		if exit != 255 || n.String() != "PTY allocation request failed on channel 0\n" || !slices.Equal(f.asked, []string{"pty-req"}) {
			t.Errorf("%s: exit %d, %q, asked for %q", request, exit, n.String(), f.asked)
		}
	}
}

// TestStatusOfACommandThatWasNeverGranted: some servers run what they are asked
// for and never say yes. What the command said and its status count.
func TestStatusOfACommandThatWasNeverGranted(t *testing.T) {
	for range 20 {
		f := newFar(t)
		f.mute = make(chan struct{})
		var out notes
		exit := start(f, host(), Options{Command: "x", Stdout: &out, Stderr: io.Discard})
		f.await("exec")
		f.stdout.Write([]byte("ran"))
		f.reqs <- &ssh.Request{Type: "exit-status", Payload: []byte{0, 0, 0, 3, 0}} // with a byte too many
		close(f.mute)                                                               // the answer that will not come is told first
		f.hangUp()
		if got := exit(); got != 3 || out.String() != "ran" {
			t.Fatalf("exit %d, %q", got, out.String())
		}
	}
}

// brokenPipe fails like a pipe whose reader is gone.
type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

func TestFarSideLearnsThatNobodyReads(t *testing.T) {
	f := newFar(t)
	exit := start(f, host(), Options{Command: "yes", Stdout: brokenPipe{}, Stderr: io.Discard})
	f.await("exec")
	f.stdout.Write([]byte("y\n"))
	f.await("eow@openssh.com")
	f.stdout.Write([]byte("y\n")) // dropped, does not block
	f.exit(0)
	if got := exit(); got != 0 {
		t.Errorf("exit %d", got)
	}
}

func TestOutputIsWholeBeforeTheEnd(t *testing.T) {
	f := newFar(t)
	var out bytes.Buffer
	big := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	exit := start(f, host(), Options{Command: "cat", Stdout: &out, Stderr: io.Discard})
	f.await("exec")
	f.reqs <- &ssh.Request{Type: "exit-status", Payload: []byte{0, 0, 0, 0}} // overtakes the data
	f.stdout.Write(big)
	f.hangUp()
	if got := exit(); got != 0 || !bytes.Equal(out.Bytes(), big) {
		t.Errorf("exit %d, %d of %d bytes", got, out.Len(), len(big))
	}
}

func TestWhenAPtyIsAskedFor(t *testing.T) {
	const refused = "Pseudo-terminal will not be allocated because stdin is not a terminal.\n"
	for _, c := range []struct {
		request, command string
		terminal, null   bool
		session          string
		want             bool
		said             string
	}{
		{"auto", "", true, false, "default", true, ""},
		{"auto", "ls", true, false, "default", false, ""},
		{"auto", "", false, false, "default", false, refused},
		{"auto", "", true, true, "default", false, refused},
		{"yes", "ls", true, false, "default", true, ""},
		{"yes", "ls", false, false, "default", false, refused},
		{"force", "ls", false, false, "default", true, ""},
		{"force", "", true, false, "none", false, ""},
		{"no", "", true, false, "default", false, ""},
		{"auto", "", false, false, "none", false, ""},
	} {
		h := host()
		h.RequestTTY, h.StdinNull, h.SessionType = c.request, c.null, c.session
		var n notes
		if got := TTY(h, c.command, c.terminal, n.log); got != c.want || n.String() != c.said {
			t.Errorf("%+v: %v, said %q", c, got, n.String())
		}
	}
}

func TestLogLevelHidesTheLastLine(t *testing.T) {
	f := newFar(t)
	h := host()
	h.LogLevel = "QUIET"
	var errs notes
	exit := start(f, h, Options{TTY: true, Stdout: io.Discard, Stderr: &errs})
	f.await("shell")
	f.exit(0)
	if got := exit(); got != 0 || errs.String() != "" {
		t.Errorf("exit %d, stderr %q", got, errs.String())
	}
}
