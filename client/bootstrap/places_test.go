package bootstrap

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// newMounts is an account on a server whose mounts are its own. /tmp is empty;
// %s in the commands stands for the home.
func newMounts(t *testing.T, commands ...string) *login {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("SKIPPED, not tested at all: mounting needs root")
	}
	if out, err := exec.Command("unshare", "-m", "true").CombinedOutput(); err != nil {
		t.Skipf("SKIPPED, not tested at all: unshare: %v: %s", err, out)
	}
	l := newLogin(t, "sh", "-c")
	for _, dir := range []string{"/tmp", "/var/tmp", "/dev/shm"} {
		commands = append([]string{"mount -t tmpfs -o mode=1777,noexec private " + dir}, commands...)
	}
	// The home may be below /tmp here.
	commands = append(commands[:3:3], append([]string{"mkdir -p %s"}, commands[3:]...)...)
	setup := strings.ReplaceAll("set -e; "+strings.Join(commands, "; "), "%s", l.home)
	l.shell = []string{"unshare", "-m", "sh", "-c", setup + `; cd /tmp; exec sh -c "$1"`, "sh"}
	l.env = append(l.env, "TMPDIR=")
	return l
}

const execTmp = "mount -o remount,exec /tmp"

func TestPlaces(t *testing.T) {
	uid := os.Getuid()
	for name, c := range map[string]struct {
		mounts []string
		want   string // where it ends up; with ":" in it: what the error says
	}{
		"read-only home": {[]string{"mount -t tmpfs -o ro x %s", execTmp}, "/tmp/tssh-"},
		"noexec home":    {[]string{"mount -t tmpfs -o noexec x %s", execTmp}, "/tmp/tssh-"},
		"full home":      {[]string{"mount -t tmpfs -o size=64k x %s", execTmp}, "/tmp/tssh-"},
		"only memory":    {[]string{"mount -t tmpfs -o ro x %s", "mount -o remount,exec /dev/shm"}, "/dev/shm/tssh-"},
		"home of others": {[]string{"mount -t tmpfs -o size=1m x %s", "mkdir -p %s/.cache/tssh", "chmod 777 %s/.cache/tssh", execTmp}, "/tmp/tssh-"},
		"tmp of others":  {[]string{"mount -o remount,exec /var/tmp", "mount -t tmpfs -o ro x %s", execTmp, "mkdir /tmp/tssh-0", "chown 1234 /tmp/tssh-0"}, "/var/tmp/tssh-"},
		"tmp with a link": {[]string{"mount -o remount,exec /var/tmp", "mount -t tmpfs -o ro x %s", execTmp, "mkdir /tmp/x", "ln -s x /tmp/tssh-0"},
			"/var/tmp/tssh-"},
		"tmp without sticky bit": {[]string{"mount -o remount,exec /var/tmp", "mount -t tmpfs -o ro x %s", execTmp, "chmod 777 /tmp"}, "/var/tmp/tssh-"},
		"nowhere": {[]string{"mount -t tmpfs -o ro x %s"},
			"no place for tsshd: %s/.cache/tssh: Read-only file system; /tmp/tssh-0: programs may not run there (noexec?); "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newMounts(t, c.mounts...)
			binary, want := program(t, 200<<10)
			if strings.Contains(c.want, ":") {
				l.mustFail(t, Request{Binary: binary}, strings.ReplaceAll(c.want, "%s", l.home))
				return
			}
			path := l.mustGreet(t, Request{Binary: binary}, want)
			if !strings.HasPrefix(path, c.want+fmt.Sprint(uid)+"/") {
				t.Errorf("ended up at %s, want %s", path, c.want)
			}
		})
	}
}

// TestDiskFillsUpMeanwhile: no check before can know of a quota.
func TestDiskFillsUpMeanwhile(t *testing.T) {
	t.Parallel()
	l := newMounts(t, "mount -t tmpfs -o size=64k x %s", execTmp,
		"mkdir /tmp/bin; printf '#!/bin/sh\necho; echo x x x 999999 x' >/tmp/bin/df; chmod 755 /tmp/bin/df; PATH=/tmp/bin:$PATH")
	binary, want := program(t, 300<<10)
	path := l.mustGreet(t, Request{Binary: binary}, want)
	if !strings.HasPrefix(path, "/tmp/tssh-") || l.runs.Load() != 2 {
		t.Errorf("ended up at %s after %d commands", path, l.runs.Load())
	}
}

// TestPlantedProgramIsNotRun: in /tmp anybody may have been there before us.
func TestPlantedProgramIsNotRun(t *testing.T) {
	t.Parallel()
	binary, want := program(t, 0)
	is, err := binary.builds[0].sum()
	if err != nil {
		t.Fatal(err)
	}
	trap := "/tmp/tssh-0/" + is.hash
	l := newMounts(t, execTmp, "mount -t tmpfs x %s", "mkdir -p "+trap, "printf '#!/bin/sh\necho planted >&2; exit 93' >"+trap+"/tsshd",
		"chmod 755 "+trap+"/tsshd", "chown -R 1234 /tmp/tssh-0")
	if path := l.mustGreet(t, Request{Binary: binary}, want); !strings.HasPrefix(path, l.home) {
		t.Errorf("ran %s", path)
	}
}

