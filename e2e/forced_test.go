//go:build linux

package e2e_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// house is an sshd of whoever runs the test, on a port of loopback: it needs no
// root, and lets in its owner by the key user.
type house struct {
	t    *testing.T
	dir  string
	addr string
}

func newHouse(t *testing.T, keyOptions string, sshd ...string) *house {
	t.Helper()
	const server = "/usr/sbin/sshd"
	needs(t, server)
	if info, err := os.Stat("/run/sshd"); os.Getuid() == 0 && (err != nil || !info.IsDir()) {
		t.Skip("SKIPPED, not tested at all: no /run/sshd, without which root's sshd does not start")
	}
	dir, err := os.MkdirTemp(built, "house-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h := &house{t: t, dir: dir, addr: free.Addr().String()}
	free.Close()
	_, port, _ := net.SplitHostPort(h.addr)
	pub, err := os.ReadFile(filepath.Join(built, "user.pub"))
	if err != nil {
		t.Fatal(err)
	}
	host, err := os.ReadFile(filepath.Join(built, "host.pub"))
	if err != nil {
		t.Fatal(err)
	}
	h.write("authorized_keys", keyOptions+" "+string(pub))
	h.write("known_hosts", "house "+string(host))
	h.write("sshd_config", fmt.Sprintf("ListenAddress %s\nHostKey %s/host\nAuthorizedKeysFile %s/authorized_keys\nPidFile none\n"+
		"UsePAM no\nUseDNS no\nStrictModes no\nMaxStartups 100\nPermitRootLogin yes\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n"+
		"SetEnv HOME=%s\n%s\n", // its owner's startup files are none of ours
		h.addr, built, dir, dir, strings.Join(sshd, "\n")))
	h.write("config", fmt.Sprintf("Host house\n\tHostName 127.0.0.1\n\tPort %s\n\tIdentityFile %s/user\n\tIdentitiesOnly yes\n\tIdentityAgent none\n"+
		"\tUserKnownHostsFile %s/known_hosts\n\tGlobalKnownHostsFile /dev/null\n\tHostKeyAlias house\n"+
		"\t#!! UdpAliveTimeout 2m\n", // no session outlives a client that had to be killed for a day
		port, built, dir))
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	cmd := exec.Command(server, "-D", "-e", "-f", filepath.Join(dir, "sshd_config"))
	cmd.Stderr = log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	up := func() bool {
		c, err := net.Dial("tcp", h.addr)
		if err == nil {
			c.Close()
		}
		return err == nil
	}
	if !until(up, *patience) {
		said, _ := os.ReadFile(log.Name())
		t.Fatalf("sshd does not listen: %s", said)
	}
	return h
}

func (h *house) write(name, text string) {
	h.t.Helper()
	if err := os.WriteFile(filepath.Join(h.dir, name), []byte(text), 0o600); err != nil {
		h.t.Fatal(err)
	}
}

// run runs a client to its end, which one that stays has to be told.
func (h *house) run(input string, stays func() bool, program string, args ...string) result {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), *patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, append([]string{"-F", filepath.Join(h.dir, "config")}, args...)...)
	var out, errs bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(input), &out, &errs
	cmd.Env = append(os.Environ(), "TERM=dumb", "DISPLAY=", "SSH_AUTH_SOCK=", "XDG_RUNTIME_DIR="+h.dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	cmd.WaitDelay = time.Second
	if err := cmd.Start(); err != nil {
		h.t.Fatal(err)
	}
	if stays != nil {
		if !until(stays, *patience) {
			h.t.Errorf("%s: does nothing", cmd)
		}
		cmd.Process.Signal(syscall.SIGTERM)
	}
	err := cmd.Wait()
	r := result{out.String(), errs.String(), 0}
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		r.status = -1000 // no program's
	case errors.As(err, &exit):
		r.status = exit.ExitCode()
	case err != nil:
		h.t.Errorf("%s: %v", cmd, err)
	}
	return r
}

// goingOn is the line in which tssh tells why it goes on as ssh.
var goingOn = regexp.MustCompile(`(?m)^tssh: .*going on without UDP.*\r?\n`)

// port is what sshd's own sftp server says of each login.
var port = regexp.MustCompile(`port \d+`)

