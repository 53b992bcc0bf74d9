//go:build unix

package bootstrap

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// shown collects all that a user could see.
type shown struct {
	mu   sync.Mutex
	text strings.Builder
}

func (s *shown) logf(t *testing.T) func(string, ...any) {
	return func(format string, args ...any) {
		t.Logf(format, args...)
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, a := range args {
			if text, ok := a.(string); ok {
				s.text.WriteString(text)
			}
		}
	}
}

// TestSomethingElseCalledTsshd: a package of that name, or anything, stands where
// ours is looked for.
func TestSomethingElseCalledTsshd(t *testing.T) {
	for name, text := range map[string]string{
		"waits and prints keys":    "echo '-----BEGIN OPENSSH PRIVATE KEY----- c2VjcmV0'; sleep 1000 & echo $! >>pids; wait",
		"ignores signals":          "trap '' HUP INT TERM PIPE; sleep 1000 & echo $! >>pids; wait; sleep 1000",
		"prints without end":       "while :; do echo 'secret secret secret secret secret secret secret secret secret'; done",
		"prints without a newline": "while :; do printf 'secret secret secret secret secret secret secret'; done",
		"complains without end":    "while :; do echo 'secret' >&2; sleep 0.01; done",
		"reads stdin":              "cat; echo secret; exec sleep 1000",
		"ends at once":             "exit 0",
		"ends with words":          "echo secret; echo '{tssh:none}'; echo secret >&2; exit 3",
		"lies":                     "echo '{tssh:tried 1 x}'; echo '{tssh:send plain /etc}'; exec sleep 1000",
		"greets badly":             "echo '{tsshd:1:c2VjcmV0:tsshd}'; sleep 1000 & echo $! >>pids; wait",
		"of another version":       "echo '{tsshd:99:e30:tsshd}'; exec sleep 1000",
		"leads away":               "setsid sleep 1000 & echo $! >>pids; wait",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, where := range []string{"bin/tsshd", "it's named"} {
				l := newLogin(t, "dash", "-c")
				path := l.script(t, where, "echo $$ >>pids\n"+text)
				l.env = append(l.env, "PATH="+filepath.Dir(path)+":/usr/bin:/bin")
				binary, want := program(t, 1000)
				var all shown
				req := Request{Binary: binary, Patience: Patience{Word: time.Minute, Greet: 300 * time.Millisecond}, Logf: all.logf(t)}
				if name == "lies" {
					req.Patience.Step = 2 * time.Second // it can have us wait for nothing
				}
				if where != "bin/tsshd" {
					req.TsshdPath = "~/" + where
				}
				s, err := l.start(t, req)
				if name == "lies" && err != nil { // whoever knows our words can be in our way, and no more
					continue
				}
				if err != nil {
					t.Fatal(err)
				}
				if s.Secret != want.Secret || !strings.HasPrefix(s.Path, l.home+"/.cache/tssh/") {
					t.Errorf("ran %s", s.Path)
				}
				if named := req.TsshdPath != ""; named != strings.HasPrefix(s.Complaint, "TsshdPath "+path+": ") {
					t.Errorf("the complaint is %q", s.Complaint)
				}
				if text := all.text.String() + s.Complaint + string(s.Said); strings.Contains(text, "secret") || strings.Contains(text, "c2Vjc") {
					t.Errorf("shown: %q", text)
				}
				mustEnd(t, filepath.Join(l.home, "pids"))
			}
		})
	}
}

// mustEnd waits for the end of all processes that a file lists.
func mustEnd(t *testing.T, file string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		return // it was ended before its first line
	}
	for word := range strings.FieldsSeq(string(text)) {
		pid, err := strconv.Atoi(word)
		if err != nil || pid < 2 {
			t.Fatalf("%q is no process", word)
		}
		for wait := 0; syscall.Kill(pid, 0) == nil && wait < 1000; wait++ {
			if stat, _ := os.ReadFile("/proc/" + word + "/stat"); bytes.Contains(stat, []byte(") Z ")) {
				break // nobody reaps it here
			}
			time.Sleep(10 * time.Millisecond)
		}
		if stat, _ := os.ReadFile("/proc/" + word + "/stat"); len(stat) > 0 && !bytes.Contains(stat, []byte(") Z ")) {
			t.Errorf("process %d lives: %s", pid, stat)
			syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}

// TestDamagedCopyIsReplaced: what is not whole never runs, not even to find out.
func TestDamagedCopyIsReplaced(t *testing.T) {
	for name, damage := range map[string]func(whole []byte) []byte{
		"empty":            func([]byte) []byte { return nil },
		"cut":              func(b []byte) []byte { return b[:len(b)/2] },
		"a script":         func([]byte) []byte { return []byte("#!/bin/sh\necho ran >ran; exit 93\n") },
		"one wrong byte":   func(b []byte) []byte { b[len(b)-len(b)/3] ^= 1; return b },
		"zeros at its end": func(b []byte) []byte { clear(b[len(b)-512:]); return b },
		"longer":           func(b []byte) []byte { return append(b, 0) },
	} {
		for _, tools := range []string{"cksum", "sha256sum"} {
			t.Run(name+" by "+tools, func(t *testing.T) {
				t.Parallel()
				l := newLogin(t, "sh", "-c")
				if tools != "cksum" {
					l.script(t, "bin/cksum", "exit 127")
					l.env = append(l.env, "PATH="+l.home+"/bin:/usr/bin:/bin")
				}
				binary, want := program(t, 20000)
				path := l.mustGreet(t, Request{Binary: binary}, want)
				good, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, damage(bytes.Clone(good)), 0o700); err != nil {
					t.Fatal(err)
				}
				before := l.uploaded.Load()
				if again := l.mustGreet(t, Request{Binary: binary}, want); again != path {
					t.Errorf("ran %s, want %s", again, path)
				}
				if l.uploaded.Load() == before {
					t.Error("a damaged copy was taken")
				}
				if now, _ := os.ReadFile(path); !bytes.Equal(now, good) {
					t.Error("the copy is still damaged")
				}
				if _, err := os.Stat(filepath.Join(l.home, "ran")); err == nil {
					t.Error("it ran")
				}
			})
		}
	}
}

