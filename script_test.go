package main

import (
	"bufio"
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/crypto/ssh"
)

// patience is how long a script waits for what a program says.
const patience = 30 * time.Second

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"tssh": main, "tsshd": main, "ssh": main})
}

// TestScripts runs testdata/*.txtar: tssh against "tsshd sshd" on loopback, as
// whoever runs the test. A script finds a configuration for -F in $WORK/config
// whose host is "there", and the commands
//
//	serve [options of tsshd sshd]   the server, which the configuration then names
//	typist FILE program args...     runs a program on a terminal of its own
//	cut reset|close [args...]       logs in through a network that is cut, at each stage
//
// A typist's FILE has a line for each step: "> text" is typed, with Go's escapes and
// without a newline of its own; "< pattern" is waited for, behind what was waited
// for before; "= status" is the exit status that the program must have. What stands on
// the terminal at the end is in the file "terminal".
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup:               prepare,
		Deadline:            time.Now().Add(4 * patience), // programs that hang are ended, and the script fails
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"serve":  serve,
			"typist": typist,
			"cut":    cut,
		},
		Condition: func(cond string) (bool, error) {
			switch cond {
			case "terminals":
				return terminals, nil
			}
			return false, fmt.Errorf("no such condition")
		},
	})
}

// prepare makes keys and directories of a script.
func prepare(env *testscript.Env) error {
	env.Setenv("HOME", env.WorkDir)
	env.Setenv("TERM", "xterm-256color")
	env.Setenv("SSH_AUTH_SOCK", "")
	public, err := newKey(filepath.Join(env.WorkDir, "key"))
	if err != nil {
		return err
	}
	host, err := newKey(filepath.Join(env.WorkDir, "hostkey"))
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(env.WorkDir, "authorized_keys"), ssh.MarshalAuthorizedKey(public), 0o600); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(env.WorkDir, "hostkey.pub"), ssh.MarshalAuthorizedKey(host), 0o600)
}

func newKey(file string) (ssh.PublicKey, error) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	block, err := ssh.MarshalPrivateKey(private, "script")
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
		return nil, err
	}
	return ssh.NewPublicKey(public)
}

