//go:build linux

package e2e_test

import (
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// onGo is a command that prints, once the test says so, and tells when it has done.
func onGo(before, print, after string) string {
	return before + "; until [ -e go ]; do sleep .1; done; " + print + "; touch done; " + after
}

func (w *world) goes() {
	w.t.Helper()
	if err := os.WriteFile(filepath.Join(w.home(), "go"), nil, 0o644); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) isDone() bool { return w.made("done") }

func (w *world) made(name string) bool {
	_, err := os.Stat(filepath.Join(w.home(), name))
	return err == nil
}

// TestProgramsGoOnWhileAway prints 100 MB, to the end, to nobody. The screen is what
// it would be, what is left out is told, and Ctrl-C works at once.
func TestProgramsGoOnWhileAway(t *testing.T) {
	t.Parallel()
	for _, m := range transports() {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			lines := 12_000_000
			if m.name == "kcp" {
				lines /= 4 // nothing is sent meanwhile by either: six times what is kept
			}
			cmd := w.tssh(append(m.args, placed(), "-tt", "-oUdpReconnectTimeout=1000", "server",
				onGo("echo ready", fmt.Sprint("seq ", lines), "trap 'echo stopped; exit' INT; yes"))...)
			s := w.tmux(shellLine(cmd.Args) + "; exec sleep 1000")
			s.shows("the program starts", holds("ready"))
			w.fault(nothing)
			w.goes()
			begin := time.Now()
			w.awaits("the program prints to its end", w.isDone)
			t.Logf("%d lines in %v", lines, time.Since(begin).Round(time.Millisecond))
			w.fault("")
			s.shows("what it prints now", holds("y\ny\ny\ny"))
			s.keys("C-c")
			begin = time.Now()
			s.shows("the end of what was interrupted", holds("stopped"))
			t.Logf("interrupted within %v", time.Since(begin).Round(time.Millisecond))
		})
	}
}

// TestScrollbackOfAnAbsence has the last of it whole, and one line for the rest.
func TestScrollbackOfAnAbsence(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	cmd := w.tssh("--udp", placed(), "-tt", "-oUdpReconnectTimeout=1000", "-oUdpKeepOutput=1M", "server",
		onGo("echo ready; seq -f 'before %g' 30", "seq 1000000", "echo the end; exec cat"))
	s := w.tmux("exec sleep 1000")
	w.runs("tmux", "-S", s.socket, "set", "-g", "history-limit", "2000000", ";", "new-window", shellLine(cmd.Args))
	s.shows("the program starts", holds("before 30"))
	w.fault(nothing)
	w.goes()
	w.awaits("the program prints to its end", w.isDone)
	w.fault("")
	s.shows("the end", holds("1000000\nthe end"))
	all := w.do(w.command("tmux", "-S", s.socket, "capture-pane", "-p", "-S", "-")).out
	if n := strings.Count(all, "tssh: left out here: "); n != 1 {
		t.Errorf("%d lines tell of what is left out", n)
	}
	from, rest, _ := strings.Cut(all, "tssh: left out here: ")
	for i := range 30 {
		if !strings.Contains(from, "before "+strconv.Itoa(i+1)+"\n") {
			t.Errorf("line %d of before is gone", i+1)
		}
	}
	numbers := regexp.MustCompile(`(?m)^\d+$`).FindAllString(rest, -1)
	if len(numbers) < 120_000 { // a MiB of them
		t.Fatalf("%d lines of the last came", len(numbers))
	}
	first, _ := strconv.Atoi(numbers[0])
	for i, n := range numbers {
		if n != strconv.Itoa(first+i) {
			t.Fatalf("%s comes after %d", n, first+i-1)
		}
	}
	if first+len(numbers)-1 != 1000000 {
		t.Errorf("the last one is %d", first+len(numbers)-1)
	}
}

// TestScreenAfterAnAbsence of a program that repaints it thousands of times, of one
// that left its own page meanwhile, and of tmux on the server.
func TestScreenAfterAnAbsence(t *testing.T) {
	t.Parallel()
	const frames = `i=0; while [ $i -lt 9000 ]; do i=$((i+1)); printf '\033[H\033[2J\033[5;7H\033[3%dmframe %d\033[m\033[24;1H-- here --\033[12;%dH' $((i%8)) $i $((i%80+1)); done`
	for name, c := range map[string]struct {
		command, before string
		want            func(string) bool
	}{
		"repaints": {onGo(`echo shell; printf '\033[?1049h'; echo waiting`, frames, "exec cat"), "waiting",
			func(s string) bool {
				return s == "\n\n\n\n      frame 9000\n"+strings.Repeat("\n", 18)+"-- here --\n"
			}},
		"leaves": {onGo(`echo shell; printf '\033[?1049h'; echo waiting`, frames+`; printf '\033[?1049l'`, "echo back; exec cat"), "waiting",
			func(s string) bool { return strings.TrimRight(s, "\n") == "shell\nback" }},
		"tmux": {`tmux -S inner -f /dev/null new-session -d -x 80 -y 24 "` + strings.NewReplacer(`$`, `\$`, `"`, `\"`).Replace(onGo("echo waiting", "seq 300000", "exec cat")) + `" \; set -g status off; exec tmux -S inner attach`, "waiting",
			func(s string) bool { return strings.HasSuffix(strings.TrimRight(s, "\n"), "299999\n300000") }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			cmd := w.tssh("--udp", placed(), "-tt", "-oUdpReconnectTimeout=1000", "-oUdpKeepOutput=64K", "server", c.command)
			s := w.tmux(shellLine(cmd.Args))
			s.shows("the program starts", holds(c.before))
			w.fault(nothing)
			w.goes()
			w.awaits("the program goes on", w.isDone)
			w.fault("")
			s.shows("the screen as it would be", c.want)
			s.keys("typed")
			s.shows("what is typed", holds("typed"))
			if all := w.do(w.command("tmux", "-S", s.socket, "capture-pane", "-p", "-S", "-")).out; strings.Contains(all, "left out") {
				t.Errorf("nothing that would have scrolled is left out, and yet:\n%s", all)
			}
		})
	}
}

