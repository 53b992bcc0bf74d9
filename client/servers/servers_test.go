package servers

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"tssh/proxy/needs"
)

// packed makes a server and its file.
func packed(t *testing.T, arch, program string) (Server, []byte) {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	io.WriteString(z, program)
	z.Close()
	hash := func(b []byte) string { h := sha256.Sum256(b); return hex.EncodeToString(h[:]) }
	return Server{
		OS: "linux", Arch: arch, Hash: hash([]byte(program)), Size: int64(len(program)),
		Cksum: Cksum(strings.NewReader(program)), Packed: hash(b.Bytes()),
	}, b.Bytes()
}

// A file is sent when it is of this release, wherever it comes from, and no other
// ever: not an older one, not one that somebody put there, not half of it.
func TestOnlyFilesOfThisReleaseAreSent(t *testing.T) {
	program := strings.Repeat("tsshd of this release ", 100)
	inside, file := packed(t, "amd64", program+"inside")
	beside, besideFile := packed(t, "arm64", program+"beside")
	absent, _ := packed(t, "s390x", program+"absent")
	_, other := packed(t, "arm64", "what somebody else put there")
	first, second := t.TempDir(), t.TempDir()
	s := New(fstest.MapFS{
		Manifest:      {Data: []byte(inside.Line() + beside.Line() + absent.Line())},
		inside.File(): {Data: file},
	}, []string{first, second})
	if got := s.All(); len(got) != 3 || got[1] != beside {
		t.Fatalf("manifest read as %+v", got)
	}
	if b, err := s.Packed(inside); err != nil || !bytes.Equal(b, file) {
		t.Errorf("the one inside: %v", err)
	}
	if _, err := s.Packed(absent); !errors.Is(err, ErrAbsent) {
		t.Errorf("one that is nowhere: %v", err)
	}
	put := func(dir string, b []byte) {
		if err := os.WriteFile(filepath.Join(dir, beside.File()), b, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	put(second, besideFile)
	b, err := s.Packed(beside)
	if err != nil {
		t.Fatal(err)
	}
	r, err := Unpack(b)
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := io.ReadAll(r); string(got) != program+"beside" {
		t.Errorf("unpacked to %q", got)
	}
	for what, b := range map[string][]byte{
		"another's": other, "half": besideFile[:len(besideFile)/2], "nothing": nil,
		"more": append(bytes.Clone(besideFile), 0), "large": bytes.Repeat(besideFile, 1000),
	} {
		put(first, b)
		if _, err := s.Packed(beside); err == nil || !strings.Contains(err.Error(), first) {
			t.Errorf("%s was taken: %v", what, err)
		}
	}
}

func TestBadManifestIsNone(t *testing.T) {
	for _, text := range []string{"linux amd64\n", "linux amd64 00 1 1 00\n", strings.Repeat("x ", 6) + "\n"} {
		if all := New(fstest.MapFS{Manifest: {Data: []byte(text)}}, nil).All(); all != nil {
			t.Errorf("%q gave %+v", text, all)
		}
	}
	if all := New(fstest.MapFS{}, nil).All(); all != nil {
		t.Errorf("no manifest gave %+v", all)
	}
}

func TestChecksumIsThatOfCksum(t *testing.T) {
	needs.Programs(t, "cksum")
	for _, n := range []int{0, 1, 255, 256, 70000} {
		text := bytes.Repeat([]byte("\x00\xffx"), n)
		cmd := exec.Command("cksum")
		cmd.Stdin = bytes.NewReader(text)
		out, err := cmd.Output()
		if got := Cksum(bytes.NewReader(text)); err != nil || got != strings.TrimSpace(string(out)) {
			t.Errorf("%d bytes: %s, cksum says %s", 3*n, got, out)
		}
		c := NewChecksum()
		for piece := range slices.Chunk(text, 13) {
			c.Write(piece)
		}
		if got := c.String(); got != strings.TrimSpace(string(out)) {
			t.Errorf("%d bytes in pieces: %s, cksum says %s", 3*n, got, out)
		}
	}
}

// What a server answers to "uname -sm" leads to the build that runs there.
func TestSystemsAreTold(t *testing.T) {
	for uname, want := range map[string]string{
		"Linux x86_64": "linux/amd64", "Linux aarch64": "linux/arm64", "Linux armv7l": "linux/arm", "Linux armv8l": "linux/arm",
		"Linux armv6l": "linux/arm", "Linux armv5tel": "", "Linux i686": "linux/386", "Linux i386": "linux/386",
		"Linux riscv64": "linux/riscv64", "Linux ppc64le": "linux/ppc64le", "Linux ppc64": "", "Linux s390x": "linux/s390x",
		"Linux loongarch64": "linux/loong64", "Linux mips64": "", "Linux mips64el": "linux/mips64le",
		"FreeBSD amd64": "freebsd/amd64", "FreeBSD arm64": "freebsd/arm64", "OpenBSD amd64": "openbsd/amd64",
		"OpenBSD arm64": "openbsd/arm64", "Darwin x86_64": "darwin/amd64", "Darwin arm64": "darwin/arm64",
		"NetBSD amd64": "netbsd/amd64", "DragonFly x86_64": "dragonfly/amd64",
		"SunOS i86pc": "", "AIX 00F84C0C4C00": "",
	} {
		var got []string
		for _, os := range []string{"linux", "freebsd", "openbsd", "netbsd", "dragonfly", "darwin", "windows"} {
			for _, arch := range []string{"amd64", "arm64", "arm", "386", "riscv64", "ppc64le", "s390x", "loong64", "mips64le"} {
				for _, u := range Unames(os, arch) {
					if u == uname {
						got = append(got, fmt.Sprintf("%s/%s", os, arch))
					}
				}
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %v, want %s", uname, got, want)
		}
	}
}
