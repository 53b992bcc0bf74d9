//go:build linux

// Package regress runs OpenSSH's own tests of its client, and programs that
// people put on top of ssh, with tssh in the place of ssh.
package regress

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
)

const suiteDir = "/usr/lib/openssh/regress" // of Debian's openssh-tests

var (
	which  = flag.String("regress", "fast", "what to run of OpenSSH's tests: all, fast, or a class")
	client = flag.String("client", "", "the client to test (default: tssh, built from here)")
	udp    = flag.Bool("udp", false, "give the client --udp, and the server tsshd")
	jobs   = flag.Int("jobs", runtime.NumCPU(), "OpenSSH's tests at once")
	logs   = flag.String("logs", "", "keep what each test said in this directory")
)

// TestOpenSSH is one subtest a script of the suite: "-run OpenSSH/connect$".
func TestOpenSSH(t *testing.T) {
	s := newSuite(t)
	tests := s.selected(t)
	var mu sync.Mutex
	counts := map[verdict]int{}
	t.Cleanup(func() {
		fmt.Printf("OpenSSH's tests, mode %s: %d passed, %d did not as known, %d skipped themselves, %d went wrong, of %d\n",
			s.mode, counts[passed], counts[known], counts[skipped], counts[wrong], len(tests))
	})
	slots := make(chan struct{}, max(*jobs, 1))
	for _, c := range tests {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			slots <- struct{}{}
			defer func() { <-slots }()
			v, why := s.judge(t.Context(), c)
			mu.Lock()
			counts[v]++
			mu.Unlock()
			switch v {
			case wrong:
				t.Error(why)
			case known, skipped:
				t.Skip(why)
			}
		})
	}
}

// verdict is how a test ended.
type verdict int

const (
	wrong verdict = iota
	passed
	known
	skipped
)

// suite is what all tests of one run share.
type suite struct {
	*sandbox
	wrapper string // the client, with what each run of it needs
	watched string // the system's ssh, and a note that it ran
	keys    string // a directory of keys, made once
	mode    string // tcp, udp
	known   map[string]knownFailure
	cases   []testCase
	connect func() (why string)
}

func newSuite(t *testing.T) *suite {
	t.Helper()
	s := &suite{sandbox: newSandbox(t), mode: "tcp", cases: readCases(t)}
	extra := ""
	if *udp {
		s.mode, s.tsshd, extra = "udp", s.client, "--udp"
	}
	s.known = readKnown(t, s.mode, suiteRelease(t), s.cases)
	s.wrapper = filepath.Join(s.dir, "bin", "ssh")
	writeScript(t, s.wrapper, `dir=$PWD
for a; do case $a in -E/*) dir=${a#-E}; dir=${dir%/*}; dir=${dir%/log} ;; esac; done
[ -w "$dir" ] && echo "$*" >>"$dir/client.runs"
# What this answers goes into sshd's configuration and to ssh-keygen, which may
# be too old for our newest algorithms, or too new for our oldest.
case $* in *"-Q "*)
	`+s.stock+` "$@" >"$dir/answers"
	`+s.client+` "$@" | grep -xFf "$dir/answers"
	exit ;;
esac
exec `+s.client+" "+extra+` "$@"`)
	s.watched = filepath.Join(s.dir, "bin", "watched")
	writeScript(t, s.watched, `case ${1-} in -Q|-V) ;; *) [ -z "${BUILDDIR-}" ] || echo "$*" >>"$BUILDDIR/stock.runs" ;; esac
exec `+s.stock+` "$@"`)
	s.keys = filepath.Join(s.dir, "keys")
	makeKeys(t, s.keys)
	s.connect = sync.OnceValue(func() string {
		i := slices.IndexFunc(s.cases, func(c testCase) bool { return c.name == "connect" })
		_, complaints := s.script(t.Context(), s.cases[i])
		return strings.Join(complaints, "; ")
	})
	return s
}

// makeKeys makes once what every test would make for itself.
func makeKeys(t *testing.T, dir string) {
	t.Helper()
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	types, err := exec.Command("/usr/bin/ssh", "-Q", "key-plain").Output()
	if err != nil {
		t.Fatal(err)
	}
	for k := range strings.FieldsSeq(string(types)) {
		cmd := exec.Command("ssh-keygen", "-q", "-N", "", "-t", k, "-f", filepath.Join(dir, k))
		cmd.Env = append(os.Environ(), "SSH_SK_PROVIDER="+suiteDir+"/misc/sk-dummy/sk-dummy.so")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Logf("ssh-keygen -t %s: %v: %s", k, err, out) // the test makes it, or shows why not
		}
	}
}

// selected are the tests that the flags choose.
func (s *suite) selected(t *testing.T) []testCase {
	var some []testCase
	for _, c := range s.cases {
		switch {
		case s.mode == "udp" && c.udp == "no":
		case *which == "all", *which == c.class, *which == "fast" && c.fast:
			some = append(some, c)
		}
	}
	if len(some) == 0 {
		t.Fatalf("-regress=%s chooses no test", *which)
	}
	return some
}

