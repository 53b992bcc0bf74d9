//go:build linux

package e2e_test

import (
	"crypto/sha256"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestAnotherSizeWhenBack: the window was resized while its client was stopped, or cut
// off, and who attaches has a smaller one.
func TestAnotherSizeWhenBack(t *testing.T) {
	t.Parallel()
	w := newWorldWith(t, ownTmp)
	w.write("alice/big", strings.Repeat("a line of some words that is longer than a small window is wide, and ends here\n", 5000))
	p := w.shell("--udp", "-oUdpKeepOutput=16K", "server")
	p.runs("seq -f 'before %g' 60", "before 60")
	p.keys("less big\r")
	f := w.screenful("less")
	f.mark(p)
	pages := func() {
		for wrote := f.wrote(); f.wrote()-wrote < 160<<10; {
			f.gets("\x06", "\x06", "\x02", "=")
		}
		for range 200 {
			f.gets("=")
		}
	}
	for _, c := range []struct {
		how        string
		begin, end func()
		cols, rows int
	}{
		{"after a stop", p.stop, p.wake, 100, 30},
		{"after a cut", func() { w.fault(nothing) }, func() { w.fault("") }, 57, 18},
	} {
		c.begin()
		p.resize(c.cols, c.rows)
		pages()
		c.end()
		p.keys("d")
		f.isShown(c.how, p, func() { f.gets("\x0c") }, nil)
	}
	p.kill9()
	pages()
	cmd := w.tssh(placed(), "--udp", "--attach", "server")
	cmd.Env = append(cmd.Env, "TERM=vt220")
	q := w.terminalOf(40, 10, cmd)
	q.expect("before 10")
	f.isShown("attached", q, func() { f.gets("\x0c") }, nil)
	q.keys("q")
	q.expect("ready> ")
	q.runs("stty size", "10 40\r\n")
	q.keys("exit\r")
	q.exit()
}

// TestProgramThatLeftTheScreenIsNotSeen: an editor that was open when its client was
// killed, and has ended since.
func TestProgramThatLeftTheScreenIsNotSeen(t *testing.T) {
	t.Parallel()
	w := newWorldWith(t, ownTmp)
	p := w.shell("--udp", "server")
	p.runs("seq -f 'before %g' 60", "before 60")
	p.keys(vim(t) + " -u NONE -N '+set mouse=a' file\r")
	p.expect("[New]")
	f := w.screenful(vim(t))
	p.kill9()
	f.gets("ithe text of a file\x1b", ":wq\r")
	w.awaits("the editor ends", func() bool { return w.made("file") && !strings.Contains(w.ps(), "-u NONE -N") })
	q := w.attach("--udp", "--attach", "server")
	q.expect("before 60\r\nready> " + vim(t))
	q.expect("ready> ")
	s := q.shown()
	if all := string(s.Redraw(1000)); s.Alternate() || strings.Contains(all, "the text of a file") || regexp.MustCompile(`\[\?(1000|1002|1006|2004|1004)h`).MatchString(all) {
		t.Errorf("the editor's screen or its modes are left: %q", all)
	}
	q.keys("exit\r")
	q.exit()
	w.left(0)
}

// TestPasteRightAfterAnAttach arrives whole.
func TestPasteRightAfterAnAttach(t *testing.T) {
	t.Parallel()
	w := newWorldWith(t, ownTmp)
	var text strings.Builder
	for n := 0; text.Len() < 1<<20; n++ {
		fmt.Fprintf(&text, "line %d of a long text\r", n)
	}
	p := w.shell("--udp", "server")
	p.runs("echo here", "here\r\n")
	p.keys(fmt.Sprintf("stty raw -echo; echo wait\"\"ing; head -c %d | sha256sum; stty sane\r", text.Len()))
	p.expect("waiting")
	p.kill9()
	q := w.attach("--udp", "--attach", "server")
	q.expect("waiting")
	q.keys(text.String())
	q.expect(fmt.Sprintf("%x", sha256.Sum256([]byte(text.String()))))
	q.expect("ready> ")
	q.keys("exit\r")
	q.exit()
	w.left(0)
}

// TestNothingIsKeptAndAttached: with UdpKeepOutput 0 a program waits for who attaches,
// and every line comes of what it prints then.
func TestNothingIsKeptAndAttached(t *testing.T) {
	t.Parallel()
	w := newWorldWith(t, ownTmp)
	p := w.terminal(w.tssh("--udp", placed(), "-tt", "-oUdpKeepOutput=0", "server", onGo("echo ready", "seq 500000", "exit 7")))
	p.expect("ready")
	p.kill9()
	w.goes()
	w.awaits("the server knows that nobody is there", func() bool {
		return strings.Contains(w.do(w.tssh(placed(), "--sessions", "server")).out, "away")
	})
	if w.isDone() {
		t.Error("the program went on")
	}
	q := w.attach("--udp", "--attach", "server")
	q.expect("\r\n499999\r\n500000\r\n")
	if status := q.exit(); status != 7 {
		t.Errorf("status %d", status)
	}
	numbers := regexp.MustCompile(`(?m)^\d+\r?$`).FindAllString(controls.ReplaceAllString(q.text.String(), ""), -1) // the row that is being written has some in it
	first, _ := strconv.Atoi(strings.TrimSpace(numbers[0]))
	for i, n := range numbers {
		if strings.TrimSpace(n) != strconv.Itoa(first+i) {
			t.Fatalf("%q comes after %d", n, first+i-1)
		}
	}
	if first > 100_000 { // what was under way, and the program waited
		t.Errorf("the first line that comes is %d", first)
	}
	w.left(0)
}

// TestStoppedClientFindsItsSessionTaken: what was typed at it meanwhile goes nowhere.
func TestStoppedClientFindsItsSessionTaken(t *testing.T) {
	t.Parallel()
	w := newWorldWith(t, ownTmp)
	p := w.shell("--udp", "server")
	p.runs("echo here", "here\r\n")
	p.stop()
	p.keys("touch intruder\r")
	q := w.attach("--udp", "--attach", "server")
	q.expect("ready> ")
	q.runs("echo is \"\"mine", "is mine\r\n")
	p.wake()
	p.expect("was taken over by alice from 10.83.1.2.")
	if status := p.exit(); status != 0 {
		t.Errorf("status %d", status)
	}
	p.inOrder()
	q.runs("echo still \"\"mine", "still mine\r\n")
	if w.made("intruder") {
		t.Error("keys of the old client reached the session")
	}
	q.keys("exit\r")
	q.exit()
	w.left(0)
}

// TestAttachUnderAFlood: the first client's screen is full of it, and a guest of it
// copies a stream; the second one has the screen, and Ctrl-C.
func TestAttachUnderAFlood(t *testing.T) {
	t.Parallel()
	w := newWorldWith(t, ownTmp)
	p := w.shell("--udp", "-M", "-S", w.dir+"/master", "server")
	guest := w.tssh("-S", w.dir+"/master", "server", "cat /dev/zero")
	out, err := guest.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	w.start(guest)
	if _, err := io.ReadFull(out, make([]byte, 1<<20)); err != nil {
		t.Fatal(err)
	}
	p.keys("yes\r")
	p.expect("y\r\ny\r\ny\r\n")
	ended := make(chan error, 1)
	go func() {
		io.Copy(io.Discard, out)
		ended <- guest.Wait()
	}()
	q := w.attach("--udp", "--attach", "server")
	q.expect("y\r\ny\r\ny\r\n")
	begin := time.Now()
	q.keys("\x03")
	q.expect("ready> ")
	t.Logf("interrupted within %v", time.Since(begin).Round(time.Millisecond))
	q.runs("echo here", "here\r\n")
	if status := p.exit(); status != 0 {
		t.Errorf("status %d", status)
	}
	p.inOrder()
	select {
	case err := <-ended:
		if err == nil {
			t.Error("the guest's stream has ended well")
		}
	case <-time.After(*patience):
		t.Error("the guest waits for a master that has ended")
	}
	q.keys("exit\r")
	q.exit()
	w.left(0)
}
