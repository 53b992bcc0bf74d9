package bootstrap

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"tssh/client/servers"
)

// released makes a release whose tsshd for each kind is text with the kind in it.
// Those named absent are listed and not here.
func released(t *testing.T, text []byte, absent string, kinds ...string) (*Binary, map[string]servers.Server) {
	t.Helper()
	files := fstest.MapFS{}
	all := map[string]servers.Server{}
	var manifest strings.Builder
	for _, kind := range kinds {
		program := append(bytes.Clone(text), "# for "+kind+"\n"...)
		var packed bytes.Buffer
		z := gzip.NewWriter(&packed)
		z.Write(program)
		z.Close()
		hash := func(b []byte) string { h := sha256.Sum256(b); return hex.EncodeToString(h[:]) }
		s := servers.Server{
			Hash: hash(program), Size: int64(len(program)),
			Cksum: servers.Cksum(bytes.NewReader(program)), Packed: hash(packed.Bytes()),
		}
		s.OS, s.Arch, _ = strings.Cut(kind, "/")
		manifest.WriteString(s.Line())
		all[kind] = s
		if !strings.Contains(absent, kind) {
			files[s.File()] = &fstest.MapFile{Data: packed.Bytes()}
		}
	}
	files[servers.Manifest] = &fstest.MapFile{Data: []byte(manifest.String())}
	b, err := Released(servers.New(files, nil))
	if err != nil {
		t.Fatal(err)
	}
	return b, all
}

// everyKind is more than any release has: the table must not be too long for any shell.
var everyKind = []string{
	"linux/amd64", "linux/arm64", "linux/arm", "linux/386", "linux/riscv64", "linux/ppc64le", "linux/s390x", "linux/loong64",
	"linux/mips64le", "freebsd/amd64", "freebsd/arm64", "openbsd/amd64", "openbsd/arm64", "netbsd/amd64", "dragonfly/amd64",
	"darwin/amd64", "darwin/arm64", "windows/amd64", "windows/arm64",
}

// TestEachServerGetsItsOwn: whatever machine a server is, and whatever its login
// shell, what is sent there is what runs there, and is found at the next login.
func TestEachServerGetsItsOwn(t *testing.T) {
	script, want := program(t, 0)
	text, err := os.ReadFile(script.builds[0].path)
	if err != nil {
		t.Fatal(err)
	}
	binary, all := released(t, text, "", everyKind...)
	for _, c := range []struct{ uname, kind, shell string }{
		{"Linux x86_64", "linux/amd64", "bash"},
		{"Linux aarch64", "linux/arm64", "dash"},
		{"Linux armv7l", "linux/arm", "zsh"},
		{"Linux i686", "linux/386", "fish"},
		{"Linux s390x", "linux/s390x", "tcsh"},
		{"Linux mips64", "linux/mips64le", "bash"}, // by the order of this machine's bytes
		{"FreeBSD arm64", "freebsd/arm64", "tcsh"},
		{"OpenBSD amd64", "openbsd/amd64", "dash"},
		{"Darwin arm64", "darwin/arm64", "zsh"},
	} {
		t.Run(strings.ReplaceAll(c.uname, " ", "-")+"-"+c.shell, func(t *testing.T) {
			t.Parallel()
			l := newLogin(t, c.shell, "-c")
			path := l.script(t, "bin/uname", "echo "+c.uname+"\n")
			l.env = append(l.env, "PATH="+filepath.Dir(path)+":/usr/bin:/bin")
			for range 2 {
				path = l.mustGreet(t, Request{Binary: binary}, want)
			}
			if cached := filepath.Join(l.home, ".cache/tssh", all[c.kind].Hash, "tsshd"); path != cached {
				t.Errorf("ran %s, want %s", path, cached)
			}
			if b, _ := os.ReadFile(path); !strings.HasSuffix(string(b), "# for "+c.kind+"\n") {
				t.Errorf("what runs is not for %s", c.kind)
			}
		})
	}
}

// TestServersWithoutABuild: one line says what to do.
func TestServersWithoutABuild(t *testing.T) {
	script, _ := program(t, 0)
	text, err := os.ReadFile(script.builds[0].path)
	if err != nil {
		t.Fatal(err)
	}
	binary, _ := released(t, text, "linux/riscv64", "linux/amd64", "linux/arm64", "linux/riscv64")
	for uname, words := range map[string][]string{
		"Linux riscv64":  {"a Linux riscv64", "tsshd-linux-riscv64.gz", "install tssh-servers"},
		"Linux ppc64":    {"a Linux ppc64", "one for Linux amd64, Linux arm64 only", "TsshdPath"},
		"Linux armv5tel": {"a Linux armv5tel", "install tsshd there"},
		"SunOS i86pc":    {"a SunOS i86pc", "install tsshd there"},
	} {
		l := newLogin(t, "sh", "-c")
		path := l.script(t, "bin/uname", "echo "+uname+"\n")
		l.env = append(l.env, "PATH="+filepath.Dir(path)+":/usr/bin:/bin")
		l.mustFail(t, Request{Binary: binary}, words...)
		if l.uploaded.Load() != 0 {
			t.Errorf("%s: sent a program that cannot run there", uname)
		}
	}
}
