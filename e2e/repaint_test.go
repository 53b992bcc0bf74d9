//go:build linux

package e2e_test

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tssh/notify/screen"
)

// shown is the screen of p, with what scrolled off it.
func (p *terminal) shown() *screen.Screen {
	p.mu.Lock()
	text, sizes := p.text.String(), p.sizes
	p.mu.Unlock()
	s := screen.New(sizes[0].cols, sizes[0].rows, screen.Config{History: 1 << 20})
	from := 0
	for _, size := range sizes[1:] {
		s.Feed([]byte(text[from:size.from]))
		s.Resize(size.cols, size.rows, false)
		from = size.from
	}
	s.Feed([]byte(text[from:]))
	return s
}

// screenful is a program on a terminal of the server.
type screenful struct {
	w    *world
	pids []int
	tty  *os.File
	said int // marks
}

// screenful finds the processes on the server whose command lines begin so, the
// first of which has the terminal. Those are them that stay: a program that begins has
// others, which go, or become the program that they start.
func (w *world) screenful(names ...string) *screenful {
	w.t.Helper()
	f := &screenful{w: w}
	looks := 0 // in a row that found the same
	w.awaits(strings.Join(names, " and "), func() bool {
		all, pids := w.processes(w.server), []int(nil)
		for _, name := range names {
			i := slices.IndexFunc(all, func(pid int) bool {
				line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
				return strings.HasPrefix(strings.ReplaceAll(string(line), "\x00", " "), name) && !slices.Contains(pids, pid)
			})
			if i >= 0 {
				pids = append(pids, all[i])
			}
		}
		if looks++; len(pids) < len(names) || !slices.Equal(pids, f.pids) {
			looks = 0
		}
		f.pids = pids
		return looks == 25
	})
	path, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/1", f.pids[0]))
	if err == nil {
		f.tty, err = os.OpenFile(path, os.O_RDWR|unix.O_NOCTTY, 0)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { f.tty.Close() })
	return f
}

// turns tells how often the program has waited, and whether it waits now, having
// read all keys.
func (f *screenful) turns() (n string, idle bool) {
	idle = true
	for _, pid := range f.pids {
		status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		idle = idle && bytes.Contains(status, []byte("State:\tS"))
		_, switches, _ := strings.Cut(string(status), "voluntary_ctxt_switches:")
		n += switches
	}
	queued, err := unix.IoctlGetInt(int(f.tty.Fd()), unix.TIOCINQ)
	return n, idle && err == nil && queued == 0
}

// wrote is how many bytes the program has written, to whatever.
func (f *screenful) wrote() (n int) {
	for _, pid := range f.pids {
		b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/io", pid))
		var read, wrote int
		fmt.Sscanf(string(b), "rchar: %d\nwchar: %d", &read, &wrote)
		n += wrote
	}
	return n
}

// rests waits until the program does nothing more about what it was told.
func (f *screenful) rests() {
	f.w.t.Helper()
	var last string
	quiet := 0 // looks in a row; vim waits 25 ms for what may follow an ESC
	f.w.awaits("the program rests", func() bool {
		now, idle := f.turns()
		if quiet++; !idle || now != last {
			quiet = 0
		}
		last = now
		return quiet == 4
	})
}

// gets types on the server, as if the client had: also while there is none. The
// program has done with each of the keys before the next, and repaints for each.
func (f *screenful) gets(keys ...string) {
	f.w.t.Helper()
	for _, key := range keys {
		for _, b := range []byte(key) {
			if err := unix.IoctlSetPointerInt(int(f.tty.Fd()), unix.TIOCSTI, int(b)); err != nil {
				f.w.t.Fatalf("type on the server: %v", err)
			}
		}
		for deadline := time.Now().Add(*patience); ; time.Sleep(time.Millisecond) {
			if _, idle := f.turns(); idle {
				break
			}
			if time.Now().After(deadline) {
				f.w.t.Fatalf("the program does not read %q within %s", key, *patience)
			}
		}
	}
}