// serve starts the server and writes the configuration. It ends with the script.
func serve(ts *testscript.TestScript, neg bool, args []string) {
	if neg {
		ts.Fatalf("serve can't be negated")
	}
	tsshd := lookPath(ts, "tsshd")
	cmd := exec.Command(tsshd, append([]string{"sshd", "--listen", "127.0.0.1:0",
		"--host-key", ts.MkAbs("hostkey"), "--authorized-keys", ts.MkAbs("authorized_keys")}, args...)...)
	cmd.Env = append(os.Environ(), "HOME="+ts.Getenv("HOME"))
	out, err := cmd.StdoutPipe()
	ts.Check(err)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	ts.Check(cmd.Start())
	ts.Defer(func() {
		cmd.Process.Kill()
		cmd.Wait()
		if errs.Len() > 0 {
			ts.Logf("the server said: %s", &errs)
		}
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	ts.Check(err)
	host, port, err := net.SplitHostPort(strings.TrimSpace(strings.TrimPrefix(line, "listening on ")))
	ts.Check(err)
	me, err := user.Current()
	ts.Check(err)
	key, err := os.ReadFile(ts.MkAbs("hostkey.pub"))
	ts.Check(err)
	ts.Setenv("PORT", port)
	ts.Check(os.WriteFile(ts.MkAbs("known_hosts"), fmt.Appendf(nil, "[%s]:%s %s", host, port, key), 0o600))
	ts.Check(os.WriteFile(ts.MkAbs("config"), fmt.Appendf(nil, `Host *
	HostName %s
	Port %s
	User "%s"
	IdentityFile "%s"
	IdentitiesOnly yes
	IdentityAgent none
	UserKnownHostsFile "%s"
	GlobalKnownHostsFile none
	UpdateHostKeys no
	#!! TsshdPath %s
	#!! UdpAliveTimeout 2m
`, host, port, me.Username[strings.LastIndexByte(me.Username, '\\')+1:], ts.MkAbs("key"), ts.MkAbs("known_hosts"), tsshd), 0o600))
}

// lookPath finds a program in the script's own PATH.
func lookPath(ts *testscript.TestScript, name string) string {
	for _, dir := range filepath.SplitList(ts.Getenv("PATH")) {
		for _, suffix := range []string{"", ".exe"} {
			if file := filepath.Join(dir, name+suffix); isFile(file) {
				return file
			}
		}
	}
	ts.Fatalf("%s is not in PATH", name)
	return ""
}

func isFile(name string) bool {
	fi, err := os.Stat(name)
	return err == nil && fi.Mode().IsRegular()
}

// step is a line of a typist's file.
type step struct {
	does byte // '>', '<' or '='
	text string
}

func steps(ts *testscript.TestScript, file string) (list []step) {
	for line := range strings.Lines(ts.ReadFile(file)) {
		line = strings.TrimRight(line, "\r\n")
		if line == "" || line[0] == '#' {
			continue
		}
		does, text, ok := strings.Cut(line, " ")
		if !ok || len(does) != 1 || !strings.Contains("<>=", does) {
			ts.Fatalf("%s: not a step: %s", file, line)
		}
		if does == ">" {
			var err error
			if text, err = strconv.Unquote(`"` + text + `"`); err != nil {
				ts.Fatalf("%s: %v: %s", file, err, line)
			}
		}
		list = append(list, step{does[0], text})
	}
	return list
}

// typist runs a program on a terminal and types what a file says.
func typist(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: typist file program [args...]")
	}
	cmd := exec.Command(lookPath(ts, args[1]), args[2:]...)
	cmd.Dir = ts.MkAbs(".")
	cmd.Env = append(os.Environ(), "HOME="+ts.Getenv("HOME"), "TERM=xterm-256color", "PATH="+ts.Getenv("PATH"), "PS1=$ ", "SHELL=/bin/sh")
	t, err := startOnTerminal(cmd)
	ts.Check(err)
	defer t.Close()
	defer cmd.Process.Kill()
	status := 0
	var screen []byte
	output := make(chan []byte)
	go func() {
		defer close(output)
		for {
			b := make([]byte, 4096)
			n, err := t.Read(b)
			if n > 0 {
				output <- b[:n]
			}
			if err != nil {
				return
			}
		}
	}()
	seen := 0 // of screen, by steps before
	for _, s := range steps(ts, args[0]) {
		switch s.does {
		case '>':
			_, err := t.Write([]byte(s.text))
			ts.Check(err)
		case '<':
			pattern, err := regexp.Compile(s.text)
			ts.Check(err)
			timeout := time.After(patience)
			for {
				if at := pattern.FindIndex(screen[seen:]); at != nil {
					seen += at[1]
					break
				}
				select {
				case b, ok := <-output:
					if !ok {
						ts.Fatalf("the program ended before %q came: %q", s.text, screen[seen:])
					}
					screen = append(screen, b...)
				case <-timeout:
					ts.Fatalf("%q did not come, but %q", s.text, screen[seen:])
				}
			}
		case '=':
			status, err = strconv.Atoi(s.text)
			ts.Check(err)
		}
	}
	timeout := time.AfterFunc(patience, func() { cmd.Process.Kill() })
	defer timeout.Stop()
	for b := range output { // until the terminal is closed by all
		screen = append(screen, b...)
	}
	cmd.Wait()
	ts.Check(os.WriteFile(ts.MkAbs("terminal"), screen, 0o600))
	if got := cmd.ProcessState.ExitCode(); got != status {
		ts.Fatalf("exit status %d, want %d; the terminal: %q", got, status, screen)
	}
}
