//go:build linux

package e2e_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestCommands: what a user of ssh does all day, over every transport.
func TestCommands(t *testing.T) {
	for _, m := range modes() {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			tssh := append(m.args[:len(m.args):len(m.args)], placed())
			w.says("alice\n", "", append(tssh, "server", "id -un")...)
			w.says("a  b|3\n", "", append(tssh, "server", `printf "%s|" "a  b"; ls -d /usr/bin /usr/sbin /etc | wc -l`)...)
			w.says("up and down\n", "up and down\n", append(tssh, "server", "cat")...)
			w.says(w.home()+"\n", "", append(tssh, "server", "pwd")...)
			w.says("hello from here\n", "", append(tssh, "-oSetEnv=E2E_WORD=hello\\ from\\ here", "server", "echo $E2E_WORD")...)

			w.says("none\n", "", append(tssh, "-oSetEnv=OTHER=x", "server", "echo ${OTHER-none}")...) // AcceptEnv has no such name

			cmd := w.tssh(append(tssh, "server", "echo out; echo err >&2; exit 42")...)
			if r := w.do(cmd); r.out != "out\n" || r.err != "err\n" || r.status != 42 {
				t.Errorf("got %+v", r)
			}
			// ssh itself answers 255 to a signal.
			if r := w.do(w.tssh(append(tssh, "server", "kill -TERM $$")...)); r.status != 255 {
				t.Errorf("killed by a signal: %+v", r)
			}
			// An end of input that the program over there must see while it still writes.
			cmd = w.tssh(append(tssh, "server", "wc -c; echo after")...)
			cmd.Stdin = strings.NewReader(strings.Repeat("x", 1<<20))
			if r := w.do(cmd); r.out != "1048576\nafter\n" {
				t.Errorf("half close: %+v", r)
			}
			if r := w.do(w.tssh(append(tssh, "-T", "server", "tty; echo $SSH_TTY")...)); r.out != "not a tty\n\n" || r.status != 0 {
				t.Errorf("without a terminal: %+v", r)
			}
			if r := w.do(w.tssh(append(tssh, "server", "echo $SSH_CONNECTION")...)); !strings.HasPrefix(r.out, "10.83.1.2 ") || !strings.HasSuffix(r.out, " 10.83.2.1 22\n") {
				t.Errorf("SSH_CONNECTION: %+v", r)
			}
		})
	}
}

// TestOtherLoginShells: the line that starts tsshd, through real sshd.
func TestOtherLoginShells(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, user := range []string{"fishy", "tessa"} {
		w.says("it's\n", "", "--udp", placed(), "-l", user, "server", `echo "it's"`)
	}
}

// TestFirstLoginUploads: nothing on the server, and the second login finds it.
func TestFirstLoginUploads(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if err := os.WriteFile(filepath.Join(w.home(), ".bashrc"), []byte("echo noise; echo more >&2\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	login := func() (file string, change time.Time) {
		r := w.do(w.tssh("--udp", "server", "echo here"))
		if !strings.HasSuffix(r.out, "here\n") || r.status != 0 {
			t.Fatalf("got %+v", r)
		}
		found, _ := filepath.Glob(filepath.Join(w.home(), ".cache/tssh/*/*"))
		if len(found) != 1 {
			t.Fatalf("in the cache: %q", found)
		}
		info, err := os.Stat(found[0])
		if err != nil {
			t.Fatal(err)
		}
		return found[0], info.ModTime()
	}
	file, change := login()
	if again, changed := login(); again != file || !changed.Equal(change) {
		t.Errorf("the second login put %s there at %s, the first %s at %s", again, changed, file, change)
	}
}

// TestTsshdPathThatIsNotThere is not the end: there are other places to look.
func TestTsshdPathThatIsNotThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.says("x\n", "", "--udp", "-oTsshdPath=/nonexistent/tsshd", "server", "echo x")
}

