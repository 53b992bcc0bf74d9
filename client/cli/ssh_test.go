package cli

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"tssh/client/sshconfig"
	"tssh/client/sshconfig/algorithm"
	"tssh/proxy/needs"
)

// said is what a run of -G came to.
type said struct {
	out, err string
	status   int
}

// ours runs -G in this process.
func ours(args []string) said {
	var warnings strings.Builder
	fail := func(err error) said { return said{err: warnings.String() + err.Error() + "\n", status: 255} }
	c, err := Parse(args)
	if err != nil {
		return fail(err)
	}
	env := sshconfig.Local()
	env.Warn = func(line string) { fmt.Fprintln(&warnings, line) }
	h, err := sshconfig.Resolve(env, sshconfig.Request{Host: c.Destination, Settings: c.Settings,
		File: c.ConfigFile, Command: c.Line(), Stdio: c.StdioForward != nil})
	if err != nil {
		return fail(err)
	}
	var out bytes.Buffer
	h.Print(&out)
	return said{out: out.String(), err: warnings.String()}
}

// theirs runs the system's ssh with -G.
func theirs(t *testing.T, ssh string, args []string) said {
	t.Helper()
	cmd := exec.Command(ssh, args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if _, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok {
		t.Fatal(err)
	}
	return said{out: out.String(), err: relevant(errs.String()), status: cmd.ProcessState.ExitCode()}
}

// relevant drops what is no part of a comparison: the log, what ssh says about
// the terminal even with -G (here the session says it), and the usage, which
// has options of ours.
func relevant(s string) string {
	var b strings.Builder
	for line := range strings.Lines(strings.ReplaceAll(s, "\r\n", "\n")) {
		switch {
		case strings.HasPrefix(line, "usage:"):
			return b.String()
		case strings.HasPrefix(line, "debug"), strings.HasPrefix(line, "OpenSSH_"),
			strings.HasPrefix(line, "Pseudo-terminal will not"):
		default:
			b.WriteString(line)
		}
	}
	return b.String()
}

// systemSSH returns the ssh to compare with.
func systemSSH(t *testing.T) string {
	t.Helper()
	needs.Programs(t, "ssh")
	if out, err := exec.Command("ssh", "-V").CombinedOutput(); err != nil || !strings.HasPrefix(string(out), "OpenSSH_") {
		needs.Nothing(t, fmt.Errorf("ssh is not OpenSSH: %s", out))
	}
	return "ssh"
}

// lists are the keys that hold algorithms, by kind.
var lists = map[string]algorithm.Kind{
	"ciphers": algorithm.Cipher, "macs": algorithm.MAC, "kexalgorithms": algorithm.Kex,
	"hostkeyalgorithms": algorithm.Signature, "hostbasedacceptedalgorithms": algorithm.Signature,
	"pubkeyacceptedalgorithms": algorithm.Signature, "casignaturealgorithms": algorithm.CA,
}

// keys takes the output of -G apart, leaving out what is no difference: the
// algorithms that this version of ssh does not know or prefers otherwise, the
// experimental XMSS that Debian builds in, GSSAPI's algorithms, and that ssh
// lists a forwarding to a socket a second time as a dynamic one.
func keys(out string, known map[algorithm.Kind][]string) map[string][]string {
	found := map[string][]string{}
	for line := range strings.Lines(out) {
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		if kind, ok := lists[key]; ok {
			both := slices.DeleteFunc(strings.Split(value, ","), func(n string) bool {
				return !slices.Contains(known[kind], n) || strings.HasPrefix(n, "ssh-xmss")
			})
			slices.Sort(both)
			value = strings.Join(both, ",")
		}
		if key != "gssapikexalgorithms" && value != "~/.ssh/id_xmss" {
			found[key] = append(found[key], value)
		}
	}
	sockets := map[string]bool{}
	for _, f := range found["localforward"] {
		if listen, to, _ := strings.Cut(f, " "); strings.HasPrefix(to, "/") {
			sockets[listen] = true
		}
	}
	found["dynamicforward"] = slices.DeleteFunc(found["dynamicforward"], func(f string) bool { return sockets[f] })
	return found
}

// compare runs both and reports where they differ, key by key.
func compare(t *testing.T, ssh string, known map[algorithm.Kind][]string, args []string) {
	t.Helper()
	want, got := theirs(t, ssh, args), ours(args)
	if got.status != want.status {
		t.Errorf("%q: exit status %d, ssh's is %d\nours:   %sssh's:  %s", args, got.status, want.status, got.err, want.err)
		return
	}
	if got.err = relevant(got.err); got.err != want.err {
		t.Errorf("%q: stderr\nours:  %q\nssh's: %q", args, got.err, want.err)
	}
	have, need := keys(got.out, known), keys(want.out, known)
	for k, v := range need {
		if !slices.Equal(have[k], v) {
			t.Errorf("%q: %s\nours:  %q\nssh's: %q", args, k, have[k], v)
		}
	}
	for k, v := range have {
		if _, ok := need[k]; !ok && !strings.HasPrefix(k, "#!!") {
			t.Errorf("%q: %s %q, ssh prints none", args, k, v)
		}
	}
}

// knownTo asks ssh what it can do.
func knownTo(t *testing.T, ssh string) map[algorithm.Kind][]string {
	known := map[algorithm.Kind][]string{}
	for term, kind := range map[string]algorithm.Kind{"cipher": algorithm.Cipher, "mac": algorithm.MAC,
		"kex": algorithm.Kex, "key-sig": algorithm.Signature, "sig": algorithm.CA} {
		out, err := exec.Command(ssh, "-Q", term).Output()
		if err != nil {
			t.Fatal(err)
		}
		known[kind] = strings.Fields(string(out))
	}
	return known
}

// argv takes a line of a script apart: words between blanks, or in quotes.
func argv(t *testing.T, line, dir string) []string {
	t.Helper()
	r := csv.NewReader(strings.NewReader(strings.ReplaceAll(line, "DIR", dir)))
	r.Comma = ' '
	words, err := r.Read()
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	return words
}

// unpack writes the files of a script into a directory, with DIR replaced.
func unpack(t *testing.T, a *txtar.Archive) string {
	t.Helper()
	dir := t.TempDir()
	for _, f := range a.Files {
		text := strings.ReplaceAll(string(f.Data), "DIR", dir)
		if err := os.WriteFile(filepath.Join(dir, f.Name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// Each script is a configuration and, under "runs", the command lines to print
// it for.
func TestConfigurationsReadAsSSHReadsThem(t *testing.T) {
	ssh := systemSSH(t)
	known := knownTo(t, ssh)
	scripts, _ := filepath.Glob("testdata/config/*.txtar")
	if len(scripts) < 40 {
		t.Fatalf("%d configurations, want 40 at least", len(scripts))
	}
	for _, s := range scripts {
		t.Run(strings.TrimSuffix(filepath.Base(s), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(s)
			if err != nil {
				t.Fatal(err)
			}
			dir := unpack(t, a)
			for _, f := range a.Files {
				if f.Name != "runs" {
					continue
				}
				for line := range strings.Lines(string(f.Data)) {
					args := argv(t, strings.TrimSpace(line), dir)
					compare(t, ssh, known, append([]string{"-G", "-F", dir + "/config"}, args...))
				}
			}
		})
	}
}

// Whatever files this machine has, both read them alike.
func TestFilesOfThisMachineReadAsSSHReadsThem(t *testing.T) {
	ssh := systemSSH(t)
	known := knownTo(t, ssh)
	for _, host := range []string{"h", "localhost", "git@github.com"} {
		compare(t, ssh, known, []string{"-G", host})
	}
}

// Every line of the file is a command line without a configuration.
func TestCommandLinesReadAsSSHReadsThem(t *testing.T) {
	ssh := systemSSH(t)
	known := knownTo(t, ssh)
	text, err := os.ReadFile("testdata/argv.txt")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	os.WriteFile(dir+"/key", nil, 0o600)
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			compare(t, ssh, known, append([]string{"-G", "-F", "none"}, argv(t, line, dir)...))
		}
	}
}

// Every line of the file is a configuration that ssh refuses, or "\n" stands
// between lines of one.
func TestErrorsAreInTheWordsOfSSH(t *testing.T) {
	ssh := systemSSH(t)
	known := knownTo(t, ssh)
	text, err := os.ReadFile("testdata/errors.txt")
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "config")
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		os.WriteFile(name, []byte(strings.ReplaceAll(line, `\n`, "\n")+"\n"), 0o600)
		compare(t, ssh, known, []string{"-G", "-F", name, "h"})
	}
}