// mark waits until p has all that the program has written, and returns p's screen.
func (f *screenful) mark(p *terminal) *screen.Screen {
	f.w.t.Helper()
	f.rests()
	f.said++
	fmt.Fprintf(f.tty, "\x1b_mark %d\x1b\\", f.said) // which no terminal shows
	p.expect(fmt.Sprintf("mark %d", f.said))
	return p.shown()
}

// blanks at a row's end may have been written or not.
var blanks = regexp.MustCompile(` *(\x1b\[K)`)

// rows are a screen's, which is lost by that, each as what paints it, and all else that is to be had of it,
// without alike. That a row wraps does not count: less forgets it.
func rows(s *screen.Screen, alike *regexp.Regexp) string {
	var b strings.Builder
	x, y := s.Cursor()
	fmt.Fprintln(&b, "cursor", x, y)
	s.Feed([]byte("\x1b[0m")) // how text would look is not seen
	_, height := s.Size()
	for y := range height {
		s.Feed(fmt.Appendf(nil, "\x1b[1;%dr", max(y+1, 2))) // no row joins the next one at its end
		fmt.Fprintf(&b, "%q\n", blanks.ReplaceAll(s.Overlay([]int{y}, "", nil), []byte("$1")))
	}
	s.Feed([]byte("\x1b[r\x1b[2J"))
	fmt.Fprintf(&b, "%q", s.Redraw(0))
	if alike != nil {
		return alike.ReplaceAllString(b.String(), "")
	}
	return b.String()
}

// isShown checks that p shows what it shows when the program has painted all anew.
func (f *screenful) isShown(how string, p *terminal, redraw func(), alike *regexp.Regexp) {
	f.w.t.Helper()
	before := f.mark(p)
	wrote := f.wrote()
	redraw()
	after := f.mark(p)
	if n := f.wrote() - wrote; n < 300 {
		f.w.t.Errorf("%s, the program writes only %d bytes to paint anew", how, n)
	}
	if before, after := rows(before, alike), rows(after, alike); before != after {
		f.w.t.Errorf("%s, the screen is\n%s\nand painted anew\n%s", how, before, after)
	}
}

