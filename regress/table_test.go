//go:build linux

package regress

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"tssh/server/pty"
)

// testCase is a line of tests.txt.
type testCase struct {
	name, class, udp, proof string
	runs                    int
	limit                   time.Duration
	fast                    bool   // in the selection that every run of the tests makes
	since                   string // the release that the test came with; empty: 9.2 has it
}

// fields are the lines of a table, without comments.
func fields(t *testing.T, file string) [][]string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var all [][]string
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) > 0 && !strings.HasPrefix(f[0], "#") {
			all = append(all, f)
		}
	}
	return all
}

func readCases(t *testing.T) []testCase {
	t.Helper()
	var all []testCase
	for _, f := range fields(t, "tests.txt") {
		if len(f) < 6 {
			t.Fatalf("tests.txt: %q", f)
		}
		runs, err1 := strconv.Atoi(f[3])
		limit, err2 := strconv.Atoi(f[5])
		if err1 != nil || err2 != nil {
			t.Fatalf("tests.txt: %q", f)
		}
		all = append(all, testCase{
			name: f[0], class: f[1], udp: f[2], runs: runs, proof: f[4],
			limit: time.Duration(limit) * time.Second,
			fast:  slices.Contains(f[6:], "fast"),
			since: since(f[6:]),
		})
	}
	return all
}

// since is the release that is among the last fields.
func since(fields []string) string {
	for _, f := range fields {
		if f != "fast" {
			return f
		}
	}
	return ""
}

// knownFailure is a line of known.txt.
type knownFailure struct {
	complaint *regexp.Regexp
	reason    string
}

// readKnown are the failures that known.txt lists for mode and the suite of a release.
func readKnown(t *testing.T, mode, release string, cases []testCase) map[string]knownFailure {
	t.Helper()
	known := map[string]knownFailure{}
	for _, f := range fields(t, "known.txt") {
		if len(f) < 5 {
			t.Fatalf("known.txt: %q has no reason", f)
		}
		if !slices.ContainsFunc(cases, func(c testCase) bool { return c.name == f[1] }) {
			t.Fatalf("known.txt: no test is called %s", f[1])
		}
		if (f[0] == mode || f[0] == "both") && (f[2] == "-" || before(release, f[2])) {
			known[f[1]] = knownFailure{regexp.MustCompile(strings.ReplaceAll(f[3], "_", " ")), strings.Join(f[4:], " ")}
		}
	}
	return known
}

// before reports whether one release, as "9.2", came before another.
func before(one, other string) bool {
	return slices.Compare(numbers(one), numbers(other)) < 0
}

func numbers(release string) (all []int) {
	for part := range strings.SplitSeq(release, ".") {
		n, _ := strconv.Atoi(part)
		all = append(all, n)
	}
	return all
}

// suiteRelease is the release of the suite, which is that of the ssh beside it.
func suiteRelease(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("/usr/bin/ssh", "-V").CombinedOutput()
	m := regexp.MustCompile(`^OpenSSH_(\d+\.\d+)`).FindSubmatch(out)
	if m == nil {
		t.Fatalf("ssh -V: %q, %v", out, err)
	}
	return string(m[1])
}

func TestKnownFailuresAreOfReleases(t *testing.T) {
	cases := readCases(t)
	for release, want := range map[string]bool{"9.2": true, "10.0": true, "10.3": false, "11.0": false} {
		if _, known := readKnown(t, "tcp", release, cases)["cert-hostkey"]; known != want {
			t.Errorf("cert-hostkey of %s: known to fail is %v", release, known)
		}
	}
}

// TestMain builds the client, once for all tests.
func TestMain(m *testing.M) {
	flag.Parse()
	pty.HeedSignals() // nohup make test: programs here are to be hung up on
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "tssh-regress")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		if *client == "" {
			*client = filepath.Join(dir, "tssh")
			cmd := exec.Command("go", "build", "-o", *client, "tssh")
			cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
			cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
			if err := cmd.Run(); err != nil {
				fmt.Fprintln(os.Stderr, "build tssh:", err)
				return 1
			}
		}
		return m.Run()
	}())
}
