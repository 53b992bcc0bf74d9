//go:build unix

package bootstrap

import (
	"debug/elf"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestOddThingsCalledTsshd: what stands where tsshd is looked for need be no
// program, and a program need not behave. It costs nobody a login, and no second
// one an upload that the first has made.
func TestOddThingsCalledTsshd(t *testing.T) {
	script := func(text string) func(t *testing.T, path string) error {
		return func(_ *testing.T, path string) error {
			return os.WriteFile(path, []byte("#!/bin/sh\n"+text+"\n"), 0o700)
		}
	}
	for name, lay := range map[string]func(t *testing.T, path string) error{
		"directory":           func(_ *testing.T, path string) error { return os.Mkdir(path, 0o700) },
		"full directory":      func(_ *testing.T, path string) error { return os.MkdirAll(path+"/secret", 0o700) },
		"link to a directory": func(t *testing.T, path string) error { return os.Symlink(t.TempDir(), path) },
		"dangling link":       func(_ *testing.T, path string) error { return os.Symlink("nowhere", path) },
		"link to itself":      func(_ *testing.T, path string) error { return os.Symlink(filepath.Base(path), path) },
		"FIFO":                func(_ *testing.T, path string) error { return syscall.Mkfifo(path, 0o700) },
		"device":              func(_ *testing.T, path string) error { return os.Symlink("/dev/zero", path) },
		"not executable": func(_ *testing.T, path string) error {
			return os.WriteFile(path, []byte("#!/bin/sh\necho secret\n"), 0o600)
		},
		"write only":     func(_ *testing.T, path string) error { return os.WriteFile(path, []byte("secret"), 0o200) },
		"no interpreter": func(_ *testing.T, path string) error { return os.WriteFile(path, []byte("#!/none\nsecret\n"), 0o700) },
		"of another machine": func(t *testing.T, path string) error {
			text, err := os.ReadFile("/proc/self/exe")
			if err != nil {
				t.Skipf("SKIPPED, not tested at all: no program to change: %v", err)
			}
			binary.LittleEndian.PutUint16(text[18:], uint16(elf.EM_S390))
			return os.WriteFile(path, text[:4096], 0o700)
		},
		"greeting without end": script("printf '{tsshd:1:'; while :; do printf 'c2VjcmV0'; done"),
		"half a greeting":      script("printf '{tsshd:1:c2VjcmV0'; exec sleep 1000"),
		"daemon":               script("(trap '' HUP; setsid sleep 3 &); echo secret"),
		"daemon that fails":    script("(trap '' HUP; setsid sleep 3 &); echo secret >&2; exit 1"),
		"flood":                script("exec tr '\\0' s </dev/zero"),
		"asks at the terminal": script("read -r x </dev/tty || read -r x; echo secret; exec sleep 1000"),
		"stops itself":         script("kill -STOP $$; echo secret"),
		"stops its group":      script("kill -STOP 0; echo secret"),
		"ends by a signal":     script("echo secret; kill -SEGV $$"),
		"closes all":           script("exec >&- 2>&- <&-; exec sleep 1000"),
	} {
		for _, where := range []string{"PATH", "named", "cache"} {
			t.Run(name+" in "+where, func(t *testing.T) {
				t.Parallel()
				l := newLogin(t, "sh", "-c")
				ours, want := program(t, 1000)
				var all shown
				req := Request{Binary: ours, Patience: Patience{Word: time.Minute, Greet: 300 * time.Millisecond}, Logf: all.logf(t)}
				path := filepath.Join(l.home, "bin", "tsshd")
				switch where {
				case "named":
					req.TsshdPath = path
				case "cache":
					path = l.mustGreet(t, req, want)
					if err := os.Remove(path); err != nil {
						t.Fatal(err)
					}
				}
				if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := lay(t, path); err != nil {
					t.Fatal(err)
				}
				if where == "PATH" {
					l.env = append(l.env, "PATH="+filepath.Dir(path)+":/usr/bin:/bin")
				}
				logins := 1
				if where == "cache" {
					logins = 2
				}
				var before int64
				for again := range logins {
					s, err := l.start(t, req)
					if err != nil {
						t.Fatal(err)
					}
					if s.Secret != want.Secret || where != "cache" && s.Path == path {
						t.Errorf("ran %s", s.Path)
					}
					if named := where == "named"; named != strings.HasPrefix(s.Complaint, "TsshdPath "+path+": ") {
						t.Errorf("the complaint is %q", s.Complaint)
					}
					if text := all.text.String() + s.Complaint + string(s.Said); strings.Contains(text, "secret") || strings.Contains(text, "c2Vjc") || strings.Contains(text, "sss") {
						t.Errorf("shown: %.300q", text)
					}
					if sent := l.uploaded.Load() - before; again == 1 && sent > 500 {
						t.Errorf("sent again: %d bytes", sent)
					}
					before = l.uploaded.Load()
				}
			})
		}
	}
}
