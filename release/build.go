package main

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"tssh/client/servers"
)

// Where the servers of a build are: what tssh holds, and the others.
const (
	bundleDir = "client/servers/bundle"
	othersDir = "bin"
)

// build compiles the program. Nothing of the machine, the folder or the moment
// gets into the file.
func build(t Target, tags, out string) error {
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-tags", tags+",inherit", "-ldflags", "-s -w -buildid= -checklinkname=0", "-o", out, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOOS="+t.OS, "GOARCH="+t.Arch)
	if t.Variant != "" {
		cmd.Env = append(cmd.Env, t.Variant)
	}
	if said, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w\n%s", t, err, said)
	}
	return nil
}

// native builds tssh, with the bundle, for the machine that we are on.
func native(out string) error {
	goenv, err := exec.Command("go", "env", "GOHOSTOS", "GOHOSTARCH").Output()
	if err != nil {
		return err
	}
	f := strings.Fields(string(goenv))
	t, ok := target(strings.Join(f, "/"))
	if !ok {
		t = Target{OS: f[0], Arch: f[1]}
	}
	if err := build(t, "bundle", out); err != nil {
		return err
	}
	link := filepath.Join(filepath.Dir(out), "tsshd")
	os.Remove(link)
	if err := os.Symlink(filepath.Base(out), link); err != nil {
		return err
	}
	return sizes(out)
}

func sizes(files ...string) error {
	for _, file := range files {
		info, err := os.Stat(file)
		if err != nil {
			return err
		}
		fmt.Printf("%-50s %6.2f MB\n", file, float64(info.Size())/1e6)
	}
	return nil
}

// bundle builds and packs the servers, and writes the manifest that tssh knows
// them by. Nothing of an earlier build stays.
func bundle(kinds []Target) error {
	tmp, err := os.MkdirTemp("", "tssh-release-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	old, err := filepath.Glob(filepath.Join(othersDir, "tsshd-*.gz"))
	if err != nil {
		return err
	}
	for _, path := range append(old, bundleDir) {
		if err := os.RemoveAll(path); err != nil {
			return err
		}
	}
	for _, dir := range []string{bundleDir, othersDir} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	var manifest strings.Builder
	for _, t := range kinds {
		file := filepath.Join(tmp, "tsshd")
		if err := build(t, "tsshd", file); err != nil {
			return err
		}
		program, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		packed, err := pack(program)
		if err != nil {
			return err
		}
		s := servers.Server{
			OS: t.OS, Arch: t.Arch, Hash: sum(program), Size: int64(len(program)),
			Cksum: servers.Cksum(bytes.NewReader(program)), Packed: sum(packed),
		}
		manifest.WriteString(s.Line())
		dir := othersDir
		if t.Embedded {
			dir = bundleDir
		}
		if err := os.WriteFile(filepath.Join(dir, s.File()), packed, 0o644); err != nil {
			return err
		}
		fmt.Printf("%-50s %6.2f MB, %5.2f MB as sent\n", "tsshd for "+t.String(), float64(len(program))/1e6, float64(len(packed))/1e6)
	}
	return os.WriteFile(filepath.Join(bundleDir, servers.Manifest), []byte(manifest.String()), 0o644)
}

// pack compresses as "gzip -9n" does: every server unpacks that, and the header
// has no name and no time.
func pack(program []byte) ([]byte, error) {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := z.Write(program); err != nil {
		return nil, err
	}
	err = z.Close()
	return b.Bytes(), err
}

func sum(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}
