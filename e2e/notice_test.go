//go:build linux

package e2e_test

import (
	"path/filepath"
	"strings"
	"testing"
)

// tmux is a terminal whose screen can be looked at.
type tmux struct {
	w      *world
	socket string
}

// tmux runs a command line of sh on the client, on a screen of 24 lines.
func (w *world) tmux(line string) *tmux {
	w.t.Helper()
	needs(w.t, "tmux")
	m := &tmux{w, filepath.Join(w.dir, "tmux")}
	w.runs("tmux", "-S", m.socket, "-f", "/dev/null", "new-session", "-d", "-x", "80", "-y", "24", line)
	return m
}

func (m *tmux) screen() string {
	m.w.t.Helper()
	r := m.w.do(m.w.command("tmux", "-S", m.socket, "capture-pane", "-p"))
	if r.status != 0 {
		m.w.t.Fatalf("capture-pane: %+v", r)
	}
	return r.out
}

// shows waits until the screen is as it should be.
func (m *tmux) shows(what string, right func(screen string) bool) {
	m.w.t.Helper()
	var last string
	if !until(func() bool { last = m.screen(); return right(last) }, *patience) {
		m.w.t.Fatalf("%s: not within %s; the screen is\n%s", what, *patience, last)
	}
}

func (m *tmux) keys(keys ...string) {
	m.w.t.Helper()
	m.w.runs("tmux", append([]string{"-S", m.socket, "send-keys"}, keys...)...)
}

func holds(text string) func(string) bool {
	return func(screen string) bool { return strings.Contains(screen, text) }
}

// TestNoticeShowsAndVanishes: and what was under it is whole again.
func TestNoticeShowsAndVanishes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ onTop, full, text string }{
		"top, full":    {"yes", "yes", "no contact with"},
		"top, brief":   {"yes", "no", "offline for"},
		"cursor, full": {"no", "yes", "no contact with"},
		"cursor,brief": {"no", "no", "offline for"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			cmd := w.tssh("--udp", placed(), "-tt", "-oUdpReconnectTimeout=1", "-oShowNotificationOnTop="+c.onTop,
				"-oShowFullNotifications="+c.full, "server", "seq 5; printf '\\033[31mred\\033[m and words'; exec cat")
			m := w.tmux(shellLine(cmd.Args))
			m.shows("the program starts", holds("red and words"))
			before := m.screen()
			w.fault(nothing)
			m.shows("the notice", holds(c.text))
			if shown := m.screen(); c.onTop == "yes" && !strings.Contains(strings.Join(strings.SplitN(shown, "\n", 4)[:3], "\n"), c.text) {
				t.Errorf("the notice is not at the top:\n%s", shown)
			}
			m.keys("typed")
			w.fault("")
			m.shows("the screen as before, with what was typed", func(now string) bool {
				return now == strings.Replace(before, "red and words", "red and wordstyped", 1)
			})
		})
	}
}

// TestGivingUp: at once, with ssh's status and the terminal in order.
func TestGivingUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	cmd := w.tssh("--udp", placed(), "-oUdpReconnectTimeout=1", "server", "echo ready; exec cat")
	cmd.Args = append(cmd.Args[:1], append([]string{"-tt"}, cmd.Args[1:]...)...)
	m := w.tmux(shellLine(cmd.Args) + "; echo status $?; stty -a | grep -ow -e '-*echo' -e '-*icanon'; exec sleep 1000")
	m.shows("the program starts", holds("ready"))
	w.fault(nothing)
	m.shows("the notice", holds("^d leaves"))
	m.keys("C-d")
	m.shows("the end", func(screen string) bool {
		words := strings.Fields(screen)
		return strings.Contains(screen, "status 255") && len(words) > 2 &&
			strings.Contains(screen, "\necho\n") && strings.Contains(screen, "\nicanon\n")
	})
}

// shellLine quotes the words of a command for sh.
func shellLine(words []string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
	}
	return strings.Join(quoted, " ")
}
