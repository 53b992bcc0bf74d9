package main

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

func TestRole(t *testing.T) {
	for _, c := range []struct {
		argv string
		role string
		args string
	}{
		{"tssh host", "tssh", "host"},
		{"/usr/local/bin/ssh -p 22 host", "tssh", "-p 22 host"},
		{"tssh tsshd", "tssh", "tsshd"},
		{"tssh tssh", "tssh", "tssh"},
		{"ssh.exe host", "tssh", "host"},
		{"TSSH.EXE host", "tssh", "host"},
		{"/home/u/.cache/tssh/0/tsshd --version", "tsshd", "--version"},
		{"tsshd tssh", "tsshd", "tssh"},
		{"tsshd.exe", "tsshd", ""},
		{"./tssh-linux-amd64 tssh host", "tssh", "host"},
		{"./a.out tsshd sshd", "tsshd", "sshd"},
		{"./a.out host", "", ""},
		{"./a.out", "", ""},
	} {
		role, args := role(strings.Fields(c.argv))
		if role != c.role || !slices.Equal(args, strings.Fields(c.args)) {
			t.Errorf("%s: got %q %q, want %q %q", c.argv, role, args, c.role, c.args)
		}
	}
}

// TestImportArrows holds the layers apart: main -> client | server -> proxy,
// notify a leaf, client and server never meet, no part imports its whole.
func TestImportArrows(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}} {{join .TestImports " "}} {{join .XTestImports " "}}`, "./...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	layer := func(path string) string {
		path = strings.TrimPrefix(path, "tssh/")
		name, _, _ := strings.Cut(path, "/")
		return name
	}
	allowed := map[string][]string{
		"client": {"client", "proxy", "notify"},
		"server": {"server", "proxy"},
		"proxy":  {"proxy"},
		"notify": {"notify"},
	}
	for line := range strings.Lines(string(out)) {
		f := strings.Fields(line)
		pkg := f[0]
		from, limited := allowed[layer(pkg)]
		for _, imp := range f[1:] {
			if !strings.HasPrefix(imp, "tssh/") {
				continue
			}
			if limited && !slices.Contains(from, layer(imp)) {
				t.Errorf("%s imports %s: %s may import only %v", pkg, imp, layer(pkg), from)
			}
			if limited && strings.HasPrefix(pkg, imp+"/") && !strings.HasPrefix(imp, "tssh/proxy") {
				t.Errorf("%s imports its whole, %s", pkg, imp)
			}
		}
	}
}
