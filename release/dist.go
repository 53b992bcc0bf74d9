package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"tssh/client/complete"
	"tssh/proxy/terms"
)

// file is one that is installed.
type file struct {
	name string // in an archive, with slashes
	data []byte // of a regular file
	link string // of a symbolic link: what it names
	mode int64
}

// release is what all parts of a distribution share.
type release struct {
	dir   string // where it goes
	home  string // where it is to be had
	tmp   string
	stamp time.Time
	docs  []file // manual pages and completion, of every archive
}

// commitTime is the only moment that gets into a release.
func commitTime() (time.Time, error) {
	if s := os.Getenv("SOURCE_DATE_EPOCH"); s != "" {
		n, err := strconv.ParseInt(s, 10, 64)
		return time.Unix(n, 0).UTC(), err
	}
	out, err := exec.Command("git", "log", "-1", "--format=%ct").Output()
	if err != nil {
		return time.Time{}, fmt.Errorf("time of the commit: %w; set SOURCE_DATE_EPOCH where there is no git", err)
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(out)), 10, 64)
	return time.Unix(n, 0).UTC(), err
}

// dist writes a whole release into dir.
func dist(kinds []Target, dir, home string) error {
	if err := checkHome(home); err != nil {
		return err
	}
	stamp, err := commitTime()
	if err != nil {
		return err
	}
	tmp, err := os.MkdirTemp("", "tssh-dist-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := bundle(kinds); err != nil {
		return err
	}
	r := &release{dir: dir, home: home, tmp: tmp, stamp: stamp}
	if err := r.document(); err != nil {
		return err
	}
	for _, t := range kinds {
		if err := r.platform(t); err != nil {
			return err
		}
	}
	if err := r.serverFiles(); err != nil {
		return err
	}
	if err := r.packages(kinds); err != nil {
		return err
	}
	if err := r.bill(kinds); err != nil {
		return err
	}
	if err := r.recipes(); err != nil {
		return err
	}
	return r.sums()
}

// document makes what is the same on every system.
func (r *release) document() error {
	for name, text := range manuals(r.stamp.Format("January 2, 2006")) {
		r.docs = append(r.docs, file{name: "man/" + name, data: []byte(text), mode: 0o644})
	}
	for shell, name := range completionFiles {
		r.docs = append(r.docs, file{name: "completion/" + name, data: []byte(complete.Script(shell)), mode: 0o644})
	}
	for _, name := range []string{"LICENSE", "README.md"} {
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		r.docs = append(r.docs, file{name: name, data: data, mode: 0o644})
	}
	slices.SortFunc(r.docs, func(a, b file) int { return strings.Compare(a.name, b.name) })
	return nil
}

// completionFiles are the shells, and what their files are called.
var completionFiles = map[string]string{"bash": "tssh.bash", "zsh": "_tssh", "fish": "tssh.fish", "powershell": "tssh.ps1"}

// name is that of an archive or package of this release.
func name(parts ...string) string {
	return strings.Join(append([]string{"tssh", terms.Release}, parts...), "-")
}

// program is where platform left the program of a kind.
func (r *release) program(t Target) string { return filepath.Join(r.tmp, t.OS+"-"+t.Arch) }

// platform builds tssh for one kind of machine, and its archive.
func (r *release) platform(t Target) error {
	if err := build(t, "bundle", r.program(t)); err != nil {
		return err
	}
	data, err := os.ReadFile(r.program(t))
	if err != nil {
		return err
	}
	base := name(t.OS, t.Arch)
	if t.OS == "windows" {
		files := append([]file{{name: "tssh.exe", data: data, mode: 0o755}}, r.docs...)
		// There are no links to count on: the second name is a copy, which zip can't share.
		return r.zip(base+".zip", files)
	}
	installer, err := os.ReadFile("install.sh")
	if err != nil {
		return err
	}
	files := append([]file{
		{name: base + "/tssh", data: data, mode: 0o755},
		{name: base + "/tsshd", link: "tssh"},
		{name: base + "/install.sh", data: installer, mode: 0o755},
	}, under(base, r.docs)...)
	return r.tar(base+".tar.gz", files)
}

func under(dir string, files []file) []file {
	all := slices.Clone(files)
	for i := range all {
		all[i].name = dir + "/" + all[i].name
	}
	return all
}

// serverFiles archives the builds for servers.
func (r *release) serverFiles() error {
	files, err := others()
	if err != nil || files == nil {
		return err
	}
	base := name("servers")
	return r.tar(base+".tar.gz", under(base, files))
}

// others are the builds that tssh does not hold.
func others() ([]file, error) {
	paths, err := filepath.Glob(filepath.Join(othersDir, "tsshd-*.gz"))
	if err != nil {
		return nil, err
	}
	var files []file
	for _, p := range paths {
		data, err := os.ReadFile(p)
		if err != nil {
			return nil, err
		}
		files = append(files, file{name: filepath.Base(p), data: data, mode: 0o644})
	}
	return files, nil
}

func (r *release) write(name string, data []byte) error {
	path := filepath.Join(r.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		return err
	}
	return sizes(path)
}

func (r *release) tar(name string, files []file) error {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return err
	}
	w := tar.NewWriter(z)
	for _, f := range files {
		h := &tar.Header{Name: f.name, Mode: f.mode, Size: int64(len(f.data)), ModTime: r.stamp, Typeflag: tar.TypeReg, Uname: "root", Gname: "root", Format: tar.FormatPAX}
		if f.link != "" {
			h.Typeflag, h.Linkname, h.Mode = tar.TypeSymlink, f.link, 0o777
		}
		if err := w.WriteHeader(h); err != nil {
			return err
		}
		if _, err := w.Write(f.data); err != nil {
			return err
		}
	}
	if err := w.Close(); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	return r.write(name, b.Bytes())
}

func (r *release) zip(name string, files []file) error {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, f := range files {
		h := &zip.FileHeader{Name: f.name, Method: zip.Deflate, Modified: r.stamp}
		h.SetMode(os.FileMode(f.mode))
		to, err := w.CreateHeader(h)
		if err != nil {
			return err
		}
		if _, err := to.Write(f.data); err != nil {
			return err
		}
	}
	if err := w.Close(); err != nil {
		return err
	}
	return r.write(name, b.Bytes())
}

// sums lists the checksums of all files, as sha256sum checks them.
func (r *release) sums() error {
	var b strings.Builder
	err := filepath.WalkDir(r.dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		data, err := io.ReadAll(f)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(r.dir, path)
		fmt.Fprintf(&b, "%s  %s\n", sum(data), filepath.ToSlash(rel))
		return err
	})
	if err != nil {
		return err
	}
	return r.write("SHA256SUMS", []byte(b.String()))
}