// TestServersThatRunSomethingElse: a forced command, or a startup file, in the
// place of ours. Each is over soon, without a byte that it could take for its own.
func TestServersThatRunSomethingElse(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"reads stdin":         {"cat >got", nil},
		"reads, then waits":   {"cat >got; exec sleep 2", []string{"no answer within"}},
		"waits":               {"exec sleep 2", []string{"no answer within"}},
		"prints without end":  {"exec yes secret", []string{"answer"}}, // too much of it, or in time none
		"goes on and on":      {"for i in 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0; do echo $i; sleep 0.1; done", []string{"no answer within"}},
		"shows our line":      {`echo "you said: $1"; exit 1`, nil},
		"speaks our words":    {"echo '{tssh:run}'; echo '{tssh:}'; echo '{tssh:send plain /x}'; echo '}{tssh:'; exit 1", nil},
		"colours":             {`printf '\033]0;owned\007\033[31mno\233\n'; exit 1`, []string{"no"}},
		"is killed":           {"kill -9 $$", nil},
		"exec zsh in rc":      {"exec zsh", nil},
		"an empty word, then": {"echo '{tssh:hello}'; echo '{tssh:run}'; exit 1", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLogin(t, "bash", "-c")
			l.shell = []string{"bash", "-c", c.text, "bash"}
			binary, _ := program(t, 0)
			req := Request{Binary: binary, Patience: Patience{
				Input: 100 * time.Millisecond, Word: 600 * time.Millisecond, Greet: time.Minute, Step: 300 * time.Millisecond}}
			start := time.Now()
			_, err := l.start(t, req)
			if err == nil {
				t.Fatal("started")
			}
			if strings.Contains(err.Error(), "esac") {
				t.Errorf("it quotes our script: %v", err)
			}
			if strings.HasPrefix(err.Error(), ErrLost.Error()) || time.Since(start) > time.Minute {
				t.Errorf("after %v: %v", time.Since(start), err)
			}
			for _, w := range c.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%q is not in: %v", w, err)
				}
			}
			if i := strings.IndexFunc(err.Error(), func(r rune) bool { return r < ' ' || r >= 0x7f && r < 0xa0 }); i >= 0 {
				t.Errorf("the terminal would obey: %q", err)
			}
			if got, err := os.ReadFile(filepath.Join(l.home, "got")); err == nil && len(got) > 0 {
				t.Errorf("it was sent %q", got)
			}
		})
	}
}

// TestSlowStartupFile: longer than we leave stdin open, so that an upload needs
// another command.
func TestSlowStartupFile(t *testing.T) {
	t.Parallel()
	l := newLogin(t, "sh", "-c")
	l.shell = []string{"sh", "-c", `sleep 0.5; exec sh -c "$1"`, "sh"}
	binary, want := program(t, 100)
	l.mustGreet(t, Request{Binary: binary, Patience: Patience{Input: 50 * time.Millisecond}}, want)
	if n := l.runs.Load(); n != 2 {
		t.Errorf("%d commands", n)
	}
	l.mustGreet(t, Request{Binary: binary, Patience: Patience{Input: 50 * time.Millisecond}}, want)
	if n := l.runs.Load(); n != 3 {
		t.Errorf("%d commands once it was there", n)
	}
}

// TestNetworkGoesAwayUnheard: nobody ends the connection, and nothing comes. That
// is told from a server that takes its time, before any patience with it is over.
func TestNetworkGoesAwayUnheard(t *testing.T) {
	t.Parallel()
	l := newLogin(t, "sh", "-c")
	l.openSSH = true // so no answer is needed first
	l.shell = []string{"sh", "-c", "echo '{tssh:hello}'; exec sleep 5", "sh"}
	_, err := l.start(t, Request{ // a word in which a shell begins on a busy machine
		Patience: Patience{Word: 5 * time.Second, Greet: 50 * time.Millisecond, Step: time.Hour},
		Logf:     func(string, ...any) { l.unplugged.Store(true) }, // at the first word
	})
	if !errors.Is(err, ErrLost) {
		t.Errorf("got %v", err)
	}
}

// TestNothingIsAskedBeforeTheCommand: then OpenSSH's server gets the command in the
// flight of the session's opening.
func TestNothingIsAskedBeforeTheCommand(t *testing.T) {
	t.Parallel()
	l := newLogin(t, "sh", "-c")
	binary, want := program(t, 100)
	l.mustGreet(t, Request{Binary: binary}, want)
	if n := l.early.Load(); n != 0 {
		t.Errorf("%d questions came before the command", n)
	}
}

// TestServerThatAnswersNoQuestion is there all the same.
func TestServerThatAnswersNoQuestion(t *testing.T) {
	t.Parallel()
	l := newLogin(t, "sh", "-c")
	l.sullen = true
	l.shell = []string{"sh", "-c", `echo "{tssh:hello}"; sleep 6; exec sh -c "$1"`, "sh"}
	binary, want := program(t, 100)
	l.mustGreet(t, Request{Binary: binary, Patience: Patience{Word: 5 * time.Second, Greet: 50 * time.Millisecond}}, want)
}
