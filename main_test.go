package main

import (
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
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
		{"./tssh-linux-amd64 host", "tssh", "host"},
		{"./tssh-linux-amd64", "tssh", ""},
		{"./tssh(1).exe --demo", "tssh", "--demo"},
		{"./TSSH-0.1.0.EXE --demo", "tssh", "--demo"},
		{"./tsshd-linux-arm64 --version", "tsshd", "--version"},
		{"./tssh-linux-amd64 tsshd --version", "tsshd", "--version"},
		{"./tssher host", "", ""},
		{"./ssh-copy-id host", "", ""},
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
			if limited && !slices.Contains(from, layer(imp)) && !(layer(pkg) == "server" && strings.HasPrefix(imp+"/", "tssh/notify/screen/")) {
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

// TestLeavesAreLeaves: what is written down for others is not built on them. A
// package is named with what it must not reach, by whatever way.
func TestLeavesAreLeaves(t *testing.T) {
	const ours, crypto = "tssh/", "golang.org/x/crypto"
	banned := map[string][]string{
		"tssh/client/config":              {crypto, "tssh/client/sshconfig", "tssh/client/transport", "tssh/client/hostkey", "tssh/client/auth", "tssh/client/login"},
		"tssh/client/config/endpoint":     {ours},
		"tssh/client/sshconfig":           {crypto, "tssh/client/transport", "tssh/client/hostkey", "tssh/client/auth", "tssh/client/login"},
		"tssh/client/sshconfig/algorithm": {crypto, "tssh/client/transport"},
		"tssh/client/sshconfig/pattern":   {ours},
		"tssh/client/hostkey":             {"tssh/client/transport", "tssh/client/auth", "tssh/client/login"},
		"tssh/client/auth":                {"tssh/client/transport", "tssh/client/login"},
		"tssh/client/transport":           {"tssh/client/config", "tssh/client/hostkey", "tssh/client/auth", "tssh/client/channel"},
		"tssh/client/channel":             {"tssh/client/config", "tssh/client/transport"},
		"tssh/client/session":             {"tssh/client/login", "tssh/client/roam", "tssh/client/transport", "tssh/client/control"},
		"tssh/client/control":             {"tssh/client/login", "tssh/client/roam", "tssh/client/transport", "tssh/client/session"},
		"tssh/client/forward":             {"tssh/client/login", "tssh/client/roam", "tssh/client/transport", "tssh/client/session"},
		"tssh/client/lend":                {"tssh/client/login", "tssh/client/roam", "tssh/client/transport", "tssh/client/session"},
		"tssh/client/login":               {"tssh/client/roam", "tssh/client/session"},
		"tssh/proxy/wire":                 {ours, crypto},
		"tssh/proxy/terms":                {"tssh/proxy/mux", "tssh/proxy/path", "tssh/proxy/roam"},
		"tssh/proxy/pubkey":               {ours},
		"tssh/proxy/visible":              {ours},
		"tssh/proxy/accept":               {ours},
		"tssh/proxy/mux":                  {"tssh/proxy/path", "tssh/proxy/roam", crypto + "/ssh"},
		"tssh/proxy/path":                 {"tssh/proxy/mux", "tssh/proxy/roam", "tssh/proxy/wire"},
		"tssh/proxy/roam":                 {"tssh/proxy/mux", "tssh/proxy/path"},
		"tssh/proxy/admit":                {"tssh/proxy/mux", "tssh/proxy/path", "tssh/proxy/roam"},
		"tssh/proxy/memconn":              {"tssh/proxy/mux", "tssh/proxy/roam", "tssh/proxy/admit"},
		"tssh/server/policy":              {"tssh/server/session", "tssh/server/forward"},
		"tssh/server/session":             {"tssh/server/forward"},
		"tssh/notify":                     {"tssh/client", "tssh/server", "tssh/proxy"},
		"tssh/notify/screen/charset":      {ours},
		"tssh/notify/screen/escape":       {ours},
		"tssh/notify/screen/grid":         {ours},
		"tssh/notify/screen/scrollback":   {ours},
		"tssh/notify/screen/settings":     {ours},
		"tssh/notify/screen/width":        {ours},
	}
	deps := map[string][]string{}
	for _, f := range list(t, `{{.ImportPath}} {{join .Deps " "}}`) {
		deps[f[0]] = f[1:]
	}
	for pkg, ban := range banned {
		if deps[pkg] == nil {
			t.Errorf("there is no package %s", pkg)
		}
		for _, dep := range deps[pkg] {
			for _, b := range ban {
				if dep == b || strings.HasPrefix(dep, strings.TrimSuffix(b, "/")+"/") {
					t.Errorf("%s is built on %s", pkg, dep)
				}
			}
		}
	}
	// A program's whole is joined by main, and by what makes its manual.
	for _, f := range list(t, `{{.ImportPath}} {{join .Imports " "}}`) {
		for _, imp := range f[1:] {
			if (imp == "tssh/client" || imp == "tssh/server") && f[0] != "tssh" && f[0] != "tssh/release" {
				t.Errorf("%s imports the whole of %s", f[0], imp)
			}
		}
	}
}

// TestMachinesArePure: what decides knows no clock, socket, lock or goroutine, so
// that its stories run in no time and end the same way each time.
func TestMachinesArePure(t *testing.T) {
	machines := []string{"proxy/admit", "proxy/roam", "proxy/resend", "proxy/repair", "proxy/pmtu", "proxy/mux/gauge", "notify"}
	for _, dir := range machines {
		parsed(t, dir, func(file *ast.File) {
			if filepath.ToSlash(filepath.Dir(positions.Position(file.Pos()).Filename)) != dir {
				return // of a package inside
			}
			for _, i := range file.Imports {
				if name := strings.Trim(i.Path.Value, `"`); slices.Contains([]string{"context", "net", "os", "sync", "sync/atomic", "math/rand", "math/rand/v2"}, name) {
					t.Errorf("%v: imports %s", positions.Position(i.Pos()), name)
				}
			}
			ast.Inspect(file, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.GoStmt, *ast.ChanType:
					t.Errorf("%v: a goroutine, or a channel for one", positions.Position(n.Pos()))
				case *ast.SelectorExpr:
					if x, ok := n.X.(*ast.Ident); ok && x.Name == "time" &&
						slices.Contains([]string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "NewTimer", "NewTicker", "Tick"}, n.Sel.Name) {
						t.Errorf("%v: looks at the clock", positions.Position(n.Pos()))
					}
				}
				return true
			})
		})
	}
}

