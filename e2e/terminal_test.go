//go:build linux

package e2e_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
)

// A terminal is a person at a keyboard with one program before them.
type terminal struct {
	w   *world
	cmd *exec.Cmd
	tty *os.File

	mu      sync.Mutex // guards what follows
	text    strings.Builder
	seen    int // by expect, of text without controls
	sizes   []sized
	changed chan struct{}
	done    bool
}

// sized is which size a terminal has from where on in its text.
type sized struct{ from, cols, rows int }

// terminal starts cmd on the client, on a terminal of 24 lines.
func (w *world) terminal(cmd *exec.Cmd) *terminal { return w.terminalOf(80, 24, cmd) }

func (w *world) terminalOf(cols, rows int, cmd *exec.Cmd) *terminal {
	w.t.Helper()
	p := &terminal{w: w, cmd: cmd, changed: make(chan struct{}), sizes: []sized{{0, cols, rows}}}
	cmd.SysProcAttr = nil
	w.within(w.client, func() (err error) {
		p.tty, err = pty.StartWithSize(cmd, &pty.Winsize{Rows: uint16(rows), Cols: uint16(cols)})
		return err
	})
	var reading sync.WaitGroup
	reading.Go(p.read)
	w.t.Cleanup(func() {
		cmd.Process.Kill()
		p.tty.Close()
		reading.Wait()
		if w.t.Failed() {
			w.t.Logf("on the terminal of %s:\n%q", cmd, p.text.String())
		}
	})
	return p
}

// resize gives it another size.
func (p *terminal) resize(cols, rows int) {
	p.w.t.Helper()
	p.mu.Lock()
	p.sizes = append(p.sizes, sized{p.text.Len(), cols, rows})
	p.mu.Unlock()
	if err := pty.Setsize(p.tty, &pty.Winsize{Rows: uint16(rows), Cols: uint16(cols)}); err != nil {
		p.w.t.Fatal(err)
	}
}

func (p *terminal) read() {
	buf := make([]byte, 32<<10)
	for {
		n, err := p.tty.Read(buf)
		p.mu.Lock()
		p.text.Write(buf[:n])
		p.done = err != nil
		close(p.changed)
		p.changed = make(chan struct{})
		p.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// controls are what moves the cursor and sets colours.
var controls = regexp.MustCompile("\x1b(\\[[0-9;?>=]*[ -/]*[@-~]|\\][^\a\x1b]*(\a|\x1b\\\\)|[=>78c]|[()][A-B0])")

// expect waits until text was printed after what was expected before.
func (p *terminal) expect(text string) {
	p.w.t.Helper()
	deadline := time.After(*patience)
	for {
		p.mu.Lock()
		rest := controls.ReplaceAllString(p.text.String(), "")[p.seen:]
		if i := strings.Index(rest, text); i >= 0 {
			p.seen += i + len(text)
			p.mu.Unlock()
			return
		}
		changed, done := p.changed, p.done
		p.mu.Unlock()
		if done {
			p.w.t.Fatalf("the program ended; %q was expected after %.2000q", text, rest)
		}
		select {
		case <-changed:
		case <-deadline:
			p.w.t.Fatalf("not within %s: %q was expected after %.2000q\non the server:\n%s", *patience, text, rest, p.w.ps())
		}
	}
}

func (p *terminal) keys(text string) {
	p.w.t.Helper()
	if _, err := p.tty.WriteString(text); err != nil {
		p.w.t.Fatalf("type %q: %v", text, err)
	}
}

// stop stops the program, which may be two processes, and waits until it stands.
func (p *terminal) stop() {
	p.w.t.Helper()
	p.w.t.Cleanup(p.wake)
	syscall.Kill(-p.cmd.Process.Pid, syscall.SIGSTOP)
	p.w.awaits("the client is stopped", func() bool {
		for _, pid := range p.w.processes(p.w.client) {
			status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
			if group, err := syscall.Getpgid(pid); err == nil && group == p.cmd.Process.Pid && !strings.Contains(string(status), "State:\tT") {
				return false
			}
		}
		return true
	})
}

func (p *terminal) wake() { syscall.Kill(-p.cmd.Process.Pid, syscall.SIGCONT) }

// exit waits for the program's end and returns its status.
func (p *terminal) exit() int {
	p.w.t.Helper()
	ended := make(chan error, 1)
	go func() { ended <- p.cmd.Wait() }()
	select {
	case err := <-ended:
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			p.w.t.Fatal(err)
		}
		return p.cmd.ProcessState.ExitCode()
	case <-time.After(*patience):
		p.w.t.Fatalf("%s has not ended within %s", p.cmd, *patience)
		return -1
	}
}

// profile makes login shells say what tests wait for.
func (w *world) profile() {
	w.t.Helper()
	w.write("alice/.bash_profile", "PS1='ready> '\nunset PROMPT_COMMAND\nset +o history\nbind 'set enable-bracketed-paste off'\n")
}

// shell is an interactive login on a terminal.
func (w *world) shell(args ...string) *terminal {
	w.t.Helper()
	w.profile()
	p := w.terminal(w.tssh(append([]string{placed()}, args...)...))
	p.expect("the message of the day")
	p.expect("ready> ")
	return p
}

// runs types a command line and waits for what it prints, and the next prompt.
// The line itself, which the terminal echoes, is not taken for an answer.
func (p *terminal) runs(line, answer string) {
	p.w.t.Helper()
	p.keys(line + "\r")
	p.expect(line[len(line)-5:] + "\r\n")
	p.expect(answer)
	p.expect("ready> ")
}

// vim is what this system calls it.
func vim(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"vim", "vim.tiny"} {
		if _, err := exec.LookPath(name); err == nil {
			return name
		}
	}
	t.Fatal("no vim to run on the server")
	return ""
}

// TestShell: an evening at a terminal, over every transport.
func TestShell(t *testing.T) {
	for _, m := range modes() {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			p := w.shell(append(m.args, "server")...)
			p.runs("stty size; echo $TERM; shopt -q login_shell && echo login", "24 80\r\nxterm-256color\r\nlogin\r\n")
			p.resize(99, 31)
			p.runs("until [ \"$(stty size)\" = '31 99' ]; do :; done; echo resized", "resized\r\n")
			p.keys("sh -c 'echo sle\"\"eping; exec sleep 1000'\r")
			p.expect("sleeping\r\n")
			p.keys("\x03")
			p.expect("ready> ")
			p.keys(vim(t) + " -u NONE -N file\r")
			p.expect("[New]")
			p.keys("ihello from vim\x1b:wq\r")
			p.expect("written")
			p.expect("ready> ")
			p.keys("exit 7\r")
			if status := p.exit(); status != 7 {
				t.Errorf("exit status %d", status)
			}
			if text, err := os.ReadFile(w.home() + "/file"); err != nil || string(text) != "hello from vim\n" {
				t.Errorf("vim wrote %q, %v", text, err)
			}
		})
	}
}