func TestWhatStandsThereAlready(t *testing.T) {
	binary, want := program(t, 0)
	text, err := os.ReadFile(binary.builds[0].path)
	if err != nil {
		t.Fatal(err)
	}
	t.Run("in PATH", func(t *testing.T) {
		l := newLogin(t, "bash", "-c")
		path := l.script(t, "bin/tsshd", strings.TrimPrefix(string(text), "#!/bin/sh\n"))
		l.env = append(l.env, "PATH="+filepath.Dir(path)+":/usr/bin:/bin")
		if got := l.mustGreet(t, Request{}, want); got != path {
			t.Errorf("ran %s, want %s", got, path)
		}
		if got := l.mustGreet(t, Request{TsshdPath: "tsshd"}, want); got != path {
			t.Errorf("TsshdPath without a slash ran %s, want %s", got, path)
		}
	})
	t.Run("of another version or maker", func(t *testing.T) {
		l := newLogin(t, "bash", "-c")
		l.script(t, "other", "echo 'usage: tsshd [--kcp]' >&2; echo '{tsshd:99:e30:tsshd}'; exit 2")
		path := l.mustGreet(t, Request{TsshdPath: "~/other", Binary: binary}, want)
		if !strings.HasPrefix(path, l.home+"/.cache/tssh/") {
			t.Errorf("ran %s", path)
		}
		l.mustFail(t, Request{TsshdPath: "~/other"}, "TsshdPath "+l.home+"/other: exit status 2; no tsshd on the server")
		l.mustFail(t, Request{TsshdPath: "absent"}, "TsshdPath absent: not found")
	})
	t.Run("that cannot serve", func(t *testing.T) {
		l := newLogin(t, "bash", "-c")
		path := l.script(t, "full", "echo 'tsshd: no port of 61001-61999 is free' >&2; exit 93")
		l.mustFail(t, Request{TsshdPath: path, Binary: binary}, "tsshd: no port of 61001-61999 is free")
		if l.uploaded.Load() != 0 {
			t.Error("sent another tsshd all the same")
		}
	})
	t.Run("with a broken greeting", func(t *testing.T) {
		l := newLogin(t, "bash", "-c")
		path := l.script(t, "bad", "echo '{tsshd:1:"+strings.Repeat("c2VjcmV0", 9)+":tsshd}'")
		l.mustFail(t, Request{TsshdPath: path}, path, "greeting")
		if _, err := l.start(t, Request{TsshdPath: path}); strings.Contains(err.Error(), "c2Vjc") {
			t.Errorf("the error quotes a greeting: %v", err)
		}
	})
}

func TestServersThatCannot(t *testing.T) {
	binary, _ := program(t, 0)
	req := Request{Binary: binary}
	t.Run("no login", func(t *testing.T) {
		l := newLogin(t, "sh", "-c", "echo 'This account is currently not available.'; exit 1")
		l.mustFail(t, req, "did not run our command", "exit status 1", "This account is currently not available.")
	})
	t.Run("restricted", func(t *testing.T) {
		l := newLogin(t, "bash", "-rc")
		l.env = append(l.env, "PATH=/nonexistent")
		l.mustFail(t, req, "did not run our command", "sh: command not found")
	})
	t.Run("silent", func(t *testing.T) {
		l := newLogin(t, "sh", "-c", "exec sleep 1")
		req := req
		req.Patience.Word = 50 * time.Millisecond
		l.mustFail(t, req, "did not run our command", "no answer within") // the word, or twice that, whichever is seen
	})
	t.Run("sftp only", func(t *testing.T) { // as ForceCommand has it; it waits for requests
		const server = "/usr/lib/openssh/sftp-server"
		l := newLogin(t, server, "-e")
		req := req
		req.Patience.Input = 50 * time.Millisecond
		l.mustFail(t, req, "did not run our command")
	})
	t.Run("another system", func(t *testing.T) {
		l := newLogin(t, "sh", "-c")
		l.mustFail(t, Request{Binary: NewBinary(binary.builds[0].path, "freebsd", "amd64")},
			"FreeBSD amd64", "TsshdPath", "no tsshd on the server")
		if l.uploaded.Load() != 0 {
			t.Error("sent a program that cannot run there")
		}
		l.mustFail(t, Request{}, "no tsshd on the server", "TsshdPath")
	})
}

func TestGivingUpEndsTheWait(t *testing.T) {
	l := newLogin(t, "sh", "-c", "read x; exit 1")
	why := errors.New("the user pressed Ctrl-C")
	ctx, cancel := context.WithCancelCause(t.Context())
	req := Request{Offer: anOffer()}
	client := l.dial(t)
	time.AfterFunc(20*time.Millisecond, func() { cancel(why) })
	if _, err := Start(ctx, client, req); !errors.Is(err, why) {
		t.Errorf("got %v", err)
	}
}

func TestProgressShowsAndVanishes(t *testing.T) {
	var screen strings.Builder
	l := newLogin(t, "sh", "-c")
	binary, want := program(t, 1<<20)
	l.mustGreet(t, Request{Binary: binary, Stderr: &screen, Progress: true}, want)
	for _, word := range []string{"100%", "1.0 of 1.0 MB", "MB/s", "\r\x1b[K"} {
		if !strings.Contains(screen.String(), word) {
			t.Errorf("%q was not shown: %q", word, screen.String())
		}
	}
	if !strings.HasSuffix(screen.String(), "\r\x1b[K") {
		t.Errorf("the line stays: %q", screen.String())
	}
	screen.Reset()
	binary, want = program(t, 0)
	l.mustGreet(t, Request{Binary: binary, Stderr: &screen}, want)
	if screen.Len() != 0 {
		t.Errorf("shown without a terminal: %q", screen.String())
	}
}
