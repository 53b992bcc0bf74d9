package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os/exec"
	"path"
	"path/filepath"
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
// notify a leaf, of which the server has the model of a screen only, client and
// server never meet, no part imports its whole.
func TestImportArrows(t *testing.T) {
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
	for _, f := range list(t, `{{.ImportPath}} {{join .Imports " "}} {{join .TestImports " "}} {{join .XTestImports " "}}`) {
		pkg := f[0]
		from, limited := allowed[layer(pkg)]
		for _, imp := range f[1:] {
			if !strings.HasPrefix(imp, "tssh/") {
				continue
			}
			if limited && !slices.Contains(from, layer(imp)) && !(layer(pkg) == "server" && imp == "tssh/notify/screen") {
				t.Errorf("%s imports %s: %s may import only %v", pkg, imp, layer(pkg), from)
			}
			if limited && strings.HasPrefix(pkg, imp+"/") && !strings.HasPrefix(imp, "tssh/proxy") {
				t.Errorf("%s imports its whole, %s", pkg, imp)
			}
		}
	}
}

// TestHarnessesAreForTests: what tests are made of is in no program.
func TestHarnessesAreForTests(t *testing.T) {
	harness := []string{"leak", "simnet", "hostile"}
	for _, f := range list(t, `{{.ImportPath}} {{join .Imports " "}}`) {
		for _, imp := range f[1:] {
			if strings.HasPrefix(imp, "tssh/") && slices.Contains(harness, path.Base(imp)) && !slices.Contains(harness, path.Base(f[0])) {
				t.Errorf("%s imports %s", f[0], imp)
			}
		}
	}
}

// list runs go list and returns the fields of each line.
func list(t *testing.T, format string) (lines [][]string) {
	t.Helper()
	out, err := exec.Command("go", "list", "-f", format, "./...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	for line := range strings.Lines(string(out)) {
		lines = append(lines, strings.Fields(line))
	}
	return lines
}

// TestAcceptingNeverEnds: a loop of one's own that takes connections ends at the
// first want of descriptors, while its port stays open. Package accept's does not.
func TestAcceptingNeverEnds(t *testing.T) {
	loops := 0
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") {
			return err
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, name, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok {
				if f, ok := call.Fun.(*ast.SelectorExpr); ok && f.Sel.Name == "Each" && len(call.Args) == 3 {
					loops++
				}
			}
			loop, ok := n.(*ast.ForStmt)
			if !ok {
				return true
			}
			ast.Inspect(loop, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok || len(call.Args) > 0 { // with a context it is a transport's, whose end is the end
					return true
				}
				if f, ok := call.Fun.(*ast.SelectorExpr); ok && slices.Contains([]string{"Accept", "AcceptUnix", "AcceptTCP"}, f.Sel.Name) {
					t.Errorf("%s: accepts by itself; let package accept", set.Position(n.Pos()))
				}
				return true
			})
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if loops == 0 {
		t.Error("no loop was found where there are several")
	}
}

// TestGoroutinesAreWatched: the tests of a package that starts any end with a
// look for those that are left (package leak). Others' tests would not see them.
func TestGoroutinesAreWatched(t *testing.T) {
	starts, watched, tested := map[string]bool{}, map[string]bool{}, map[string]bool{}
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(name) != ".go" {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		dir, test := filepath.ToSlash(filepath.Dir(name)), strings.HasSuffix(name, "_test.go")
		tested[dir] = tested[dir] || test
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.GoStmt:
				starts[dir] = starts[dir] || !test
			case *ast.SelectorExpr:
				starts[dir] = starts[dir] || !test && n.Sel.Name == "Go"
				if x, ok := n.X.(*ast.Ident); ok && test && x.Name == "leak" {
					watched[dir] = true
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if !starts["proxy"] {
		t.Fatal("no goroutine was found where there are many")
	}
	for dir := range starts {
		if starts[dir] && tested[dir] && !watched[dir] {
			t.Errorf("%s starts goroutines, and its tests don't look whether they end: func TestMain(m *testing.M) { leak.Main(m) }", dir)
		}
	}
}
