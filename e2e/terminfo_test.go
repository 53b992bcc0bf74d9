//go:build linux

package e2e_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestTerminalThatTheServerLacks: the first shell knows the terminal, as kitty's
// and others', of which the system over there has no description.
func TestTerminalThatTheServerLacks(t *testing.T) {
	needs(t, "tic", "tput")
	for _, m := range modes() {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			own := filepath.Join(w.dir, "app", "terminfo")
			w.write("entry", "x-e2e|a terminal of this test, colors#123, cr=^M, cup=\\E[%i%p1%d;%p2%dH,\n")
			if err := os.MkdirAll(own, 0o755); err != nil {
				t.Fatal(err)
			}
			w.must("tic", "-x", "-o", own, filepath.Join(w.dir, "entry"))
			rc := "PS1='ready> '\nset +o history\n"
			if err := os.WriteFile(w.home()+"/.bash_profile", []byte(rc), 0o644); err != nil {
				t.Fatal(err)
			}
			at := func(args ...string) *terminal {
				cmd := w.tssh(append(append([]string{placed()}, m.args...), args...)...)
				cmd.Env = append(cmd.Env, "TERM=x-e2e", "TERMINFO="+own)
				p := w.terminal(cmd)
				p.expect("ready> ")
				return p
			}
			leave := func(p *terminal) {
				t.Helper()
				p.keys("exit 0\r")
				if status := p.exit(); status != 0 {
					t.Errorf("exit status %d", status)
				}
			}
			p := at("-oTerminfoInstall=no", "server")
			p.runs("tput colors 2>&1", "unknown terminal")
			leave(p)
			p = at("server")
			p.runs("echo $TERM $(tput colors)", "x-e2e 123\r\n")
			leave(p)
			files, err := filepath.Glob(w.home() + "/.terminfo/*/*")
			if err != nil || len(files) != 1 {
				t.Fatalf("%v %v", files, err)
			}
			before, err := os.Stat(files[0])
			if err != nil {
				t.Fatal(err)
			}
			p = at("server")
			p.runs("echo $TERM $(tput colors)", "x-e2e 123\r\n")
			leave(p)
			if after, err := os.Stat(files[0]); err != nil || !os.SameFile(before, after) || !after.ModTime().Equal(before.ModTime()) {
				t.Errorf("it was put there again: %v", err)
			}
		})
	}
}

// TestTerminalWithForcedCommand: what a key is bound to runs once.
func TestTerminalWithForcedCommand(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	pub, err := os.ReadFile(filepath.Join(built, "user.pub"))
	if err != nil {
		t.Fatal(err)
	}
	w.write("authorized_keys", `command="echo ran >>~/count; echo forced" `+string(pub))
	own := filepath.Join(w.dir, "app")
	if err := os.MkdirAll(own+"/x", 0o755); err != nil {
		t.Fatal(err)
	}
	w.write("app/x/x-e2e", "\x1a\x01\x06\x00\x00\x00\x00\x00\x00\x00\x00\x00x-e2e\x00")
	for range 2 {
		cmd := w.tssh("server")
		cmd.Env = append(cmd.Env, "TERM=x-e2e", "TERMINFO="+own)
		p := w.terminal(cmd)
		p.expect("forced")
		p.exit()
	}
	if count, err := os.ReadFile(w.home() + "/count"); err != nil || strings.Count(string(count), "ran") != 2 {
		t.Errorf("it ran %q, %v", count, err)
	}
}