// TestImportsAreShallow: who reads a package reads what it is built on. The number
// goes down, not up; ARCHITECTURE.md says how imports are cut.
func TestImportsAreShallow(t *testing.T) {
	const most = 6
	imports := map[string][]string{}
	for _, f := range list(t, `{{.ImportPath}} {{join .Imports " "}}`) {
		imports[f[0]] = f[1:]
	}
	chains := map[string][]string{} // the longest from each
	var longest func(string) []string
	longest = func(pkg string) []string {
		if c, known := chains[pkg]; known {
			return c
		}
		var below []string
		for _, imp := range imports[pkg] {
			if strings.HasPrefix(imp, "tssh/") {
				if c := longest(imp); len(c) > len(below) {
					below = c
				}
			}
		}
		chains[pkg] = append([]string{pkg}, below...)
		return chains[pkg]
	}
	if c := longest("tssh"); len(c)-1 != most {
		t.Errorf("%d imports deep, not %d: %s", len(c)-1, most, strings.Join(c, " "))
	}
}

// TestHarnessesAreForTests: what tests are made of is in no program.
func TestHarnessesAreForTests(t *testing.T) {
	harness := []string{"leak", "needs", "simnet", "hostile"}
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
			case *ast.CallExpr:
				if f, ok := n.Fun.(*ast.Ident); ok && test && f.Name == "Main" && path.Base(dir) == "leak" {
					watched[dir] = true // by itself
				}
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

// TestConfigurationIsRead: a config.Host is not written after it was resolved, nor
// copied to be. What changes in a run is a value of its own. The types are the
// compiler's: no name hides a write.
func TestConfigurationIsRead(t *testing.T) {
	const makers = "tssh/client/config tssh/client/sshconfig tssh/client/cli"
	reads := 0
	typed(t, "./client/...", func(pkg string, info *types.Info, files []*ast.File) {
		if slices.Contains(strings.Fields(makers), pkg) {
			return
		}
		isHost := func(e ast.Expr) bool {
			typ := info.TypeOf(e)
			if p, ok := typ.(*types.Pointer); ok {
				typ = p.Elem()
			}
			return typ != nil && isConfig(typ.String())
		}
		// reaches tells whether e is a place in a Host: a field of it, what that
		// has in it, or an element of a list there.
		var reaches func(e ast.Expr) bool
		reaches = func(e ast.Expr) bool {
			switch e := e.(type) {
			case *ast.SelectorExpr:
				return isHost(e.X) || reaches(e.X)
			case *ast.IndexExpr:
				return reaches(e.X)
			case *ast.SliceExpr:
				return reaches(e.X)
			case *ast.ParenExpr:
				return reaches(e.X)
			case *ast.StarExpr:
				return isHost(e.X) || reaches(e.X)
			}
			return false
		}
		for _, file := range files {
			ast.Inspect(file, func(n ast.Node) bool {
				var written []ast.Expr
				switch n := n.(type) {
				case *ast.SelectorExpr:
					if isHost(n.X) {
						reads++
					}
				case *ast.AssignStmt:
					written = n.Lhs
				case *ast.IncDecStmt:
					written = []ast.Expr{n.X}
				case *ast.RangeStmt:
					written = []ast.Expr{n.Key, n.Value}
				case *ast.UnaryExpr:
					if n.Op == token.AND { // whoever has its address writes it
						written = []ast.Expr{n.X}
					}
				case *ast.StarExpr:
					if v, ok := info.Types[n]; ok && v.IsValue() && isHost(n) {
						t.Errorf("%v: a Host is copied", positions.Position(n.Pos()))
					}
				case *ast.CompositeLit:
					if isHost(n) {
						t.Errorf("%v: a Host is made", positions.Position(n.Pos()))
					}
				case *ast.CallExpr:
					// Of what others are given only append and sort write, of those in use here.
					if f, ok := n.Fun.(*ast.Ident); ok && f.Name == "append" {
						written = n.Args[:1]
					}
					if f, ok := n.Fun.(*ast.SelectorExpr); ok && len(n.Args) > 0 &&
						(strings.HasPrefix(f.Sel.Name, "Sort") || strings.HasPrefix(f.Sel.Name, "Delete") || f.Sel.Name == "Reverse") {
						written = n.Args[:1]
					}
				}
				for _, w := range written {
					if w != nil && reaches(w) {
						t.Errorf("%v: a Host is written", positions.Position(w.Pos()))
					}
				}
				return true
			})
		}
	})
	if reads < 100 {
		t.Errorf("only %d reads of a Host were found", reads)
	}
}

// isConfig tells the types by which a Host is had.
func isConfig(typ string) bool {
	return typ == "tssh/client/config.Host" || typ == "tssh/client/sshconfig.Resolved"
}

// TestWhatIsLentIsAskedOfTheLogin, which knows whether the host is who it should
// be: the configuration says only what the user wants. Those who look there say
// why they may.
func TestWhatIsLentIsAskedOfTheLogin(t *testing.T) {
	allowed := map[string]string{
		"tssh/client/sshconfig": "makes it",
		"tssh/client/hostkey":   "says what a false host does not get",
		"tssh/client/login":     "is asked",
		"tssh/client/control":   "asks a master, which has met the host",
		"tssh/client":           "asks a master, which has met the host",
	}
	seen := map[string]bool{}
	typed(t, "./client/...", func(pkg string, info *types.Info, files []*ast.File) {
		for e, s := range info.Selections {
			recv := s.Recv().String()
			if !isConfig(strings.TrimPrefix(recv, "*")) {
				continue
			}
			promoted := len(s.Index()) > 1
			if promoted || e.Sel.Name == "Lent" {
				seen[pkg] = true
				if at := positions.Position(e.Pos()); allowed[pkg] == "" || pkg == "tssh/client" && filepath.Base(at.Filename) != "share.go" {
					t.Errorf("%v: %s is read of the configuration", at, e.Sel.Name)
				}
			}
		}
	})
	for pkg := range allowed {
		if !seen[pkg] {
			t.Errorf("%s reads it no more: take it out", pkg)
		}
	}
}

// typed calls f for each package that pattern names, checked by the compiler's
// rules, without its tests. What they import is read as the compiler left it.
func typed(t *testing.T, pattern string, f func(pkg string, info *types.Info, files []*ast.File)) {
	t.Helper()
	exports, ours := map[string]string{}, map[string][]string{}
	out, err := exec.Command("go", "list", "-export", "-deps", "-f",
		`{{.ImportPath}}|{{.Export}}|{{if not .DepOnly}}{{.Dir}}|{{join .GoFiles " "}}{{end}}`, pattern).Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	for line := range strings.Lines(string(out)) {
		p := strings.Split(strings.TrimSpace(line), "|")
		exports[p[0]] = p[1]
		if len(p) == 4 {
			for _, name := range strings.Fields(p[3]) {
				ours[p[0]] = append(ours[p[0]], filepath.Join(p[2], name))
			}
		}
	}
	compiled := importer.ForCompiler(positions, "gc", func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) })
	for pkg, names := range ours {
		var files []*ast.File
		for _, name := range names {
			file, err := parser.ParseFile(positions, name, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, file)
		}
		info := &types.Info{
			Types: map[ast.Expr]types.TypeAndValue{}, Selections: map[*ast.SelectorExpr]*types.Selection{},
			Uses: map[*ast.Ident]types.Object{}, Defs: map[*ast.Ident]types.Object{},
		}
		if _, err := (&types.Config{Importer: compiled}).Check(pkg, positions, files, info); err != nil {
			t.Fatalf("%s: %v", pkg, err)
		}
		f(pkg, info, files)
	}
}

// TestPackagesAreSmall: no package has over 2,000 lines of code without its tests.
func TestPackagesAreSmall(t *testing.T) {
	const most = 2000
	lines := map[string]int{}
	parsed(t, ".", func(file *ast.File) {
		at := positions.Position(file.Pos())
		dir := filepath.ToSlash(filepath.Dir(at.Filename))
		lines[dir] += codeLines(t, file)
	})
	if lines["client/sshconfig"] == 0 {
		t.Fatal("no code was found")
	}
	for dir, n := range lines {
		if n > most {
			t.Errorf("%s has %d lines of code, over %d: what of it is a package of its own?", dir, n, most)
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
