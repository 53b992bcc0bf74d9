package session

import (
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/ssh"

	"tssh/client/tty"
	"tssh/client/voice"
	"tssh/notify/screen"
	"tssh/proxy/leak"
)

// outage is a Contact that a test cuts and restores.
type outage struct {
	mu   sync.Mutex
	lost time.Time
	news chan struct{}
}

func (o *outage) set(lost time.Time) {
	o.mu.Lock()
	o.lost = lost
	o.mu.Unlock()
	o.news <- struct{}{}
}

func (o *outage) contact() *Contact {
	return &Contact{Changed: o.news, State: func() ContactState {
		o.mu.Lock()
		defer o.mu.Unlock()
		return ContactState{Online: o.lost.IsZero(), Lost: o.lost, Heard: o.lost, Trying: "udp"}
	}}
}

// away is a session on a terminal whose link can be cut.
type away struct {
	*far
	*outage
	out, errs notes
	typing    *io.PipeWriter
	exit      func() int
}

func startAway(t *testing.T) *away {
	a := &away{far: newFar(t), outage: &outage{news: make(chan struct{}, 1)}}
	keyboard, typing := io.Pipe()
	a.typing = typing
	term := &fakeTerminal{Reader: keyboard, size: tty.Size{Cols: 60, Rows: 10}}
	h := host()
	h.UdpReconnectTimeout, h.ShowNotificationOnTop = 15*time.Second, true
	h.UdpReconnectExitKey = 4
	go io.Copy(io.Discard, a.stdin)
	a.exit = start(a.far, h, Options{TTY: true, Stdin: term, Stdout: &a.out, Stderr: &a.errs, Terminal: term, Screen: true, Contact: a.contact()})
	a.await("shell")
	a.stdout.Write([]byte("\x1b[H\x1b[2J$ "))
	synctest.Wait()
	return a
}

// end ends everything, so that the bubble can.
func (a *away) end() {
	a.reqs <- &ssh.Request{Type: "exit-status", Payload: []byte{0, 0, 0, 0}}
	a.hangUp()
	a.exit()
	a.close()
}

// hangUpCleanly ends a session without a terminal.
func (a *away) hangUpCleanly() {
	a.reqs <- &ssh.Request{Type: "exit-status", Payload: []byte{0, 0, 0, 0}}
	a.hangUp()
	a.exit()
	a.toStdin.Close()
	close(a.gone)
}

func (a *away) close() {
	a.typing.Close()
	a.toStdin.Close()
	close(a.gone)
}

func TestNoticeComesTicksAndGoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := startAway(t)
		defer a.end()
		a.set(time.Now())
		time.Sleep(14 * time.Second)
		if s := a.out.String(); strings.Contains(s, "tssh:") {
			t.Errorf("too early: %q", s)
		}
		time.Sleep(2 * time.Second)
		if s := a.out.String(); !strings.Contains(s, "offline for 15s, trying udp; ^d gives up") {
			t.Errorf("no notice: %q", s)
		}
		time.Sleep(4 * time.Second)
		if s := a.out.String(); !strings.Contains(s, "offline for 19s") {
			t.Errorf("it does not tick: %q", s)
		}
		a.set(time.Time{})
		synctest.Wait()
		s := a.out.String()
		if !strings.HasSuffix(s, "\x1b[1;1H$ \x1b[K\x1b[1;3H\x1b[?25h\x1b[?2026l") {
			t.Errorf("the row is not whole again: %q", s)
		}
		time.Sleep(time.Hour)
		if a.out.String() != s {
			t.Error("something is written while all is well")
		}
	})
}

func TestWithoutTerminalOnlyTheLogTells(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &away{far: newFar(t), outage: &outage{news: make(chan struct{}, 1)}}
		var said []string
		log := func(l voice.Level, text string) {
			if strings.Contains(text, "ontact") {
				said = append(said, fmt.Sprint(l, " ", text))
			}
		}
		h := host()
		h.UdpReconnectTimeout = 15 * time.Second
		h.UdpReconnectExitKey = 4
		a.exit = start(a.far, h, Options{Command: "tar", Stdout: &a.out, Stderr: &a.errs, Log: log, Contact: a.contact()})
		a.await("exec")
		a.set(time.Now())
		time.Sleep(80 * time.Second)
		a.set(time.Time{})
		synctest.Wait()
		a.hangUpCleanly()
		want := "[DEBUG No contact with far.example for 15s, trying udp. DEBUG Contact is back after 1m 20s.]"
		if got := fmt.Sprint(said); got != want || a.out.String()+a.errs.String() != "" {
			t.Errorf("said %s; wrote %q %q", got, a.out.String(), a.errs.String())
		}
	})
}

func TestGiveUpKeyLeavesOnlyUnderNotice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := startAway(t)
		a.typing.Write([]byte{4}) // ^d as ever
		synctest.Wait()
		a.set(time.Now().Add(-time.Minute))
		time.Sleep(time.Second)
		a.typing.Write([]byte{4})
		if got := a.exit(); got != 255 || !strings.HasSuffix(a.errs.String(), "Connection to far.example closed.\r\n") {
			t.Errorf("exit %d, stderr %q", got, a.errs.String())
		}
		a.hangUp()
		a.close()
	})
}

func TestTerminalsAnswerIsNotTyped(t *testing.T) {
	s := &overlay{run: &run{keys: newKeys()}, kick: make(chan struct{}, 1), out: io.Discard, model: screen.New(20, 5, screen.Config{Unknown: true})}
	for _, c := range []struct{ first, second, want string }{
		{"a\x1b[3;4Rb", "", "ab"},
		{"a\x1b[3;", "4Rb", "ab"},
		{"\x1b", "[A", "\x1b[A"}, // an arrow key
	} {
		s.askLocked(time.Now())
		got := string(s.typed([]byte(c.first))) + string(s.typed([]byte(c.second)))
		if got != c.want {
			t.Errorf("%q then %q: typed %q", c.first, c.second, got)
		}
		s.asked, s.answered = time.Time{}, false
	}
}

func TestOutputDuringNoticeIsWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := startAway(t)
		defer a.end()
		a.stdout.Write([]byte("\x1b[1")) // half a sequence came through
		a.set(time.Now().Add(-time.Minute))
		time.Sleep(time.Second)
		synctest.Wait()
		before := a.out.String()
		if !strings.Contains(before, "tssh:") || strings.Contains(before, "$ \x1b[1\x1b") {
			t.Errorf("notice within a sequence: %q", before)
		}
		a.stdout.Write([]byte("mbold"))
		synctest.Wait()
		if s := strings.TrimPrefix(a.out.String(), before); !strings.HasSuffix(s, "\x1b[1mbold") {
			t.Errorf("after it: %q", s)
		}
		a.set(time.Time{})
	})
}

// TestMain starts what the runtime keeps for signals outside of any bubble.
func TestMain(m *testing.M) {
	c := make(chan os.Signal, 1)
	signal.Notify(c, os.Interrupt)
	signal.Stop(c)
	leak.Main(m)
}