// TestForcedCommand: a key that may run one command only runs it once, as ssh
// would. Who insists on UDP gets it where that command passes ours on, and no
// session of ours where it isn't known.
func TestForcedCommand(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "Port 22", "Port 2201", "Match LocalPort 2201", "AuthorizedKeysFile none",
		"AuthorizedKeysCommandUser root", "AuthorizedKeysCommand /bin/cat %h/../authorized_keys")
	pub, err := os.ReadFile(filepath.Join(built, "user.pub"))
	if err != nil {
		t.Fatal(err)
	}
	w.write("authorized_keys", `command="echo ran >>count; cat; echo \"for $SSH_ORIGINAL_COMMAND\"; exit 3" `+string(pub))
	cmd := w.tssh("--udp", placed(), "server", "a 'b'")
	cmd.Stdin = strings.NewReader("input\n")
	r := w.do(cmd)
	if r.status != 3 || r.out != "input\nfor a 'b'\n" || strings.Count(r.err, "\n") != 1 || !strings.Contains(r.err, "forced command; going on without UDP") {
		t.Errorf("ssh's own session goes on, with a word about it: %+v", r)
	}
	if count, _ := os.ReadFile(filepath.Join(w.home(), "count")); string(count) != "ran\n" {
		t.Errorf("it ran for each of %q", count)
	}
	w.write("authorized_keys", `command="echo first; eval \"$SSH_ORIGINAL_COMMAND\"" `+string(pub))
	if r := w.do(w.tssh("--udp", "-oUdpFallback=no", placed(), "server", "echo second")); r.status != 0 || r.out != "first\nsecond\n" {
		t.Errorf("with a command that wraps ours: %+v", r)
	}
	w.awaits("the end of tsshd", func() bool { return len(w.tsshds()) == 0 })
	if r := w.do(w.tssh("--udp", "-oUdpFallback=no", placed(), "-p", "2201", "server", "true")); r.status != 255 || !strings.Contains(r.err, "command=") {
		t.Errorf("with one that is in no file: %+v", r)
	}
	if pids := w.tsshds(); len(pids) != 0 {
		t.Error("a tsshd runs")
	}
}

// TestPipesAndBackground: how scripts use ssh.
func TestPipesAndBackground(t *testing.T) {
	for _, m := range modes() {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			tssh := "tssh -F config " + strings.Join(append(m.args, placed()), " ")
			for line, want := range map[string]string{
				tssh + " server yes | head -n 2": "y\ny\n",
				"echo one | " + tssh + " server 'cat; exec cat' | " + tssh + " server 'cat; echo two'": "one\ntwo\n",
				tssh + " -n server cat; echo $?": "0\n",
				"for i in 1 2 3; do echo $i; done | while read i; do " + tssh + " -n server echo $i; done": "1\n2\n3\n",
				tssh + " -f -L 7004:127.0.0.1:22 server 'sleep 1; touch done' && echo forked":              "forked\n",
				"echo nothing is read | " + tssh + " server true; echo $?":                                 "0\n",
				tssh + " server 'exec >&- 2>&-; sleep 1; touch closed; exit 3'; echo $?":                   "3\n",
				"yes | head -c 3000000 | " + tssh + " server 'head -c 3; exit 5'; echo $?":                 "y\ny5\n",
			} {
				if r := w.do(w.command("sh", "-c", line)); r.out != want || r.status != 0 {
					t.Errorf("%s: %+v, want %q", line, r, want)
				}
			}
			for _, file := range []string{"done", "closed"} {
				w.awaits("the file "+file, func() bool {
					_, err := os.Stat(filepath.Join(w.home(), file))
					return err == nil
				})
			}
		})
	}
}

// TestStartupFilesOnce: ~/.ssh/rc runs once a login, and what the login shell's
// own file exports is not there twice.
func TestStartupFilesOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, text := range map[string]string{
		".ssh/rc": "echo ran >>count; echo rc said\n",
		".bashrc": "export LEAK=x$LEAK PATH=/x:$PATH\n",
	} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(w.home(), name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(w.home(), name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, mode := range []string{"--udp", "-oUdpMode=no"} {
		w.says("rc said\nx /x\nran\n", "", mode, placed(), "server", `echo "$LEAK" "${PATH%%:*}"; cat count; rm count`)
	}
}
