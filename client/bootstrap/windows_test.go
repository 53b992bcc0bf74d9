package bootstrap

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// newWindows is an account on a server whose shell passes on what cmd and
// PowerShell both would, and nothing else.
func newWindows(t *testing.T, machine string) *login {
	t.Helper()
	l := newLogin(t, "bash")
	l.windows = true
	script := l.script(t, "shell", `case $1 in
"cmd /c echo tssh-machine %PROCESSOR_ARCHITECTURE%") printf 'tssh-machine `+machine+`\r\n' ;;
.cache*' --offer "'*'"')
	file=$(printf %s "${1%% *}" | tr '\134' /)
	[ -f "$file" ] || exit 1
	word=${1#*\"}
	exec sh "./$file" --offer "${word%\"}" ;;
*) echo "'${1%% *}' is not recognized as an internal or external command," >&2; exit 1 ;;
esac`)
	l.shell = append(l.shell, script)
	return l
}

// TestWindowsServers: the program comes by sftp at the first login, whole, and is
// there at the second; half of one is replaced; other machines go on as ssh.
func TestWindowsServers(t *testing.T) {
	script, want := program(t, 0)
	text, err := os.ReadFile(script.builds[0].path)
	if err != nil {
		t.Fatal(err)
	}
	binary, all := released(t, text, "", "linux/amd64", "windows/amd64")
	l := newWindows(t, "AMD64")
	file := filepath.Join(l.home, ".cache/tssh", all["windows/amd64"].Hash, "tsshd.exe")
	for range 2 {
		path := l.mustGreet(t, Request{Binary: binary}, want)
		if path != `.cache\tssh\`+all["windows/amd64"].Hash+`\tsshd.exe` {
			t.Errorf("ran %s", path)
		}
		b, err := os.ReadFile(file)
		if err != nil || !strings.HasSuffix(string(b), "# for windows/amd64\n") {
			t.Errorf("what runs is not for windows/amd64: %v", err)
		}
		os.WriteFile(file, b[:len(b)/2], 0o700)
	}
	l = newWindows(t, "ARM64")
	l.mustFail(t, Request{Binary: binary}, "a Windows arm64", "has none for it", "TsshdPath")
	l = newWindows(t, "AMD64")
	l.mustFail(t, Request{}, "a Windows amd64", "install tsshd there")
	l.mustFail(t, Request{TsshdPath: `C:\Program Files\tsshd.exe`}, "blanks")
}

// TestOnlyWindowsIsAskedTwice: what another server runs once it runs once.
func TestOnlyWindowsIsAskedTwice(t *testing.T) {
	l := newWindows(t, "AMD64")
	l.windows = false
	binary, _ := program(t, 0)
	if _, err := l.start(t, Request{Binary: binary}); !errors.Is(err, ErrNotRun) || l.runs.Load() != 1 {
		t.Errorf("%v after %d commands", err, l.runs.Load())
	}
}

// TestWindowsLoginsAtOnce: each first login sends a file of its own, and one of
// these stays.
func TestWindowsLoginsAtOnce(t *testing.T) {
	script, want := program(t, 2<<20)
	text, err := os.ReadFile(script.builds[0].path)
	if err != nil {
		t.Fatal(err)
	}
	binary, all := released(t, text, "", "windows/amd64")
	l := newWindows(t, "AMD64")
	var logins sync.WaitGroup
	for range 5 {
		logins.Go(func() {
			if s, err := l.start(t, Request{Binary: binary}); err != nil || s.Greeting.Secret != want.Secret {
				t.Errorf("%+v, %v", s, err)
			}
		})
	}
	logins.Wait()
	dir := filepath.Join(l.home, ".cache/tssh", all["windows/amd64"].Hash)
	if files, err := os.ReadDir(dir); err != nil || len(files) != 1 || files[0].Name() != "tsshd.exe" {
		t.Errorf("in the cache: %v, %v", files, err)
	}
}
