package main

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// The libraries whose faults would be ours; SECURITY.md says up to which
// version theirs were looked at.
var watched = []string{ // never changed
	"golang.org/x/crypto", "github.com/quic-go/quic-go", "github.com/xtaci/kcp-go/v5", "github.com/xtaci/smux",
}

// TestAdvisoriesWereReadForTheseVersions fails when a library moves: read what
// it mended since, try it here, enter it in SECURITY.md, and then its version.
func TestAdvisoriesWereReadForTheseVersions(t *testing.T) {
	table := read(t, "SECURITY.md")
	for _, path := range watched {
		out, err := exec.Command("go", "list", "-m", path).Output()
		if err != nil {
			t.Fatalf("go list -m %s: %v", path, err)
		}
		if now := strings.TrimSpace(string(out)); !strings.Contains(table, "`"+now+"`") {
			t.Errorf("SECURITY.md was not looked at for %s", now)
		}
	}
}

// TestTableOfFixesNamesTests: what the table says to be shown by a test is.
func TestTableOfFixesNamesTests(t *testing.T) {
	shown := regexp.MustCompile("`((?:Test|Fuzz)[A-Za-z0-9]+)` ([a-z0-9_/]+_test\\.go)")
	rows := 0
	for line := range strings.Lines(read(t, "SECURITY.md")) {
		if !strings.HasPrefix(line, "| ") {
			continue
		}
		for _, m := range shown.FindAllStringSubmatch(line, -1) {
			rows++
			if !strings.Contains(read(t, m[2]), "\nfunc "+m[1]+"(") {
				t.Errorf("%s has no %s", m[2], m[1])
			}
		}
		if (strings.Contains(line, "mended") || strings.Contains(line, "| held")) && !shown.MatchString(line) {
			t.Errorf("no test shows it: %.100s", line)
		}
	}
	if rows < 50 {
		t.Errorf("only %d tests were found in the table", rows)
	}
}

// TestNoHTTP3: of quic-go's faults most were of its HTTP/3.
func TestNoHTTP3(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatalf("go list -deps: %v", err)
	}
	for _, path := range []string{"quic-go/http3", "quic-go/qpack", "crypto/openpgp"} {
		if strings.Contains(string(out), path) {
			t.Errorf("the program has %s", path)
		}
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
