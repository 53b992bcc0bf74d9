//go:build linux

package e2e_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// A mode is one way to run a session. Both must do the same.
type mode struct {
	name string
	args []string
}

func modes() []mode {
	return []mode{{"ssh", nil}, {"quic", []string{"--udp"}}, {"kcp", []string{"--kcp"}}}
}

// placed names a tsshd that is there already.
func placed() string { return "-oTsshdPath=" + filepath.Join(built, "bin/tsshd") }

// command is a program on the client. It is killed when the test ends, or
// when nothing can be expected of it any more.
func (w *world) command(name string, args ...string) *exec.Cmd {
	ctx, cancel := context.WithTimeout(w.t.Context(), 2*(*patience))
	w.t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = w.dir
	cmd.Env = []string{
		"HOME=" + w.dir, "USER=bob", "LOGNAME=bob", "SHELL=/bin/sh", "TERM=xterm-256color", "LC_ALL=C.UTF-8",
		"PATH=" + filepath.Join(built, "bin") + ":/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
		"TMPDIR=" + w.dir, "XDG_RUNTIME_DIR=" + w.dir,
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	return cmd
}

// tssh is our client with the world's configuration.
func (w *world) tssh(args ...string) *exec.Cmd {
	return w.command(filepath.Join(built, "bin/tssh"), append([]string{"-F", filepath.Join(w.dir, "config")}, args...)...)
}

// start runs cmd on the client.
func (w *world) start(cmd *exec.Cmd) {
	w.t.Helper()
	w.within(w.client, cmd.Start)
}

// result is how a command ended.
type result struct {
	out, err string
	status   int
}

// do runs cmd on the client to its end.
func (w *world) do(cmd *exec.Cmd) result {
	w.t.Helper()
	var out, errs bytes.Buffer
	if cmd.Stdout == nil {
		cmd.Stdout = &out
	}
	if cmd.Stderr == nil {
		cmd.Stderr = &errs
	}
	w.start(cmd)
	err := cmd.Wait()
	r := result{out.String(), errs.String(), 0}
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		r.status = exit.ExitCode()
	case err != nil:
		w.t.Errorf("%s: %v", cmd, err)
	}
	return r
}

// says runs tssh with stdin and expects exactly this stdout and status 0.
func (w *world) says(want, stdin string, args ...string) {
	w.t.Helper()
	cmd := w.tssh(args...)
	cmd.Stdin = strings.NewReader(stdin)
	r := w.do(cmd)
	if r.out != want || r.status != 0 {
		w.t.Fatalf("tssh %s: status %d, printed %.300q, want %.300q; stderr: %s",
			strings.Join(args, " "), r.status, r.out, want, r.err)
	}
}

// stream reads what an infinite supply would: n bytes that repeat nothing
// which a network could mend by chance.
type stream struct {
	left  int64
	state uint64
}

func (s *stream) Read(p []byte) (int, error) {
	if s.left == 0 {
		return 0, io.EOF
	}
	n := int(min(int64(len(p)), s.left))
	for i := range n {
		s.state ^= s.state << 13
		s.state ^= s.state >> 7
		s.state ^= s.state << 17
		p[i] = byte(s.state >> 24)
	}
	s.left -= int64(n)
	return n, nil
}
