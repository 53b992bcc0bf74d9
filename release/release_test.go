package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tssh/client/cli"
	"tssh/client/complete"
	"tssh/client/servers"
)

func TestManualsAreValid(t *testing.T) {
	mandoc, err := exec.LookPath("mandoc")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skipf("SKIPPED, not tested at all: %v", err)
	}
	for name, text := range manuals("November 28, 2026") {
		cmd := exec.Command(mandoc, "-Tlint", "-W", "warning")
		cmd.Stdin = strings.NewReader(text)
		if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
		cmd = exec.Command(mandoc, "-Tutf8")
		cmd.Stdin = strings.NewReader(text)
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		page := plain(string(out))
		switch name {
		case "man1/tssh.1":
			for _, o := range cli.Options() {
				if !strings.Contains(page, "\n     "+o.Name) {
					t.Errorf("%s: no %s", name, o.Name)
				}
			}
		case "man5/tssh_config.5":
			for _, word := range []string{"UdpMode", "The default is 61001-61999.", "#!! UdpMode yes", "GSSAPIAuthentication"} {
				if !strings.Contains(strings.Join(strings.Fields(page), " "), word) {
					t.Errorf("%s: no %s", name, word)
				}
			}
		}
	}
}

// plain takes away how terminals print bold and underlined letters.
func plain(s string) string {
	var b []rune
	for _, r := range s {
		if r == '\b' {
			b = b[:len(b)-1]
			continue
		}
		b = append(b, r)
	}
	return string(b)
}

// A release is one for all that tssh claims to know, and is known to bootstrap.
func TestEveryTargetIsKnownToServers(t *testing.T) {
	seen := map[string]bool{}
	for _, k := range Targets {
		for _, u := range servers.Unames(k.OS, k.Arch) {
			if seen[u] {
				t.Errorf("two targets for %q", u)
			}
			seen[u] = true
		}
		if k.OS != "windows" && servers.Unames(k.OS, k.Arch) == nil {
			t.Errorf("%s: no uname leads there", k)
		}
	}
	if len(embedded()) != 2 {
		t.Errorf("embedded: %v", embedded())
	}
}

// Archives of the same files are the same, whenever they are made.
func TestArchivesAreReproducible(t *testing.T) {
	var last map[string][]byte
	for range 2 {
		r := &release{dir: t.TempDir(), stamp: time.Unix(1700000000, 0).UTC()}
		files := []file{{name: "a/b", data: []byte("x"), mode: 0o755}, {name: "a/link", link: "b"}, {name: "a/c", mode: 0o644}}
		if err := r.tar("x.tar.gz", files); err != nil {
			t.Fatal(err)
		}
		if err := r.zip("x.zip", files[:1]); err != nil {
			t.Fatal(err)
		}
		if err := r.sums(); err != nil {
			t.Fatal(err)
		}
		made := map[string][]byte{}
		for _, name := range []string{"x.tar.gz", "x.zip", "SHA256SUMS"} {
			made[name], _ = os.ReadFile(filepath.Join(r.dir, name))
			if last != nil && !bytes.Equal(last[name], made[name]) {
				t.Errorf("%s differs", name)
			}
		}
		check := exec.Command("sha256sum", "-c", "SHA256SUMS")
		check.Dir = r.dir
		if out, err := check.CombinedOutput(); err != nil {
			t.Errorf("SHA256SUMS: %v: %s", err, out)
		}
		last = made
	}
}

func TestEveryShellHasItsFile(t *testing.T) {
	for _, shell := range cli.Shells() {
		if completionFiles[shell] == "" || complete.Script(shell) == "" {
			t.Errorf("nothing for %s", shell)
		}
	}
}

// TestHome: one place says where a release is to be had.
func TestHome(t *testing.T) {
	for home, ok := range map[string]bool{
		nowhere: true, "https://host.example/~me/tssh": true, "https://host:8443": true,
		"": false, "host/path": false, "http://host/path": false, "https://host/path/": false, "https://host/a\"b": false,
		"https://host/#{x}": false, "https://host/a b": false, "https:///x": false, "https://host/?q": false,
	} {
		if err := checkHome(home); (err == nil) != ok {
			t.Errorf("%q: %v", home, err)
		}
	}
	r := &release{dir: t.TempDir(), home: "https://host.example/tssh"}
	for _, k := range Targets {
		ext := ".tar.gz"
		if k.OS == "windows" {
			ext = ".zip"
		}
		if err := r.write(name(k.OS, k.Arch)+ext, []byte(k.String())); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.write(name("servers")+".tar.gz", nil); err != nil {
		t.Fatal(err)
	}
	if err := r.recipes(); err != nil {
		t.Fatal(err)
	}
	for path := range recipes {
		text, err := os.ReadFile(filepath.Join(r.dir, path))
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "invalid") || strings.Contains(recipes[path], "url ") && !strings.Contains(string(text), "https://host.example/tssh/releases/") {
			t.Errorf("%s: %s", path, text)
		}
	}
}
