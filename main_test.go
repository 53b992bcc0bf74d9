package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
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
		}
	}
	for imports, story := range map[string]string{
		`{{join .Imports " "}}`:                                "",
		`{{join .TestImports " "}} {{join .XTestImports " "}}`: "tssh/proxy/sshconn", // goes over both proxies
	} {
		for _, f := range list(t, "{{.ImportPath}} "+imports) {
			for _, imp := range f[1:] {
				if strings.HasPrefix(f[0], imp+"/") && f[0] != story {
					t.Errorf("%s imports its whole, %s", f[0], imp)
				}
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
			if imp == "testing" && !slices.Contains(harness, path.Base(f[0])) {
				t.Errorf("%s imports testing, and is in the program", f[0])
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

// TestConfigurationIsRead: a config.Host is not written after it was resolved. What
// changes in a run is a value of its own.
func TestConfigurationIsRead(t *testing.T) {
	exceptions := map[string]string{
		"client/hostkey/words.go": "a host that is not who it should be is lent nothing: the field is taken away where all look",
		"client/control/run.go":   "a copy, for the session of a master's client",
		"client/login/reach.go":   "resolved there, and the hops before it are of the list that named it",
	}
	fields := map[string]bool{}
	parsed(t, "client/config/host.go", func(file *ast.File) {
		ast.Inspect(file, func(n ast.Node) bool {
			if s, ok := n.(*ast.TypeSpec); ok && s.Name.Name == "Host" {
				for _, f := range s.Type.(*ast.StructType).Fields.List {
					for _, name := range f.Names {
						fields[name.Name] = true
					}
				}
			}
			return true
		})
	})
	if !fields["ServerAliveInterval"] {
		t.Fatal("the fields of config.Host were not found")
	}
	names := []string{"h", "host", "Host", "via", "hop"} // by which the client's code knows one
	seen := map[string]bool{}
	parsed(t, "client", func(file *ast.File) {
		name := file.Name.Name
		if name == "config" || name == "cli" {
			return
		}
		ast.Inspect(file, func(n ast.Node) bool {
			var written []ast.Expr
			switch n := n.(type) {
			case *ast.AssignStmt:
				written = n.Lhs
			case *ast.IncDecStmt:
				written = []ast.Expr{n.X}
			}
			for _, w := range written {
				s, ok := w.(*ast.SelectorExpr)
				if !ok || !fields[s.Sel.Name] {
					continue
				}
				var of string
				switch x := s.X.(type) {
				case *ast.Ident:
					of = x.Name
				case *ast.SelectorExpr:
					of = x.Sel.Name
				}
				if at := positions.Position(s.Pos()); slices.Contains(names, of) {
					where := filepath.ToSlash(at.Filename)
					if seen[where] = true; exceptions[where] == "" {
						t.Errorf("%v: %s.%s is written", at, of, s.Sel.Name)
					}
				}
			}
			return true
		})
	})
	for where, why := range exceptions {
		if !seen[where] {
			t.Errorf("%s writes no more (%s): take it out of the exceptions", where, why)
		}
	}
}

// TestPackagesAreSmall: no package has over 2,000 lines of code without its tests.
// Those that have are known.
func TestPackagesAreSmall(t *testing.T) {
	const most = 2000
	exceptions := map[string]string{
		"notify/screen":    "one model of one terminal",
		"client/config":    "a hundred keywords; how they are printed could leave",
		"client/transport": "the key exchange could leave",
	}
	lines := map[string]int{}
	parsed(t, ".", func(file *ast.File) {
		at := positions.Position(file.Pos())
		dir := filepath.ToSlash(filepath.Dir(at.Filename))
		lines[dir] += codeLines(t, file)
	})
	if lines["client/config"] == 0 {
		t.Fatal("no code was found")
	}
	for dir, n := range lines {
		why, known := exceptions[dir]
		if n > most && !known {
			t.Errorf("%s has %d lines of code, over %d: what of it is a package of its own?", dir, n, most)
		}
		if n <= most && known {
			t.Errorf("%s has %d lines of code (%s): take it out of the exceptions", dir, n, why)
		}
	}
}

// codeLines counts the lines of a file on which there is more than a comment.
func codeLines(t *testing.T, file *ast.File) (n int) {
	t.Helper()
	name := positions.Position(file.Pos()).Filename
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "//") {
			n++
		}
	}
	return n
}

var positions = token.NewFileSet()

// parsed calls f for each file under root that is no test.
func parsed(t *testing.T, root string, f func(*ast.File)) {
	t.Helper()
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(positions, name, nil, parser.SkipObjectResolution)
		if err == nil {
			f(file)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