// judge runs c and compares with what is known.
func (s *suite) judge(ctx context.Context, c testCase) (v verdict, why string) {
	if _, err := os.Stat(filepath.Join(suiteDir, c.name+".sh")); err != nil && c.since != "" {
		return skipped, "not in this suite: it came with OpenSSH " + c.since
	}
	skip, complaints := s.script(ctx, c)
	why = strings.Join(complaints[:min(3, len(complaints))], "; ")
	failure, listed := s.known[c.name]
	other := slices.IndexFunc(complaints, func(line string) bool { return listed && !failure.complaint.MatchString(line) })
	switch {
	case why == "" && listed:
		return wrong, "passes: its line in known.txt has to go"
	case skip:
		return skipped, "skipped itself"
	case why == "":
		return passed, ""
	case other >= 0:
		return wrong, complaints[other]
	case listed:
		return known, fmt.Sprintf("known: %s (%s)", failure.reason, why)
	}
	return wrong, why
}

// script runs one of the suite's. There are no complaints when it passed.
func (s *suite) script(ctx context.Context, c testCase) (skipped bool, complaints []string) {
	dir := s.fresh()
	for _, from := range []string{suiteDir, s.keys} {
		if out, err := exec.Command("cp", "-RT", "--preserve=mode,timestamps", from, dir).CombinedOutput(); err != nil {
			return false, []string{fmt.Sprintf("copy %s: %v: %s", from, err, out)}
		}
	}
	defer os.RemoveAll(dir)
	defer s.keep(dir, c.name)
	out, err := s.run(ctx, dir, s.watched, []string{
		"BUILDDIR=" + dir, "SUDO=sudo", "TEST_SHELL=sh", "TEST_ENV=MALLOC_OPTIONS=CFGJRSUX",
		"TEST_SSH_SSH=" + s.wrapper, "TEST_SSH_SFTPSERVER=/usr/lib/openssh/sftp-server",
		"TEST_SSH_SSHD_AUTH=/usr/lib/openssh/sshd-auth", "TEST_SSH_SSHD_SESSION=/usr/lib/openssh/sshd-session",
		"TEST_SSH_PLINK=plink", "TEST_SSH_PUTTYGEN=puttygen", "TEST_SSH_CONCH=conch3",
		"TEST_SSH_IPV6=yes", "TEST_SSH_ECC=yes", "TEST_SSH_UNSAFE_PERMISSIONS=1", "TEST_SSH_PORT=4242",
	}, c.limit, "sh", filepath.Join(dir, "test-exec.sh"), dir, filepath.Join(dir, c.name+".sh"))
	os.WriteFile(filepath.Join(dir, "output"), []byte(out), 0o644)
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		return false, failure(dir, out)
	case err != nil:
		return false, []string{err.Error()}
	}
	for line := range strings.Lines(out) {
		if strings.HasPrefix(strings.ToLower(line), "skipp") {
			return true, nil
		}
	}
	if doubt := s.doubt(dir, c); doubt != "" {
		return false, []string{doubt}
	}
	return false, nil
}

// doubt tells what speaks against a pass.
func (s *suite) doubt(dir string, c testCase) string {
	b, _ := os.ReadFile(filepath.Join(dir, "client.runs"))
	runs := bytes.Count(b, []byte("\n"))
	if runs < c.runs {
		return fmt.Sprintf("empty: %d runs of the client, at least %d expected; what does it answer to -Q?", runs, c.runs)
	}
	if b, err := os.ReadFile(filepath.Join(dir, "stock.runs")); err == nil {
		return "ran the system's ssh: " + lastLine(string(b))
	}
	if c.proof == "none" && s.connect() != "" {
		return "proves nothing, since connect does not pass"
	}
	return ""
}

// failure is what the script complained of.
func failure(dir, out string) []string {
	b, _ := os.ReadFile(filepath.Join(dir, "failed-regress.log"))
	var lines []string
	for line := range strings.Lines(string(b)) {
		if strings.HasPrefix(line, "FAIL: ") || strings.HasPrefix(line, "FATAL: ") {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	if len(lines) == 0 {
		return []string{lastLine(out)}
	}
	return lines
}

// keep copies what may explain a failure.
func (s *suite) keep(dir, name string) {
	if *logs == "" {
		return
	}
	to := filepath.Join(*logs, name)
	os.MkdirAll(to, 0o755)
	for _, f := range []string{"output", "client.runs", "failed-regress.log", "failed-ssh.log", "failed-sshd.log"} {
		if b, err := os.ReadFile(filepath.Join(dir, f)); err == nil {
			os.WriteFile(filepath.Join(to, f), b, 0o644)
		}
	}
}
