package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"tssh/proxy/terms"
)

// nfpm writes the packages of Linux. It is a tool, and in no go.mod of ours. Of
// newer versions a part (rpm) can't be had from everywhere.
const nfpm = "github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.43.0"

// content is a file of a package, in nfpm's words. Its configuration is YAML,
// which JSON is too.
type content struct {
	Src  string `json:"src"`
	Dst  string `json:"dst"`
	Type string `json:"type,omitempty"`
	Info *info  `json:"file_info,omitempty"`
}

type info struct {
	Mode  int       `json:"mode,omitempty"`
	Mtime time.Time `json:"mtime"`
}

// zshDir is where zsh looks for completion.
func zshDir(format string) string {
	if format == "deb" {
		return "/usr/share/zsh/vendor-completions/_tssh"
	}
	return "/usr/share/zsh/site-functions/_tssh"
}

// packages makes those of every kind of Linux.
func (r *release) packages(kinds []Target) error {
	tool := filepath.Join(r.tmp, "nfpm")
	get := exec.Command("go", "install", nfpm)
	get.Env = append(os.Environ(), "GOBIN="+r.tmp, "GOFLAGS=", "CGO_ENABLED=0")
	get.Dir = r.tmp // in no module
	if said, err := get.CombinedOutput(); err != nil {
		return fmt.Errorf("install %s: %w\n%s", nfpm, err, said)
	}
	formats := func(t Target) map[string]bool {
		return map[string]bool{"deb": t.Deb, "rpm": t.RPM, "apk": t.APK, "archlinux": t.Arch64}
	}
	for _, t := range kinds {
		for _, format := range []string{"deb", "rpm", "apk", "archlinux"} {
			if !formats(t)[format] {
				continue
			}
			arch := t.Arch
			if arch == "arm" {
				arch = "arm6"
			}
			contents, err := r.installed(t, format)
			if err != nil {
				return err
			}
			if err := r.nfpm(tool, format, "tssh", arch, "remote shell that outlives its network\nThe same options and configuration as ssh; with --udp a session\nsurvives changed networks, closed laptops and days offline.", contents); err != nil {
				return err
			}
		}
	}
	files, err := others()
	if err != nil || files == nil {
		return err
	}
	var contents []content
	for _, f := range files {
		contents = append(contents, content{Src: filepath.Join(othersDir, f.name), Dst: "/usr/share/tssh/" + f.name, Info: &info{0o644, r.stamp}})
	}
	for _, format := range []string{"deb", "rpm", "apk", "archlinux"} {
		if err := r.nfpm(tool, format, "tssh-servers", "all", "tsshd for servers of other kinds\nWhat tssh sends to a server that is neither Linux on amd64 nor on arm64.", contents); err != nil {
			return err
		}
	}
	return nil
}

// installed is what the package tssh has. It never takes ssh's name.
func (r *release) installed(t Target, format string) ([]content, error) {
	all := []content{
		{Src: r.program(t), Dst: "/usr/bin/tssh", Info: &info{0o755, r.stamp}},
		{Src: "tssh", Dst: "/usr/bin/tsshd", Type: "symlink", Info: &info{0o777, r.stamp}},
	}
	for _, f := range r.docs {
		data, dst := f.data, ""
		dir, base := filepath.Split(f.name)
		switch {
		case strings.HasPrefix(dir, "man/"):
			dst = "/usr/share/" + f.name + ".gz"
			var err error
			if data, err = pack(data); err != nil {
				return nil, err
			}
		case base == "tssh.bash":
			dst = "/usr/share/bash-completion/completions/tssh"
		case base == "_tssh":
			dst = zshDir(format)
		case base == "tssh.fish":
			dst = "/usr/share/fish/vendor_completions.d/tssh.fish"
		case base == "LICENSE" && format == "deb":
			dst = "/usr/share/doc/tssh/copyright"
		case base == "LICENSE":
			dst = "/usr/share/licenses/tssh/LICENSE"
		default:
			continue
		}
		src := filepath.Join(r.tmp, "files", format, dst)
		if err := os.MkdirAll(filepath.Dir(src), 0o755); err != nil {
			return nil, err
		}
		if err := os.WriteFile(src, data, 0o644); err != nil {
			return nil, err
		}
		all = append(all, content{Src: src, Dst: dst, Info: &info{0o644, r.stamp}})
		if other := strings.Replace(filepath.Base(dst), "tssh", "tsshd", 1); base == "tssh.bash" || base == "tssh.fish" {
			all = append(all, content{Src: filepath.Base(dst), Dst: filepath.Join(filepath.Dir(dst), other), Type: "symlink", Info: &info{0o777, r.stamp}})
		}
	}
	return all, nil
}

// nfpm makes one package.
func (r *release) nfpm(tool, format, pkg, arch, about string, contents []content) error {
	config := map[string]any{
		"name": pkg, "arch": arch, "platform": "linux", "version": terms.Release, "release": "1",
		"section": "net", "priority": "optional", "license": "MIT",
		"maintainer": "The tssh authors <tssh@invalid>", "description": about,
		"mtime": r.stamp, "contents": contents,
		"rpm": map[string]any{"buildhost": "localhost", "summary": strings.SplitN(about, "\n", 2)[0]},
	}
	if pkg == "tssh" {
		config["suggests"] = []string{"tssh-servers"}
		// Other projects' programs of the same names.
		config["conflicts"] = []string{"tsshd", "trzsz-ssh"}
	}
	text, err := json.Marshal(config)
	if err != nil {
		return err
	}
	file := filepath.Join(r.tmp, "nfpm.yaml")
	if err := os.WriteFile(file, text, 0o644); err != nil {
		return err
	}
	out := filepath.Join(r.tmp, "out")
	if err := os.RemoveAll(out); err != nil {
		return err
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	cmd := exec.Command(tool, "package", "-f", file, "-p", format, "-t", out+"/")
	cmd.Env = append(os.Environ(), fmt.Sprintf("SOURCE_DATE_EPOCH=%d", r.stamp.Unix()))
	if said, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("package %s %s for %s: %w\n%s", pkg, format, arch, err, said)
	}
	made, err := filepath.Glob(out + "/*")
	if err != nil || len(made) != 1 {
		return fmt.Errorf("package %s %s for %s: made %q", pkg, format, arch, made)
	}
	data, err := os.ReadFile(made[0])
	if err != nil {
		return err
	}
	return r.write(filepath.Base(made[0]), data)
}
