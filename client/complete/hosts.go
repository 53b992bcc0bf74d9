package complete

import (
	"bufio"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"tssh/client/config/endpoint"
	"tssh/client/sshconfig/value"
	"tssh/proxy/visible"
)

// What is read at a key press is bounded: a known_hosts may be made by a tool.
const (
	maxFile  = 4 << 20
	maxHosts = 10000
	maxName  = 1025 // as of ssh's
)

// hosts are the names that a user may mean: of Host lines, included files too,
// and of known hosts whose names are not hashed.
func (s Source) hosts() []string {
	f := finder{Source: s, seen: map[string]bool{}, read: map[string]bool{}}
	f.config(filepath.Join(s.Home, ".ssh", "config"), filepath.Join(s.Home, ".ssh"))
	f.config(filepath.Join(s.System, "ssh_config"), s.System)
	for _, name := range []string{
		filepath.Join(s.Home, ".ssh", "known_hosts"), filepath.Join(s.Home, ".ssh", "known_hosts2"),
		filepath.Join(s.System, "ssh_known_hosts"), filepath.Join(s.System, "ssh_known_hosts2"),
	} {
		f.known(name)
	}
	slices.Sort(f.names)
	return f.names
}

type finder struct {
	Source
	names []string
	seen  map[string]bool
	read  map[string]bool // files
}

// add offers a name, unless it could be none of a host that tssh would take. What is
// offered is put on the line as it is by some shells, which carry it out at the next
// key: nothing of their syntax may be in it, whoever wrote it into known_hosts.
func (f *finder) add(name string) {
	if name == "" || f.seen[name] || len(f.names) == maxHosts || len(name) > maxName {
		return
	}
	if !endpoint.ValidHost(name) || strings.ContainsAny(name, "*?!%^~#[]=") || visible.Line(name) != name {
		return
	}
	f.seen[name] = true
	f.names = append(f.names, name)
}

// config reads a file of configuration; dir is where relative names in it are.
func (f *finder) config(name, dir string) {
	if f.read[name] { // they may include each other
		return
	}
	f.read[name] = true
	eachLine(name, func(line string) {
		l, err := value.Read(name, 0, line)
		if err != nil || l == nil {
			return
		}
		switch strings.ToLower(l.Key) {
		case "host":
			for _, h := range l.Args {
				f.add(h)
			}
		case "include":
			for _, glob := range l.Args {
				if rest, ok := strings.CutPrefix(glob, "~/"); ok {
					glob = filepath.Join(f.Home, rest)
				}
				if !filepath.IsAbs(glob) {
					glob = filepath.Join(dir, glob)
				}
				files, _ := filepath.Glob(glob)
				for _, file := range files {
					f.config(file, dir)
				}
			}
		}
	})
}

// known reads the names of a known_hosts file.
func (f *finder) known(name string) {
	eachLine(name, func(line string) {
		words := strings.Fields(line)
		if len(words) < 3 || words[0][0] == '#' || words[0] == "@revoked" {
			return
		}
		if words[0][0] == '@' {
			words = words[1:]
		}
		for _, h := range strings.Split(words[0], ",") {
			if inner, ok := strings.CutPrefix(h, "["); ok { // [name]:port
				h, _, _ = strings.Cut(inner, "]")
			}
			f.add(h)
		}
	})
}

// eachLine gives the lines of a file that can be read, and is one.
func eachLine(name string, f func(string)) {
	info, err := os.Stat(name)
	if err != nil || !info.Mode().IsRegular() {
		return
	}
	file, err := os.Open(name)
	if err != nil {
		return
	}
	defer file.Close()
	lines := bufio.NewScanner(io.LimitReader(file, maxFile))
	for lines.Scan() {
		f(lines.Text())
	}
}

// sessions are the names of sessions, of which a server may have given some: only
// those of which no shell makes more than a word.
func (s Source) sessions() (names []string) {
	if s.Sessions == nil {
		return nil
	}
	for _, name := range s.Sessions(slices.Concat(s.before, s.Behind)) {
		if name != "" && strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.+") == "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
