package sshconfig

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"tssh/client/config"
	"tssh/client/config/expand"
	"tssh/client/owner"
	"tssh/client/sshconfig/pattern"
	"tssh/client/sshconfig/value"
	"tssh/proxy/cause"
)

// maxDepth bounds files that include files.
const maxDepth = 16

// block is what a file is read under.
type block struct {
	user   bool // the user's file, not the system's
	check  bool // refuse one that others may write
	active bool // at its first line; Host and Match change it
	never  bool // included where nothing applies: nothing can switch it on
	depth  int
}

// files reads the user's file and the system's, or the one that -F names.
func (e *evaluator) files() error {
	if f := e.req.File; f != "" {
		if strings.EqualFold(f, "none") {
			return nil
		}
		err := e.read(f, block{user: true, active: true})
		if pe, ok := errors.AsType[*fs.PathError](err); ok {
			return &config.Error{Lines: []string{fmt.Sprintf("Can't open user config file %s: %s", f, cause.Of(pe))}}
		}
		return err
	}
	for _, f := range []struct {
		name string
		user bool
	}{{e.env.UserFile, true}, {e.env.SystemFile, false}} {
		if f.name == "" {
			continue
		}
		err := e.read(f.name, block{user: f.user, check: f.user, active: true})
		if _, missing := errors.AsType[*fs.PathError](err); err != nil && !missing {
			return err
		}
	}
	return nil
}

// read evaluates one file. All that is wrong with it is found, not the first
// fault alone. A file that cannot be opened is a *fs.PathError.
func (e *evaluator) read(name string, b block) error {
	if b.depth > maxDepth {
		return &config.Error{Lines: []string{"Too many recursive configuration includes"}, Fatal: true}
	}
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	if b.check && !owner.Only(f, e.env.Debian) {
		return &config.Error{Lines: []string{"Bad owner or permissions on " + name}, Fatal: true}
	}
	text, err := io.ReadAll(f)
	if err != nil {
		return err
	}
	e.env.debug("Reading configuration data " + name)
	var faults []string
	bad := 0
	for i, s := range strings.Split(string(text), "\n") {
		l, err := value.Read(name, i+1, s)
		if err == nil && l != nil {
			err = e.fileLine(l, &b)
		}
		if err == nil {
			continue
		}
		fault, ok := err.(*config.Error)
		if !ok {
			return err
		}
		faults = append(faults, fault.Lines...)
		if fault.Fatal {
			return &config.Error{Lines: faults, Fatal: true}
		}
		bad++
	}
	if bad > 0 {
		faults = append(faults, fmt.Sprintf("%s: terminating, %d bad configuration options", name, bad))
		return &config.Error{Lines: faults, Fatal: true}
	}
	return nil
}

// fileLine evaluates one line of a file; Host, Match and Include are for files
// alone.
func (e *evaluator) fileLine(l *value.Line, b *block) error {
	switch l.Key {
	case "host":
		active, err := e.matchHost(l, b)
		b.active = active
		return err
	case "match":
		active, err := e.match(l, b)
		b.active = active
		return err
	case "include":
		return e.include(l, b)
	}
	l.Active = b.active
	return e.apply(l)
}

// matchHost evaluates Host: some pattern matches and none behind "!" does.
func (e *evaluator) matchHost(l *value.Line, b *block) (active bool, err error) {
	for _, p := range l.Args {
		if p == "" {
			return false, l.Errorf("keyword %s empty argument", l.Key)
		}
		if b.never {
			return false, nil
		}
		p, negated := strings.CutPrefix(p, "!")
		if !pattern.Match(e.name, p) {
			continue
		}
		if negated {
			e.env.debug(fmt.Sprintf("%s: Skipping Host block because of negated match for %s", l.Where, p))
			return false, nil
		}
		if !active {
			e.env.debug(fmt.Sprintf("%s: Applying options for %s", l.Where, p))
		}
		active = true
	}
	return active, nil
}

// include reads other files in place. What Host and Match say in them ends with
// them; where the block outside does not apply, nothing in them does.
func (e *evaluator) include(l *value.Line, b *block) error {
	for i, arg := range l.Args {
		if arg == "" {
			return l.Errorf("keyword %s empty argument", l.Key)
		}
		arg, err := expand.Env(arg, e.env.Getenv, e.tokens())
		if _, unset := err.(expand.Unset); unset { // told, and nothing is read
			e.env.warn(err.Error())
			e.env.warn(l.Errorf("Unable to expand user config file '%s'", l.Args[i]).Error())
			continue
		}
		if err != nil {
			return &config.Error{Lines: []string{err.Error(), "percent_dollar_expand: failed"}, Fatal: true}
		}
		path, err := e.includePath(arg, l, b)
		if err != nil {
			return err
		}
		names, err := filepath.Glob(path)
		if err != nil {
			return l.Errorf("glob failed for %s.", path)
		}
		if names == nil { // no wildcards, or nothing there
			names = []string{path}
		}
		for _, name := range names {
			inner := *b
			inner.depth++
			inner.check = true
			inner.never = b.never || !b.active
			err := e.read(name, inner)
			if pe, ok := errors.AsType[*fs.PathError](err); ok {
				if errors.Is(pe, fs.ErrNotExist) || errors.Is(pe, fs.ErrPermission) {
					continue
				}
				return l.Errorf("Can't open user config file %s: %s", name, cause.Of(pe))
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func (e *evaluator) includePath(arg string, l *value.Line, b *block) (string, error) {
	switch {
	case strings.HasPrefix(arg, "~") && !b.user:
		return "", l.Errorf("bad include path %s.", arg)
	case strings.HasPrefix(arg, "~"):
		return e.env.Tilde(arg)
	case filepath.IsAbs(arg):
		return arg, nil
	case b.user:
		return filepath.Join(e.env.Home, ".ssh", arg), nil
	}
	return filepath.Join(filepath.Dir(e.env.SystemFile), arg), nil
}
