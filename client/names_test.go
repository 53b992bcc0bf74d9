package client

import (
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// TestBadNamesRunNothing: whatever tssh was called for, and wherever the
// configuration has a program, a name that is none reaches no shell.
func TestBadNamesRunNothing(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the programs are lines for a POSIX shell")
	}
	dir := t.TempDir()
	mark := filepath.Join(dir, "ran")
	file := filepath.Join(dir, "config")
	run := "touch " + mark
	text := "Match exec \"" + run + "; test %r = git\"\n\tTag git\nInclude " + dir + "/%r\nMatch localuser * exec \"" + run + " %h %n\"\n" +
		"Host *\n\tKnownHostsCommand /usr/bin/env " + run + "\n\tProxyCommand " + run + " %r@%h\n\tPermitLocalCommand yes\n\tLocalCommand " + run + "\n" +
		"\tRemoteCommand echo %r\n\tControlPath " + dir + "/%r@%h\n\tControlMaster auto\n\tIdentityFile " + dir + "/%r\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	evil := "x;touch " + mark + ";true"
	for _, name := range [][]string{
		{"-l", evil, "host"}, {"host", "-l", evil}, {evil + "@host"}, {"ssh://x%3btouch%20" + mark + ";p@host"}, {"ssh://x%0atouch@host:22/"},
		{"-o", "User=\"" + evil + "\"", "host"}, {"-oUser=\"$(" + run + ")|x\"", "host"}, {"--", "x`" + run + "`"}, {"host;" + run}, {"-J", "a," + evil + "@b", "host"},
		{"-J", "ssh://u%3bx@h", "host"}, {"-J", "ssh://u%1b]0;y%07@h", "host"}, {"-J", "\x1b]0;y\a@h", "host"}, {"-p", "\x1b]0;y\a", "host"}, {"-o", "ProxyJump=h;x", "host"}, {"-J", "good,b;x", "git@host"}, {"x\x1b]0;y\a@host"},
	} {
		for _, action := range [][]string{
			nil, {"-G"}, {"-N"}, {"-f", "-N"}, {"-Z"}, {"-W", "a:1"}, {"--doctor"}, {"--udp"}, {"-M", "-N"},
			{"-O", "check"}, {"-O", "exit"}, {"-O", "stop"}, {"-O", "proxy"}, {"-O", "forward", "-L", "1:a:2"}, {"-tt"}, {"-n", "-T"},
		} {
			args := append(append([]string{"-F", file, "-o", "BatchMode=yes"}, action...), name...)
			code, said := complained(t, args)
			if code != exitError || !strings.Contains(said, "nvalid") && !strings.Contains(said, "Bad port") {
				t.Errorf("%q: status %d, said %q", args, code, said)
			}
			if strings.ContainsAny(said, "\x1b\a") {
				t.Errorf("%q: wrote %q to the terminal", args, said)
			}
			if _, err := os.Stat(mark); err == nil {
				t.Fatalf("%q ran a program", args)
			}
		}
	}
}

// complained runs tssh and returns its status and what it wrote to standard
// error.
func complained(t *testing.T, args []string) (int, string) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	old := os.Stderr
	os.Stderr = w
	code := Main(args)
	os.Stderr = old
	w.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return code, string(b)
}