// TestForcedCommandsAreAsWithSSH: whoever may run one command only sees of it with
// --udp what ssh shows: output, complaints and status; and that one line at most.
func TestForcedCommandsAreAsWithSSH(t *testing.T) {
	commands := map[string]string{
		"status":    "echo out; echo err >&2; exit 7",
		"reads":     "cat; echo end",
		"sleeps":    "sleep 0.5; echo slept",
		"is killed": "echo soon; kill -TERM $$",
		"wraps":     `[ -n "$SSH_ORIGINAL_COMMAND" ] || exec echo none; exec sh -c "$SSH_ORIGINAL_COMMAND"`,
		"lists":     `case $SSH_ORIGINAL_COMMAND in "echo asked") exec echo yes;; "") echo shell;; *) echo refused >&2; exit 1;; esac`,
		"much":      "head -c 300000 /dev/zero | tr '\\0' x",
		"sftp":      "internal-sftp",
	}
	echo, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { echo.Close() })
	go func() {
		for {
			c, err := echo.Accept()
			if err != nil {
				return
			}
			io.WriteString(c, "from the other side\n")
			c.Close()
		}
	}()
	for name, command := range commands {
		for _, by := range []string{"key", "sshd_config"} {
			t.Run(name+" by "+by, func(t *testing.T) {
				t.Parallel()
				dir := t.TempDir()
				program, runs := filepath.Join(dir, "forced"), filepath.Join(dir, "runs")
				text := fmt.Sprintf("#!/bin/sh\necho \"$SSH_ORIGINAL_COMMAND\" | head -c 20 >>%s\necho >>%[1]s\n%s\n", runs, command)
				if err := os.WriteFile(program, []byte(text), 0o700); err != nil {
					t.Fatal(err)
				}
				if command == "internal-sftp" {
					program = command
				}
				var h *house
				if by == "key" {
					h = newHouse(t, `command="`+program+`"`)
				} else {
					h = newHouse(t, "", "ForceCommand "+program)
				}
				ran := func() int {
					text, _ := os.ReadFile(runs)
					os.Remove(runs)
					return bytes.Count(text, []byte("\n"))
				}
				for _, call := range []struct {
					args  []string
					input string
				}{
					{[]string{"house", "echo asked"}, "input\n"},
					{[]string{"-tt", "house", "echo asked"}, "\x04"},
					{[]string{"house"}, "echo typed\n"},
					{[]string{"-W", echo.Addr().String(), "house"}, ""},
					{[]string{"-s", "house", "sftp"}, ""},
				} {
					// Its own first choice, sntrup761, takes ssh most of its time.
					want := h.run(call.input, nil, "/usr/bin/ssh", append([]string{"-oKexAlgorithms=curve25519-sha256"}, call.args...)...)
					times := ran()
					if call.args[0] == "-tt" && os.Getuid() != 0 && strings.Contains(want.err, "closed by remote host") {
						t.Log("SKIPPED, not tested at all: only root's sshd can give terminals here") // /dev/pts without gid=5
						continue
					}
					got := h.run(call.input, nil, filepath.Join(built, "bin/tssh"), append([]string{"--udp", placed()}, call.args...)...)
					again := ran()
					words := goingOn.FindAllString(got.err, -1)
					got.err = goingOn.ReplaceAllString(got.err, "")
					got.out, want.out = port.ReplaceAllString(got.out, "port"), port.ReplaceAllString(want.out, "port")
					if got.status != want.status || got.out != want.out || got.err != want.err || len(words) > 1 {
						t.Errorf("%q with %q: got %.300q, %q, %d with %q; ssh %.300q, %q, %d", call.args, call.input, got.out, got.err, got.status, words, want.out, want.err, want.status)
					}
					if most := times + 1; again > most || by == "key" && again != times {
						t.Errorf("%q: it ran %d times, with ssh %d", call.args, again, times)
					}
				}
				// Who insists gets a session or an error, and in seconds.
				r := h.run("input\n", nil, filepath.Join(built, "bin/tssh"), "--udp", placed(), "-oUdpFallback=no", "house", "echo asked")
				if wraps := name == "wraps"; wraps && (r.status != 0 || r.out != "asked\n") || !wraps && (r.status != 255 || r.out != "" || strings.Count(r.err, "\n") != 1) {
					t.Errorf("UdpFallback no: %+v", r)
				}
			})
		}
	}
}
