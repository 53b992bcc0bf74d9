// Package nss answers what the system's name services know and a static program
// does not: hosts of mDNS and of containers, users and groups of directories (LDAP,
// SSSD, systemd-homed). The C library asks modules for them, which can't be loaded
// without it. So after Go's own answer the system's program that prints theirs is
// asked: getent, which Linux and the BSDs have. On macOS and Windows Go asks the
// system itself.
//
// A name comes from a command line, a file or the far side. It is judged before
// it becomes an argument, no shell sees it, and what is printed is bounded, in
// size and in time, as a directory may be out of reach.
package nss

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

const (
	patience  = 10 * time.Second // with one question
	rest      = time.Minute      // until a database that did not answer is asked again
	maxAnswer = 4 << 20          // bytes: a directory may list all of its users
)

// errNone is the answer of name services that know no such thing, and of a
// system without getent.
var errNone = errors.New("not known to the system's name services")

// getent asks a database for keys, none of which may look like an option.
func getent(ctx context.Context, database string, keys ...string) (lines []string, err error) {
	if path := program(); path != "" {
		return ask(ctx, path, patience, database, keys...)
	}
	return nil, errNone
}

// silent has the databases that did not answer, and when. One login asks many
// questions, each of which would wait as long: it is a fact of the machine, and so
// is kept for the process.
var silent sync.Map

// ask runs getent, which is at path.
func ask(ctx context.Context, path string, patience time.Duration, database string, keys ...string) (lines []string, err error) {
	for _, k := range keys {
		if !plain(k) {
			return nil, errNone
		}
	}
	type question struct{ path, database string }
	about := question{path, database}
	if since, ok := silent.Load(about); ok && time.Since(since.(time.Time)) < rest {
		return nil, fmt.Errorf("getent %s: %w", database, context.DeadlineExceeded)
	}
	outer := ctx
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, append([]string{database}, keys...)...)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	cmd.WaitDelay = time.Second // for a child of a getent that is a script, which holds its stdout
	out := answer{enough: cancel}
	cmd.Stdout = &out
	cmd.Run() // the status says of several keys whether all are known: the lines say it too
	if ctx.Err() != nil {
		if outer.Err() == nil && ctx.Err() == context.DeadlineExceeded {
			silent.Store(about, time.Now())
		}
		return nil, fmt.Errorf("getent %s: %w", database, ctx.Err())
	}
	for line := range strings.Lines(string(out.text)) {
		lines = append(lines, strings.TrimSpace(line))
	}
	if len(lines) == 0 {
		return nil, errNone
	}
	return lines, nil
}

// answer keeps what is printed, and ends the program that prints too much.
type answer struct {
	text   []byte
	enough func()
}

// Write takes all, and keeps nothing beyond the bound.
func (a *answer) Write(p []byte) (int, error) {
	if len(a.text)+len(p) > maxAnswer {
		a.enough()
		return len(p), nil
	}
	a.text = append(a.text, p...)
	return len(p), nil
}

// program is where getent is; "" is nowhere. The system's own comes before what
// stands in PATH.
func program() string {
	for _, dir := range []string{"/usr/bin", "/bin", "/run/current-system/sw/bin"} {
		name := filepath.Join(dir, "getent")
		if info, err := os.Stat(name); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return name
		}
	}
	name, err := exec.LookPath("getent")
	if err != nil || !filepath.IsAbs(name) {
		return ""
	}
	return name
}

// plain says whether a name can be an argument: it is no option, and it has
// nothing that no name of a host, a user or a group has.
func plain(name string) bool {
	return name != "" && len(name) <= 255 && name[0] != '-' && !strings.ContainsFunc(name, func(r rune) bool {
		return r < ' ' || r == 0x7f || r == 0xfffd || strings.ContainsRune(`:,/"'()*;<>?[]{}|&!`+"`", r)
	})
}
