//go:build linux

package regress

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
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

// readKnown are the failures of mode that known.txt lists.
func readKnown(t *testing.T, mode string, cases []testCase) map[string]string {
	t.Helper()
	known := map[string]string{}
	for _, f := range fields(t, "known.txt") {
		if len(f) < 3 {
			t.Fatalf("known.txt: %q has no reason", f)
		}
		if !slices.ContainsFunc(cases, func(c testCase) bool { return c.name == f[1] }) {
			t.Fatalf("known.txt: no test is called %s", f[1])
		}
		if f[0] == mode || f[0] == "both" {
			known[f[1]] = strings.Join(f[2:], " ")
		}
	}
	return known
}

// TestMain builds the client, once for all tests.
func TestMain(m *testing.M) {
	flag.Parse()
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