// TestStoppedClientIsAway, which no network tells of: what ends meanwhile, with a
// terminal and without, is shown to its last word, and how it ended is known.
func TestStoppedClientIsAway(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.terminal(w.tssh("--udp", placed(), "-tt", "server", onGo("echo ready", "seq 500000", "echo the end; exit 7")))
	cmd := w.tssh("--udp", placed(), "server", onGo("touch stands", "seq 500000", "touch command; echo failed >&2; exit 8"))
	var out, errs strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errs
	w.start(cmd)
	p.expect("ready")
	w.awaits("the command runs", func() bool { return w.made("stands") })
	for _, process := range []*os.Process{p.cmd.Process, cmd.Process} {
		defer syscall.Kill(-process.Pid, syscall.SIGCONT)
		syscall.Kill(-process.Pid, syscall.SIGSTOP) // it may be two
	}
	w.goes()
	w.awaits("both print to their end", func() bool { return w.isDone() && w.made("command") })
	w.awaits("both have ended", func() bool { return !strings.Contains(w.ps(), "until [ -e go ]") })
	syscall.Kill(-p.cmd.Process.Pid, syscall.SIGCONT)
	syscall.Kill(-cmd.Process.Pid, syscall.SIGCONT)
	p.expect("499999\r\n500000\r\nthe end\r\n")
	if status := p.exit(); status != 7 {
		t.Errorf("status %d", status)
	}
	cmd.Wait()
	if status := cmd.ProcessState.ExitCode(); status != 8 || !strings.HasSuffix(out.String(), "\n499999\n500000\n") || out.Len() != 3388895 || errs.String() != "failed\n" {
		t.Errorf("status %d, %d bytes, %q", status, out.Len(), errs.String())
	}
}

// TestSlowTerminalHoldsTheProgramUp: its client is there.
func TestSlowTerminalHoldsTheProgramUp(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		args []string
		cut  bool
	}{
		{"a pipe that nobody reads", []string{"--udp"}, false},
		{"nothing is kept", []string{"--udp", "-oUdpKeepOutput=0"}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			cmd := w.tssh(append(c.args, placed(), "-tt", "server", onGo("echo ready", "seq 2000000", "true"))...)
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			w.start(cmd)
			if got := readFull(t, out, make([]byte, 7)); got != "ready\r\n" {
				t.Fatalf("got %q", got)
			}
			if c.cut {
				w.fault(nothing)
			}
			w.goes()
			time.Sleep(8 * time.Second)
			if w.isDone() {
				t.Error("the program went on")
			}
			w.fault("")
			all, _ := io.ReadAll(out)
			if !strings.HasSuffix(string(all), "1999999\r\n2000000\r\n") || strings.Contains(string(all), "left out") {
				t.Errorf("%d bytes came", len(all))
			}
		})
	}
}

// TestCommandsGoOnWhileAway has 30 MB, errors and a status, bit for bit.
func TestCommandsGoOnWhileAway(t *testing.T) {
	t.Parallel()
	for _, m := range transports() {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			want := sha256.New()
			f, err := os.Create(filepath.Join(w.home(), "file"))
			if err == nil {
				_, err = io.Copy(io.MultiWriter(f, want), &stream{left: 30 << 20, state: 23})
				f.Close()
			}
			if err != nil {
				t.Fatal(err)
			}
			cmd := w.tssh(append(m.args, placed(), "server", onGo("touch stands", "cat file; seq 100000 >&2", "exit 7"))...)
			got := sha256.New()
			var errs strings.Builder
			cmd.Stdout, cmd.Stderr = got, &errs
			w.start(cmd)
			w.awaits("the session stands", func() bool { return w.made("stands") })
			w.fault(nothing)
			w.goes()
			w.awaits("the command ends", w.isDone)
			w.fault("")
			cmd.Wait()
			if string(got.Sum(nil)) != string(want.Sum(nil)) || cmd.ProcessState.ExitCode() != 7 || !strings.HasSuffix(errs.String(), "\n100000\n") || strings.Count(errs.String(), "\n") != 100000 {
				other := regexp.MustCompile(`(?m)^\d+\n`).ReplaceAllString(errs.String(), "")
				t.Errorf("not what it printed: status %d, %d bytes of errors, among them %q", cmd.ProcessState.ExitCode(), errs.Len(), other)
			}
		})
	}
}