// TestScreenIsWhatTheProgramShows after the client was stopped, cut off, and killed and
// another one came: as the program says itself when it is made to paint all anew.
func TestScreenIsWhatTheProgramShows(t *testing.T) {
	t.Parallel()
	// What is seen at last was painted before the 16 KB that are kept: the rest of it is
	// made again by the server.
	pages := slices.Repeat([]string{"\x06", "\x06", "\x02", "\x06"}, 10)
	for name, c := range map[string]struct {
		run       string // what to type at a shell's prompt
		processes []string
		away      func(f *screenful)
		key, says string           // by the client, and what it shows at once
		done      string           // by the server, brings the program back to waiting
		redraw    func(*screenful) // by the program's own means
		quit      string
		alike     *regexp.Regexp // what changes by itself; nil: nothing
	}{
		"vim": {
			vim(t) + " -u NONE -i NONE -N '+set nu ttm=0' +sp big", []string{vim(t)},
			func(f *screenful) {
				f.gets("57G", "othe last words", "\x1b", "\x17w")
				f.gets(pages...) // in the lower half
				f.gets("\x17w")
			},
			"Aof a key", "of a key", "\x1b", func(f *screenful) { f.gets("\x0c") }, "\x1b:qa!\r", nil,
		},
		"less": {
			"less big", []string{"less"},
			func(f *screenful) {
				f.gets(pages...)
				f.gets("4321g", "/many\r")
				f.gets(slices.Repeat([]string{"="}, 300)...) // in the last row
			},
			"d", "number 43", "u", func(f *screenful) { f.gets("\x0c") }, "q", nil,
		},
		"top": {
			"top -d .1 -p $$", []string{"top"},
			func(f *screenful) {
				f.gets("d", ".", "1", "\r") // it takes what it reads at once for one key
				f.gets(slices.Repeat([]string{"V", "x", "t", "c", "m"}, 4)...)
				f.gets("c")
				f.gets(slices.Repeat([]string{" "}, 80)...) // what has changed
				f.gets("d", "9", "9", "9", "\r")
			},
			"d", "Change delay from 999.0 to", "\r", func(f *screenful) { syscall.Kill(f.pids[0], syscall.SIGWINCH) }, "q", regexp.MustCompile(`[ 0-9]+`),
		},
		"tmux": {
			"tmux -S inner -f tmux.conf new-session 'exec cat -u' ';' split-window -h 'exec cat'", []string{"tmux", "tmux", "cat -u"},
			func(f *screenful) {
				left := f.w.screenful("cat -u")
				f.gets(slices.Repeat([]string{"\x02r"}, 20)...)
				f.gets("away ")
				for n := range 600 { // on the left only
					fmt.Fprintf(left.tty, "number %d\t\x1b[3%dmcolours 日本 e\u0301\x1b[m and %s\n", n, n%8, strings.Repeat(".", n%19))
					if n%15 == 0 {
						f.gets("")
					}
				}
			},
			"typed", "typed", "", func(f *screenful) { f.gets("\x02r") }, "\x02d", regexp.MustCompile(`\\x1b\[\?7727h`), // to a terminal that has not answered it for 5 s
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorldWith(t, ownTmp)
			var big strings.Builder
			for n := range 9999 {
				fmt.Fprintf(&big, "number %d\t%s日本 e\u0301%s\n", n+1, strings.Repeat("many words ", n%9), strings.Repeat(".", n%7))
			}
			if err := os.Chmod(w.write("alice/big", big.String()), 0o666); err != nil {
				t.Fatal(err)
			}
			w.write("alice/tmux.conf", "set -g assume-paste-time 0\nset -g automatic-rename off\nset -g status-right ''\nset -as terminal-features ',xterm*:margins'\n")
			p := w.shell("--udp", "-oSendEnv=LC_ALL", "-oUdpKeepOutput=16K", "-oUdpSessionName=work", "server")
			p.runs("seq -f 'before %g' 60; secret=kept", "before 60")
			p.keys(c.run + "\r")
			f := w.screenful(c.processes...)
			f.mark(p)
			c.away(f)
			check := func(how string, p *terminal) {
				t.Helper()
				f.mark(p)
				p.keys(c.key)
				p.expect(c.says)
				f.gets(c.done)
				f.isShown(how, p, func() { c.redraw(f) }, c.alike)
			}
			away := func(how string, begin, end func()) {
				t.Helper()
				wrote, seen := f.wrote(), p.text.Len()
				begin()
				w.awaits("the program goes on", func() bool {
					c.away(f)
					return f.wrote()-wrote > 160<<10 // of which 64 are under way, and 16 kept
				})
				end()
				check(how, p)
				if wrote, seen := f.wrote()-wrote, p.text.Len()-seen; seen > wrote*3/4 {
					t.Errorf("%s, %d bytes came of %d that the program wrote: it was not away", how, seen, wrote)
				}
			}
			check("there", p)
			away("after a stop", p.stop, p.wake)
			away("after a cut", func() { w.fault(nothing) }, func() { w.fault("") })
			p.kill9()
			c.away(f)
			q := w.attach("--udp", "-oSendEnv=LC_ALL", "--attach=work", "server")
			q.expect("before 10")
			check("attached", q)
			if old := string(q.shown().Redraw(1000)); !strings.Contains(old, "before 9\r\nbefore 10\r\n") {
				t.Errorf("what scrolled off before is gone: %q", old)
			}
			q.keys(c.quit)
			q.expect("ready> ")
			q.runs("echo is-$secret", "is-kept\r\n")
			q.keys("exit\r")
			q.exit()
		})
	}
}
