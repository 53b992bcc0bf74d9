package bootstrap

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"tssh/proxy/needs"
	"tssh/proxy/terms"
)

// TestLoginShells goes through first and second login with every shell that a
// user may have on a server, and with rc files that print.
func TestLoginShells(t *testing.T) {
	for _, shell := range [][]string{
		{"bash", "-c"}, {"zsh", "-c"}, {"fish", "-c"}, {"tcsh", "-c"}, {"csh", "-c"},
		{"dash", "-c"}, {"busybox", "ash", "-c"},
	} {
		t.Run(shell[0], func(t *testing.T) {
			t.Parallel()
			l := newLogin(t, shell...)
			// Noise without a newline, with words of ours, on both outputs.
			noise := "echo 'welcome! {tssh:run /bin/false}'\necho 'set -x noise' >/dev/stderr\nprintf '%s' 'no newline {tssh:x {tsshd:1:'\n"
			for _, rc := range []string{".bashrc", ".zshenv", ".config/fish/config.fish", ".cshrc"} {
				path := filepath.Join(l.home, rc)
				if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte(noise), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			binary, want := program(t, 100<<10)
			req := Request{Binary: binary}
			path := l.mustGreet(t, req, want)
			is, _ := binary.builds[0].sum()
			if cached := filepath.Join(l.home, ".cache/tssh", is.hash, "tsshd"); path != cached {
				t.Errorf("first login ran %s, want %s", path, cached)
			}
			first := l.uploaded.Load()
			if first < 100<<10 {
				t.Errorf("first login sent %d bytes", first)
			}
			if l.mustGreet(t, req, want) != path || l.uploaded.Load() != first || l.runs.Load() != 2 {
				t.Errorf("second login sent %d more bytes and ran %d commands",
					l.uploaded.Load()-first, l.runs.Load()-1)
			}
			left, _ := filepath.Glob(filepath.Join(l.home, ".cache/tssh/*/*"))
			if len(left) != 1 {
				t.Errorf("in the cache: %q", left)
			}
		})
	}
}

// TestAnyPathSurvivesEveryShell: TsshdPath may hold whatever a file name may.
func TestAnyPathSurvivesEveryShell(t *testing.T) {
	binary, want := program(t, 0)
	text, err := os.ReadFile(binary.builds[0].path)
	if err != nil {
		t.Fatal(err)
	}
	for _, shell := range [][]string{
		{"bash", "-c"}, {"zsh", "-c"}, {"fish", "-c"}, {"tcsh", "-c"}, {"dash", "-c"}, {"busybox", "ash", "-c"},
	} {
		t.Run(shell[0], func(t *testing.T) {
			t.Parallel()
			l := newLogin(t, shell...)
			name := `it's $HOME !! \n "a" ` + "`id`" + ` ~ {x,y} * ^ %é \`
			if err := os.WriteFile(filepath.Join(l.home, name), text, 0o700); err != nil {
				t.Fatal(err)
			}
			path := l.mustGreet(t, Request{TsshdPath: "~/" + name}, want)
			if path != filepath.Join(l.home, name) {
				t.Errorf("ran %q", path)
			}
			relay, err := Started{Path: path}.RelayCommand()
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(shell[0], append(shell[1:], relay)...)
			cmd.Env = l.env
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("relay command %s: %v: %s", relay, err, out)
			}
		})
	}
}

// TestFirstWordsSurviveEveryShell, on OpenSSH's servers. Others are sent none.
func TestFirstWordsSurviveEveryShell(t *testing.T) {
	hello := make([]byte, terms.MaxHello)
	for i := range hello {
		hello[i] = byte(i * 7)
	}
	binary, want := program(t, 0)
	for _, shell := range [][]string{
		{"bash", "-c"}, {"zsh", "-c"}, {"fish", "-c"}, {"tcsh", "-c"}, {"dash", "-c"}, {"busybox", "ash", "-c"},
	} {
		t.Run(shell[0], func(t *testing.T) {
			t.Parallel()
			for _, openSSH := range []bool{true, false} {
				for _, path := range []string{"", binary.builds[0].path} {
					l := newLogin(t, shell...)
					l.openSSH = openSSH
					l.mustGreet(t, Request{Hello: hello, TsshdPath: path, Binary: binary}, want)
					word, err := os.ReadFile(l.home + "/hello")
					if err != nil {
						t.Fatal(err)
					}
					h, err := terms.ParseHello(string(word))
					if err != nil || openSSH && !bytes.Equal(h, hello) || !openSSH && len(h) > 0 {
						t.Errorf("%s, OpenSSH %v: %d of %d bytes, %v", path, openSSH, len(h), len(hello), err)
					}
				}
			}
		})
	}
}

// TestScriptIsSafeInEveryShell: what breaks a shell that is not installed here.
func TestScriptIsSafeInEveryShell(t *testing.T) {
	script := bootScript()
	for _, c := range "'\\\n\r\t" {
		if strings.ContainsRune(script, c) {
			t.Errorf("boot.sh holds %q", c)
		}
	}
	line, err := commandLine(Request{TsshdPath: "/opt/tsshd"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for word := range strings.SplitSeq(line, "' '") {
		if len(word) > 1000 {
			t.Errorf("a word of %d bytes is too long for some csh", len(word))
		}
	}
	if len(line) > 8<<10 {
		t.Errorf("%d bytes of command line: dropbear takes 9000", len(line))
	}
	if _, err := commandLine(Request{TsshdPath: "a\nb"}, nil); err == nil {
		t.Error("a line break in TsshdPath was accepted")
	}
}

// TestBareServers: what a server with next to nothing installed has.
func TestBareServers(t *testing.T) {
	tools := "sh ls id uname df mkdir mv rm rmdir chmod cat sha256sum"
	for name, c := range map[string]struct{ from, tools string }{
		"busybox":      {"busybox", tools + " gzip"},
		"without gzip": {"", tools},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLogin(t, "sh", "-c")
			bin := t.TempDir()
			for tool := range strings.FieldsSeq(c.tools) {
				target := tool
				if c.from != "" {
					target = c.from
				}
				path, err := exec.LookPath(target)
				needs.Nothing(t, err)
				if err := os.Symlink(path, filepath.Join(bin, tool)); err != nil {
					t.Fatal(err)
				}
			}
			l.env = append(l.env, "PATH="+bin)
			binary, want := program(t, 10<<10)
			l.mustGreet(t, Request{Binary: binary}, want)
		})
	}
}

// TestScriptSpeaksTsshdsWords: the script is no Go, so nothing else ties it to
// what package terms says.
func TestScriptSpeaksTsshdsWords(t *testing.T) {
	for _, want := range []string{
		fmt.Sprintf("%d) say \"cannot ", terms.ExitCannotServe),
		"--" + terms.CommandOffer + ` "$o"`,
		"--" + terms.CommandVerify + ` "$h"`,
	} {
		if !strings.Contains(bootSource, want) {
			t.Errorf("boot.sh has no %s", want)
		}
	}
}
